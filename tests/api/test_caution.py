"""A precision that the processor only imitates is said where torch computes in it."""

import pytest

from lenext.api.caution import warn_of_imitation
from lenext.evaluation.inference import Compute
from lenext.training.watch import Silent


class Told(Silent):
    def __init__(self):
        self.lines = []

    def message(self, text):
        self.lines.append(text)


@pytest.mark.parametrize(("engine", "told"), [(None, 1), ("eager", 1), ("compiled", 1), ("openvino", 0), ("auto", 0)])
def test_torch_is_cautioned_about_and_no_other(monkeypatch, engine, told):
    monkeypatch.setattr("lenext.evaluation.inference.fast_precision", lambda _: "fp32")
    watcher = Told()
    warn_of_imitation(Compute.choose("cpu", "bf16"), watcher, engine)
    assert len(watcher.lines) == told


def test_nothing_is_said_of_what_the_processor_has():
    watcher = Told()
    warn_of_imitation(Compute.choose("cpu", "auto"), watcher)
    assert watcher.lines == []
