"""The loop with every value of a recipe at once: it learns, and a killed run ends in the same bits."""

from dataclasses import replace

import pytest
import safetensors.torch
import torch
from everything import EVERYTHING, network, sit, task

from lenext.errors import Failed
from lenext.recipes import SGD, Constant, EpochSteps, VelocitySGD
from lenext.training.checkpoint import AVERAGE, Checkpoints
from lenext.training.log import read_log


def bits(folder):
    """All that a run leaves and that must be equal to the bit."""
    last = max((folder / "checkpoints").glob("epoch-*"))
    kept = {path.name: path.read_bytes() for path in last.glob("*.safetensors")}
    return {**kept, "log": (folder / "metrics.jsonl").read_bytes()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    progress = sit(folder, task())
    assert (progress.epoch, progress.step, progress.finished) == (4, 16, True)
    return folder


def test_it_learns(undisturbed):
    rows = read_log(undisturbed / "metrics.jsonl")
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert set(rows[0]) == {"epoch", "step", "lr", "loss", "train_top1", "val_loss", "val_top1"}


def test_a_checkpoint_holds_the_average_too(undisturbed):
    assert AVERAGE in bits(undisturbed)
    assert bits(undisturbed)[AVERAGE] != bits(undisturbed)["network.safetensors"]


def test_the_weights_that_a_run_gives_are_the_averaged_ones(undisturbed):
    checkpoints, found = Checkpoints(undisturbed / "checkpoints"), network()
    best = checkpoints.best_first()[0]
    assert checkpoints.restore_weights(best, found)
    averaged = safetensors.torch.load_file(best / AVERAGE)
    assert all(tensor.equal(averaged[name]) for name, tensor in found.state_dict().items())


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("dies", [1, 3])
def test_killed_again_and_again_it_ends_in_the_same_bits(undisturbed, tmp_path, workers, dies):
    """Crops, flips, erasing, mixing, dropout, drop path, statistics, momentum, average, passes, cosine: all go on."""
    kills = 0
    while True:
        torch.manual_seed(kills)  # whatever the process drew before
        try:
            progress = sit(tmp_path, task(net=network(kills and 99), workers=workers, dies=dies), every=0.0)
        except KeyboardInterrupt:
            kills += 1
            continue
        break
    assert progress.finished
    assert kills >= 4
    assert bits(tmp_path) == bits(undisturbed)


def test_another_seed_is_another_run(undisturbed, tmp_path):
    sit(tmp_path, task(seed=6))
    assert bits(tmp_path) != bits(undisturbed)


def test_the_rate_of_every_epoch_is_logged(tmp_path):
    recipe = replace(EVERYTHING, schedule=EpochSteps(at=(2.0,), factor=0.1), epochs=3)
    sit(tmp_path, task(recipe))
    assert [row["lr"] for row in read_log(tmp_path / "metrics.jsonl")] == pytest.approx([0.1, 0.1, 0.01])


def test_biases_follow_their_own_schedule_and_a_killed_run_too(tmp_path):
    """cuda-convnet2: twice the rate, a tenth of it from half time on, whatever the weights' rate does."""
    biases = VelocitySGD(lr=0.1, bias_rate=2.0, bias_schedule=EpochSteps(at=(2,), factor=0.1))
    recipe = replace(EVERYTHING, optimizer=biases, schedule=EpochSteps(at=(1, 3), factor=0.5))
    job, rates = task(recipe), []
    step = job.optimizer.step

    def noted(*how):
        groups = {bool(group.get("own_schedule")): group["lr"] for group in job.optimizer.param_groups}
        rates.append((groups[False], groups[True]))
        return step(*how)

    job.optimizer.step = noted
    sit(tmp_path / "whole", job)
    assert rates[::4] == [pytest.approx(pair) for pair in ((0.1, 0.2), (0.05, 0.2), (0.05, 0.02), (0.025, 0.02))]
    with pytest.raises(KeyboardInterrupt):
        sit(tmp_path / "killed", task(recipe, dies=2), every=0.0)
    sit(tmp_path / "killed", task(recipe), every=0.0)
    assert bits(tmp_path / "killed") == bits(tmp_path / "whole")


def test_a_loss_that_is_no_number_ends_the_run_before_it_is_saved(tmp_path):
    recipe = replace(EVERYTHING, optimizer=SGD(lr=1e30), clip=None, schedule=Constant())
    with pytest.raises(Failed, match="is not a number") as failed:
        sit(tmp_path, task(recipe))
    assert "learning rate" in failed.value.remedy
    assert not list((tmp_path / "checkpoints").glob("epoch-*"))
