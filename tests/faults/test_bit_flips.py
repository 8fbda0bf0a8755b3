"""A single bit turns over: caught by its SHA-256 before a tensor is used, said once, and the one before is taken."""

import random
import shutil

import pytest
from moves import marked, save
from sittings import Heard, photos

import lenext
from lenext.api.run.finish import restore_best
from lenext.api.run.folder import RunFolder
from lenext.errors import Failed, WeightFileError
from lenext.training.checkpoint import Checkpoints
from lenext.weights.card import load


def flip(path, numbers):
    """Turn over one bit of a file."""
    data = bytearray(path.read_bytes())
    data[numbers.randrange(len(data))] ^= 1 << numbers.randrange(8)
    path.write_bytes(data)


def test_in_a_checkpoint(tmp_path, much, count):
    """The newest is save 4, the best save 2; whatever is hit, what is loaded is whole, and the best stays the best."""
    (tmp_path / "whole").mkdir()
    for number in range(1, 5):
        save(tmp_path / "whole" / "checkpoints", number)
    numbers, harmless = random.Random(0), 0
    total = much(100, 1000)
    for _ in range(total):
        shutil.copytree(tmp_path / "whole", tmp_path / "run")
        folder = tmp_path / "run" / "checkpoints"
        hit = numbers.choice(sorted(folder.glob("epoch-*/*")))
        flip(hit, numbers)
        checkpoints, (network, optimizer) = Checkpoints(folder), marked(0)
        progress, damaged = checkpoints.restore_newest(network, optimizer)
        newest = int(network[3].bias[0])
        assert progress.epoch == newest, "weights and progress belong together"
        if damaged:
            assert (newest, damaged, hit.parent.name) == (3, ["epoch-00004-step-000000040"], damaged[0])
        else:
            assert newest == 4
            harmless += hit.parent.name.startswith("epoch-00004")  # a space or a size in the manifest
        save(folder, 5)
        assert (folder / "epoch-00002-step-000000020").exists() or hit.parent.name.startswith("epoch-00002")
        network = marked(0)[0]
        assert any(checkpoints.restore_weights(path, network) for path in checkpoints.best_first())
        shutil.rmtree(tmp_path / "run")
    assert harmless < total / 10
    count("bits turned over in checkpoints", total)


def test_in_the_best_at_the_end_of_a_run(tmp_path, count):
    """The next best is used, and that is said."""
    (tmp_path / "run").mkdir()
    folder = tmp_path / "run" / "checkpoints"
    for number in (1, 2, 3):
        save(folder, number)
    best = folder / "epoch-00002-step-000000020"
    data = bytearray((best / "network.safetensors").read_bytes())
    data[-1] ^= 1
    (best / "network.safetensors").write_bytes(data)

    class Task:
        network = marked(0)[0]

        class average:  # noqa: N801
            kept = None

    heard = Heard()
    restore_best(Checkpoints(folder), Task, heard)
    assert int(Task.network[3].bias[0]) == 3
    assert len(heard.lines) == 1
    assert best.name in heard.lines[0]
    count("bits turned over in the best checkpoint")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    data = photos(folder / "photos", 6)
    lenext.train(data, model="lenet5", epochs=1, batch_size=8, out=folder / "run", threads=1, workers=0)
    return folder / "run"


def test_in_what_the_run_was_started_with(finished, tmp_path, much, count):
    numbers, total = random.Random(1), much(40, 200)
    whole = RunFolder(finished).read()
    for _ in range(total):
        shutil.copytree(finished, tmp_path / "run")
        run = RunFolder(tmp_path / "run")
        names = ("run.json", "recipe.json", "statistics.safetensors", "data.csv", "manifest.json")
        flip(run.path / numbers.choice(names), numbers)
        try:
            assert run.read() == whole
        except Failed as error:
            assert str(error).count("is damaged") == 1  # noqa: PT017 - or it is whole
            assert error.remedy  # noqa: PT017
        shutil.rmtree(run.path)
    count("bits turned over in what a run was started with", total)


def test_in_the_weight_file(finished, tmp_path, much, count):
    numbers, total = random.Random(2), much(40, 200)
    refused = 0
    before = load(finished)
    for _ in range(total):
        shutil.copy(finished / "model.safetensors", tmp_path / "model.safetensors")
        flip(tmp_path / "model.safetensors", numbers)
        try:
            model = load(tmp_path / "model.safetensors")
        except WeightFileError:
            refused += 1
            continue
        after = model.network.state_dict()
        assert all(tensor.equal(after[name]) for name, tensor in before.network.state_dict().items())
    assert refused > total * 0.9, "what is not refused is a letter of the card"
    count("bits turned over in the weight file", total)
