"""NaN and infinity in loss, gradient or weight: named with step and images, never saved; or back and half the rate."""

import re

import pytest
import safetensors.torch
import torch
from everything import Checkpoints, Keeping, MetricLog, Progress, fit, sit, task
from sittings import Heard, photos

import lenext
from lenext.errors import Failed
from lenext.training.log import read_log
from lenext.training.soundness import Diverged

VALUES = {"nan": float("nan"), "inf": float("inf")}


def broken(job, where, value, when):
    """The task, whose ``where`` becomes ``value`` in every step for which ``when(step, rate)`` holds."""
    whole, learn, update = job.gradients, type(job).learn, job.scaling.update
    now = {}

    def gradients(inputs, targets, labels):
        loss, hits = whole(inputs, targets, labels)
        if where == "gradient" and now["hit"]:
            job.network.stages.two.weight.grad[0, 0, 0, 0] = value
        return (loss * value if where == "loss" and now["hit"] else loss), hits

    def updated(optimizer, clip):
        update(optimizer, clip)
        if where == "weight" and now["hit"]:
            with torch.no_grad():
                job.network.stages.two.weight[0, 0, 0, 0] = value

    def watched(batch, at, rate, *biases):
        now["hit"] = when(at[0], rate)
        return learn(job, batch, at, rate, *biases)

    vars(job).update(gradients=gradients, learn=watched)
    job.scaling.update = updated
    return job


def sound(folder):
    for file in folder.rglob("*.safetensors"):
        assert all(tensor.isfinite().all() for tensor in safetensors.torch.load_file(file).values())


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("where", ["loss", "gradient", "weight"])
def test_it_is_found_in_its_step_and_not_saved(where, value, tmp_path, much, count):
    steps = much((1, 3, 6, 12), range(1, 16))
    for step in steps:
        found_in_its_step(where, value, step, tmp_path / str(step))
    count("numbers lost in a loss, a gradient or a weight", len(steps))


def found_in_its_step(where, value, step, folder):
    job = broken(task(), where, VALUES[value], lambda now, _: now == step)
    with pytest.raises(Diverged) as caught:
        sit(folder, job, every=0.0)
    said = str(caught.value)
    assert f"is not a number at step {step + 1:,}" in said
    assert where in said
    rows = job.order(step // 4)[job.cuts[step % 4] : job.cuts[step % 4 + 1]]
    assert [job.training.part.names[row] for row in rows] == re.search(r"on ([^;]*);", said)[1].split(", ")
    steps = [int(path.name[-9:]) for path in (folder / "checkpoints").glob("epoch-*")]
    assert max(steps) == step
    sound(folder)


def sit_again(folder, job, every=600.0):
    """As ``sit``, with three ways back."""
    checkpoints, heard = Checkpoints(folder / "checkpoints", ends=True), Heard()
    checkpoints.folder.mkdir(parents=True, exist_ok=True)
    progress = checkpoints.restore_newest(job.network, job.optimizer, job.average.kept)[0] or Progress()
    log = MetricLog(folder / "metrics.jsonl", progress.log_bytes)
    try:
        fit(job, progress, Keeping(checkpoints, log, every, rollbacks=3), heard)
    finally:
        log.close()
    return progress, heard.lines


def bits(folder):
    last = max((folder / "checkpoints").glob("epoch-*"))
    return {path.name: path.read_bytes() for path in last.glob("*.safetensors")}, (
        folder / "metrics.jsonl"
    ).read_bytes()


def at_full_rate(step, rate):
    """In step 10, as long as the rate is the recipe's: half of it cures."""
    return step == 9 and rate > 0.03


def test_back_to_the_last_end_of_an_epoch_with_half_the_rate(tmp_path, count):
    progress, said = sit_again(tmp_path / "back", broken(task(), "gradient", VALUES["nan"], at_full_rate), every=0.0)
    assert (progress.finished, progress.rollbacks) == (True, 1)
    assert len(said) == 1
    assert "step 10" in said[0]
    assert "end of epoch 2" in said[0]
    assert "0.5 of the recipe's" in said[0]
    sit(tmp_path / "whole", task())
    back, whole = (read_log(tmp_path / name / "metrics.jsonl") for name in ("back", "whole"))
    assert back[:2] == whole[:2]
    assert [row["lr"] for row in back[2:]] == pytest.approx([row["lr"] / 2 for row in whole[2:]])
    sound(tmp_path)
    count("ways back to the last good epoch, with half the rate")


def test_a_kill_changes_no_bit_of_it(tmp_path, count):
    """Where it goes back to does not depend on when it was saved last."""
    sit_again(tmp_path / "alone", broken(task(), "gradient", VALUES["nan"], at_full_rate))
    kills = 0
    while True:
        try:
            sit_again(tmp_path / "killed", broken(task(dies=1), "gradient", VALUES["nan"], at_full_rate), every=0.0)
        except KeyboardInterrupt:
            kills += 1
            assert kills < 60
            continue
        break
    assert kills > 6
    assert bits(tmp_path / "killed") == bits(tmp_path / "alone")
    count("kills around a way back, the end equal to the bit", kills)


def test_not_without_end(tmp_path, count):
    job = broken(task(), "loss", VALUES["nan"], lambda step, _: step == 5)
    with pytest.raises(Diverged, match="at step 6"):
        sit_again(tmp_path, job, every=0.0)
    sound(tmp_path)
    count("runs that went back three times and then stopped")


@pytest.mark.parametrize("on_nan", ["stop", "rollback"])
def test_a_command_ends_with_an_error_and_no_weights(on_nan, tmp_path, count):
    heard = Heard()
    with pytest.raises(Failed, match=r"not a number at step \d+"):
        lenext.train(
            photos(tmp_path / "photos", 8), model="resnet20_cifar", epochs=2, batch_size=8, out=tmp_path / "run",
            threads=1, settings=("optimizer.lr=1e30",), on_nan=on_nan, watcher=heard,
        )  # fmt: skip
    assert not (tmp_path / "run" / "model.safetensors").exists()
    sound(tmp_path / "run")
    assert sum("Back to the end of epoch" in line for line in heard.lines) == (3 if on_nan == "rollback" else 0)
    count("runs at a rate of 1e30")
