"""Checkpoints: back to the bit, two newest and the best kept, and no moment at which a kill could lose them."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from torch import nn

from lenext.recipes import SGD, AdamW
from lenext.training.checkpoint import FILES, Checkpoints, Progress
from lenext.training.optim import build_optimizer
from lenext.training.schedule import PlateauWatch

OPTIMIZERS = [SGD(lr=0.1), SGD(lr=0.1, momentum=0.9), AdamW(lr=0.1, weight_decay=0.1)]


def new(value=OPTIMIZERS[1], seed=0):
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    return network, build_optimizer(value, network)


def train(network, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        network(torch.randn(5, 1, 4, 4)).square().sum().backward()
        optimizer.step()


def state(network, optimizer):
    tensors = dict(network.state_dict())
    for number, values in optimizer.state_dict()["state"].items():
        tensors |= {f"{number}.{name}": value for name, value in values.items() if isinstance(value, torch.Tensor)}
    return {name: tensor.clone() for name, tensor in tensors.items()}


def same(one, other):
    return one.keys() == other.keys() and all(
        one[name].equal(other[name]) and one[name].dtype == other[name].dtype for name in one
    )


def saved(folder, *scores):
    """One checkpoint for each score, in epochs 1, 2, ...; returns the weights' bias by epoch."""
    checkpoints, marks = Checkpoints(folder), {}
    for epoch, score in enumerate(scores, 1):
        checkpoints.save(*marked(epoch), Progress(epoch=epoch, step=10 * epoch, score=score))
        marks[epoch] = epoch
    return checkpoints


def marked(epoch):
    network, optimizer = new()
    with torch.no_grad():
        network[3].bias.fill_(epoch)
    return network, optimizer


def epochs(folder):
    return sorted(int(path.name[6:11]) for path in folder.glob("epoch-*"))


def newest(checkpoints):
    network, optimizer = new()
    progress, damaged = checkpoints.restore_newest(network, optimizer)
    if progress is not None:
        assert network[3].bias.tolist() == [progress.epoch] * 3, "weights and progress belong together"
    return (progress.epoch if progress else None), damaged


class TestRoundTrip:
    @pytest.mark.parametrize("value", OPTIMIZERS)
    def test_weights_and_optimiser_come_back_to_the_bit(self, tmp_path, value):
        network, optimizer = new(value)
        train(network, optimizer, 3)
        Checkpoints(tmp_path).save(network, optimizer, Progress(epoch=1, step=3))
        again, again_optimizer = new(value, seed=1)
        assert not same(state(network, optimizer), state(again, again_optimizer))
        Checkpoints(tmp_path).restore_newest(again, again_optimizer)
        assert same(state(network, optimizer), state(again, again_optimizer))

    @pytest.mark.parametrize("value", OPTIMIZERS)
    def test_the_steps_that_follow_are_the_same_too(self, tmp_path, value):
        network, optimizer = new(value)
        train(network, optimizer, 3)
        Checkpoints(tmp_path).save(network, optimizer, Progress(step=3))
        again, again_optimizer = new(value, seed=1)
        Checkpoints(tmp_path).restore_newest(again, again_optimizer)
        for pair in ((network, optimizer), (again, again_optimizer)):
            torch.manual_seed(7)
            train(*pair, 3)
        assert same(state(network, optimizer), state(again, again_optimizer))

    def test_progress_comes_back_whole_except_its_score(self, tmp_path):
        """The score says how good the checkpoint is; a later one of the same epoch must not inherit it."""
        progress = Progress(
            epoch=3, batch=4, step=64, sums=(0.1 + 0.2, 7.0, 9.0), log_bytes=123, score=0.75, seconds=1.5,
            plateau=PlateauWatch(best=0.1 + 0.7, waited=2, drops=1), finished=True,
        )  # fmt: skip
        checkpoints = Checkpoints(tmp_path)
        checkpoints.save(*new(), progress)
        found, damaged = checkpoints.restore_newest(*new(seed=1))
        assert damaged == []
        progress.score = None
        assert found == progress
        assert checkpoints.best_first()[0].name == "epoch-00003-step-000000064"

    def test_a_watch_that_saw_nothing_yet_comes_back(self, tmp_path):
        Checkpoints(tmp_path).save(*new(), Progress())
        assert Checkpoints(tmp_path).restore_newest(*new())[0] == Progress()

    def test_where_nothing_was_saved_nothing_is_restored(self, tmp_path):
        network, optimizer = new()
        before = state(network, optimizer)
        assert Checkpoints(tmp_path / "gone").restore_newest(network, optimizer) == (None, [])
        assert Checkpoints(tmp_path).best_first() == []
        assert same(before, state(network, optimizer))

    def test_the_weights_of_any_checkpoint_alone(self, tmp_path):
        checkpoints = saved(tmp_path, 0.5, 0.4)
        network, _ = new()
        assert checkpoints.restore_weights(checkpoints.best_first()[0], network)
        assert network[3].bias.tolist() == [1, 1, 1]
        (checkpoints.best_first()[0] / "network.safetensors").write_bytes(b"")
        assert not checkpoints.restore_weights(checkpoints.best_first()[0], network)
        assert network[3].bias.tolist() == [1, 1, 1]


class TestKeeping:
    @pytest.mark.parametrize(
        ("scores", "kept", "best"),
        [
            ((0.1, 0.2, 0.3, 0.4), [3, 4], 4),
            ((0.9, 0.2, 0.3, 0.4), [1, 3, 4], 1),
            ((0.1, 0.9, 0.9, 0.9), [2, 3, 4], 2),  # the earliest of equals
            ((0.1, None, 0.9, 0.2, None), [3, 4, 5], 3),
            ((None, None, None), [2, 3], None),
            ((0.0, None, None, None), [1, 3, 4], 1),
            ((1, 0.5, 0.5, 0.5), [1, 3, 4], 1),
        ],
    )
    def test_the_two_newest_and_the_best_are_kept(self, tmp_path, scores, kept, best):
        checkpoints = saved(tmp_path, *scores)
        assert epochs(tmp_path) == kept
        assert newest(checkpoints) == (len(scores), [])
        found = next(iter(checkpoints.best_first()), None)
        assert (int(found.name[6:11]) if found else None) == best

    def test_within_an_epoch_more_steps_are_newer(self, tmp_path):
        checkpoints = Checkpoints(tmp_path)
        for step in (9, 10, 100):
            checkpoints.save(*marked(1), Progress(epoch=1, step=step))
        assert [path.name[-3:] for path in sorted(tmp_path.iterdir())] == ["010", "100"]

    def test_saving_again_at_the_same_step_changes_nothing(self, tmp_path):
        checkpoints = saved(tmp_path, 0.5)
        (path,) = tmp_path.iterdir()
        before = path.stat()
        checkpoints.save(*marked(1), Progress(epoch=1, step=10, score=None))
        assert path.stat().st_ino == before.st_ino
        assert checkpoints.best_first()[0] == path

    def test_a_damaged_one_at_the_same_step_is_written_anew(self, tmp_path):
        checkpoints = saved(tmp_path, 0.5)
        (path,) = tmp_path.iterdir()
        (path / "network.safetensors").write_bytes(b"")
        checkpoints.save(*marked(1), Progress(epoch=1, step=10, score=0.5))
        assert newest(checkpoints) == (1, [])


def damage(path, name, kind):
    file = path / name
    data = bytearray(file.read_bytes())
    if kind == "flipped":
        data[len(data) // 2] ^= 0x10
        file.write_bytes(data)
    elif kind == "cut":
        file.write_bytes(data[:-1])
    else:
        file.unlink()


class TestDamage:
    @pytest.mark.parametrize("name", [*FILES, "manifest.json"])
    @pytest.mark.parametrize("kind", ["flipped", "cut", "removed"])
    def test_the_one_before_is_taken_and_the_damaged_one_named(self, tmp_path, name, kind):
        checkpoints = saved(tmp_path, None, None)
        damage(tmp_path / "epoch-00002-step-000000020", name, kind)
        assert newest(checkpoints) == (1, ["epoch-00002-step-000000020"])

    @pytest.mark.parametrize("manifest", ['{"files": {}}', "{}", "", "subset"])
    def test_a_manifest_that_leaves_files_out_is_damage(self, tmp_path, manifest):
        checkpoints = saved(tmp_path, None, None)
        file = tmp_path / "epoch-00002-step-000000020" / "manifest.json"
        if manifest == "subset":
            document = json.loads(file.read_text())
            del document["files"]["optimizer.safetensors"]
            manifest = json.dumps(document)
        file.write_text(manifest)
        assert newest(checkpoints) == (1, ["epoch-00002-step-000000020"])

    def test_when_all_are_damaged_none_is_restored_and_all_are_named(self, tmp_path):
        checkpoints = saved(tmp_path, None, None)
        for path in tmp_path.iterdir():
            damage(path, "progress.json", "cut")
        network, optimizer = new()
        before = state(network, optimizer)
        progress, damaged = checkpoints.restore_newest(network, optimizer)
        assert progress is None
        assert damaged == ["epoch-00002-step-000000020", "epoch-00001-step-000000010"]
        assert same(before, state(network, optimizer))

    @pytest.mark.parametrize("score", ["null", '"high"', "[]", "{"])
    def test_a_score_that_cannot_be_read_is_none(self, tmp_path, score):
        checkpoints = saved(tmp_path, 0.9, 0.1)
        (tmp_path / "epoch-00001-step-000000010" / "progress.json").write_text(f'{{"score": {score}}}')
        assert checkpoints.best_first()[0].name == "epoch-00002-step-000000020"

    def test_damaged_ones_do_not_push_out_what_is_saved_after_them(self, tmp_path):
        """Resumed from epoch 1 because 2 and 3 are damaged: the steps that follow sort below both."""
        checkpoints = saved(tmp_path, 0.1, 0.2, 0.9)
        saved(tmp_path / "again", 0.1)
        shutil.copytree(tmp_path / "again" / "epoch-00001-step-000000010", tmp_path / "epoch-00001-step-000000010")
        for epoch in (2, 3):
            damage(tmp_path / f"epoch-0000{epoch}-step-0000000{epoch}0", "network.safetensors", "cut")
        assert newest(checkpoints)[0] == 1
        for step in (12, 14, 16):
            checkpoints.save(*marked(1), Progress(epoch=1, step=step))
        assert [path.name for path in sorted(tmp_path.glob("epoch-*"))] == [
            "epoch-00001-step-000000010", "epoch-00001-step-000000014", "epoch-00001-step-000000016",
        ]  # fmt: skip
        assert newest(checkpoints) == (1, [])
        assert checkpoints.best_first()[0].name == "epoch-00001-step-000000010"


class Killed(BaseException):
    """What ends a process between two system calls."""


def kill_at(monkeypatch, step):
    """Raise ``Killed`` in place of the step-th call that changes the disk; rmtree dies in the middle of its work."""
    left = [step]

    def deadly(function, half=None):
        def call(*arguments, **options):
            left[0] -= 1
            if left[0] == -1:
                if half is not None:
                    half(*arguments)
                raise Killed
            return function(*arguments, **options)

        return call

    def half_removed(path):
        for file in sorted(Path(path).glob("*"))[:2]:
            file.unlink()

    monkeypatch.setattr(os, "fsync", deadly(os.fsync))
    monkeypatch.setattr(Path, "rename", deadly(Path.rename))
    monkeypatch.setattr(shutil, "rmtree", deadly(shutil.rmtree, half_removed))


class TestKill:
    @pytest.mark.parametrize("damaged", [False, True], ids=["new", "over a damaged one"])
    def test_no_moment_loses_the_newest_or_the_best(self, tmp_path, monkeypatch, damaged):
        kills = 0
        for step in range(40):
            folder = tmp_path / str(step)
            checkpoints = saved(folder, 0.5, 0.9, 0.7, 0.8)
            assert epochs(folder) == [2, 3, 4]
            if damaged:
                (folder / "epoch-00005-step-000000050").mkdir()
            kill_at(monkeypatch, step)
            try:
                checkpoints.save(*marked(5), Progress(epoch=5, step=50, score=0.6))
                killed = False
            except Killed:
                killed = True
            monkeypatch.undo()
            kills += killed

            after, passed_over = newest(checkpoints)
            assert after in ((4, 5) if killed else (5,))
            assert passed_over in ([], ["epoch-00005-step-000000050"] if damaged else [])
            network, _ = new()
            assert checkpoints.restore_weights(checkpoints.best_first()[0], network)
            assert network[3].bias.tolist() == [2, 2, 2], "the best is whole"

            checkpoints.clear_unfinished()
            assert all(path.name.startswith("epoch-") for path in folder.iterdir())
            checkpoints.save(*marked(6), Progress(epoch=6, step=60, score=0.6))
            assert newest(checkpoints) == (6, [])
            assert 2 in epochs(folder)
            if not killed:
                break
        assert kills >= 11, "four files and two folders synced, renamed, one checkpoint moved away, four clearings"
