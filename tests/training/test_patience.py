"""Early stopping: after so many epochs that were not better, at the right one, over a kill too."""

import json
from dataclasses import replace

import pytest
from everything import EVERYTHING, sit, task

from lenext.recipes import SGD, Constant
from lenext.training.checkpoint import Progress
from lenext.training.log import read_log
from lenext.training.patience import Waiting

STUCK = replace(EVERYTHING, optimizer=SGD(lr=0.0), schedule=Constant(), average=None, epochs=9, patience=3)


def test_equal_is_not_better():
    waiting = Waiting()
    for score, epochs in ((1.0, 0), (1.0, 1), (0.5, 2), (1.5, 0), (1.2, 1)):
        waiting.see(score)
        assert waiting.epochs == epochs
    assert not waiting.over(2)
    assert waiting.over(1)
    assert not waiting.over(None)


@pytest.fixture
def never_better(monkeypatch):
    """A validation that stays as it is; the statistics of batch normalisation move even at a rate of 0."""
    same = {"val_loss": 1.0, "val_top1": 0.5}
    monkeypatch.setattr("lenext.training.loop._Session.validate", lambda *_: dict(same))


def test_it_stops_at_the_right_epoch(never_better, tmp_path):
    progress = sit(tmp_path, task(STUCK))
    assert (progress.epoch, progress.finished) == (4, True)  # the first, and three that were not better
    assert len(read_log(tmp_path / "metrics.jsonl")) == 4


def test_it_counts_over_kills_to_the_same_bits(never_better, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    sit(whole, task(STUCK))
    for _ in range(50):
        try:
            progress = sit(killed, task(STUCK, dies=2), every=0.0)
        except KeyboardInterrupt:
            continue
        break
    assert (progress.epoch, progress.waiting.epochs) == (4, 3)
    assert (whole / "metrics.jsonl").read_bytes() == (killed / "metrics.jsonl").read_bytes()
    last = [max((folder / "checkpoints").glob("epoch-*")) for folder in (whole, killed)]
    assert (last[0] / "network.safetensors").read_bytes() == (last[1] / "network.safetensors").read_bytes()


def test_a_checkpoint_of_before_has_waited_for_nothing():
    document = {"epoch": 1, "sums": [0, 0, 0], "plateau": {"best": 0.5, "waited": 1, "drops": 0}}
    progress = Progress.read(json.loads(json.dumps(document)))
    assert progress.waiting == Waiting()
    assert progress.pace.total is None
