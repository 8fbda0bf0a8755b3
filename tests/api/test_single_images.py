"""LeNet by its paper's recipe: one image an update, and the same bits after a stop."""

import json
import signal
from pathlib import Path

import pytest
import safetensors.numpy

import lenext
from lenext.errors import Interrupted
from lenext.training.watch import Silent

FAST = ("schedule.rates=[0.0005, 0.0002, 0.0001, 0.00005, 0.00001]",)  # so that two passes over few images show
ASKED = {"model": "lenet5", "recipe": "paper", "epochs": 2, "threads": 1, "device": "cpu", "seed": 4, "settings": FAST}


class StopsIn(Silent):
    """Sends SIGINT at the first moment after half of an epoch."""

    def __init__(self, epoch):
        self.epoch_to_stop = epoch

    def step(self, moment):
        if moment.epoch == self.epoch_to_stop and moment.batch > moment.batches / 2:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture(scope="module")
def csv(tmp_path_factory):
    """Two hundred of scikit-learn's digits, as files."""
    from PIL import Image
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("data")
    digits = load_digits()
    for number, (pixels, label) in enumerate(zip(digits.images[:300], digits.target, strict=False)):
        path = folder / "digits" / str(label) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15.9).astype("uint8")).save(path)
    return folder / "digits"


def test_stopped_in_the_second_epoch_and_resumed_it_ends_in_the_same_bits(csv, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    document = lenext.train(csv, out=whole, **ASKED)
    assert document["steps"] == 2 * 270
    with pytest.raises(Interrupted):
        lenext.train(csv, out=parts, watcher=StopsIn(2), **ASKED)
    lenext.train(csv, out=parts, resume=True)
    first, second = (
        safetensors.numpy.load_file(max((Path(run) / "checkpoints").glob("epoch-*")) / "network.safetensors")
        for run in (whole, parts)
    )
    assert {name: array.tobytes() for name, array in first.items()} == {
        name: array.tobytes() for name, array in second.items()
    }
    assert (whole / "metrics.jsonl").read_bytes() == (parts / "metrics.jsonl").read_bytes()
    rows = [json.loads(line) for line in (whole / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
