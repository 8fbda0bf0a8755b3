"""Asynchronous SGD: shards in shared memory, staleness measured, and it learns digits."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lenext.errors import Failed
from lenext.parallel.asynchronous import Server, train

STUDY = Path(__file__).parents[2] / "benchmarks" / "asynchronous.py"


def test_staleness_is_what_others_did_between_fetch_and_push():
    server = Server(torch.zeros(5), shards=2, momentum=0.5)
    _, early = server.fetch()
    _, late = server.fetch()
    gradient = torch.arange(5.0)
    assert server.push(gradient, early, 0.1) == [0, 0]
    assert server.push(gradient, late, 0.1) == [1, 1]
    values, versions = server.fetch()
    assert versions == [2, 2]
    torch.testing.assert_close(values, -0.1 * gradient - 0.1 * 1.5 * gradient)
    server.note(2.0, 3, 4, [0, 1])
    assert server.figures() == {"loss": 2.0, "train_top1": 0.75, "staleness_mean": 0.5, "staleness_max": 1.0}
    assert server.figures()["staleness_max"] == 0


class Failing:
    def parameters(self):
        return [torch.zeros(2)]

    def learn(self, _step):
        raise SystemExit(3)

    def rate(self, _step):
        return 0.1


def test_a_worker_that_ends_stops_all():
    with pytest.raises(Failed, match="Worker 0 has ended with status 3"):
        train(Server(torch.zeros(2), 1), Failing(), 1, 4, lambda _: None)


def test_it_learns_digits(tmp_path):
    out = tmp_path / "study.json"
    words = [sys.executable, str(STUDY), "--workers", "2", "--epochs", "4", "--out", str(out)]
    subprocess.run(words, check=True, capture_output=True, timeout=120)
    (run,) = json.loads(out.read_text())["measurements"]
    last = run["epochs"][-1]
    assert last["val_top1"] > 0.85
    assert 0 <= last["staleness_mean"] <= last["staleness_max"]
    assert last["loss"] < 1.5  # chance has 2.3
