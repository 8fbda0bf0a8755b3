"""The fastest engine is found by measurement, remembered, and measured anew where anything is different."""

import time

import numpy as np
import pytest

from lenext.engines.choice import choose, remembered
from lenext.engines.engine import missing
from lenext.errors import UsageError

BATCH = np.zeros((4, 3, 8, 8), dtype=np.uint8)


class Sleeper:
    """An engine that takes its time."""

    def __init__(self, name, seconds):
        self.name, self.seconds = name, seconds

    def predict(self, batch):
        time.sleep(self.seconds)
        return np.zeros((len(batch), 2), dtype=np.float32)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path))
    return tmp_path


def broken():
    raise RuntimeError("no such instruction")


def test_the_fastest_wins_and_a_broken_one_is_passed_over():
    candidates = {"eager": lambda: Sleeper("eager", 0.02), "openvino": lambda: Sleeper("openvino", 0), "x": broken}
    choice, engine = choose({"network": "a"}, candidates, BATCH)
    assert choice.name == engine.name == "openvino"
    assert choice.failed == {"x": "no such instruction"}
    assert "openvino" in choice.line()


class Foreign(Exception):
    """What ONNX Runtime raises is no RuntimeError either."""


def foreign():
    raise Foreign("[ONNXRuntimeError] : 1 : FAIL")


def test_whatever_an_engine_raises_another_one_takes_its_place():
    sound = {"eager": lambda: Sleeper("eager", 0.02)}
    choice, _ = choose({}, sound | {"onnxruntime": foreign, "openvino": lambda: Refusing("openvino", 0)}, BATCH)
    assert (choice.name, choice.failed) == (
        "eager",
        {"onnxruntime": "[ONNXRuntimeError] : 1 : FAIL", "openvino": "MemoryError()"},
    )
    quick = {"onnxruntime": lambda: Sleeper("onnxruntime", 0)}
    assert choose({"network": "a"}, sound | quick, BATCH)[0].name == "onnxruntime"
    assert choose({"network": "a"}, sound | {"onnxruntime": foreign}, BATCH)[0].name == "eager", "it was remembered"


class Refusing(Sleeper):
    """An engine that opens, and has no room for a batch."""

    def predict(self, _):
        raise MemoryError


def test_it_is_remembered_for_the_same_network_alone(cache):
    opened = []

    def candidate(name, seconds):
        return lambda: opened.append(name) or Sleeper(name, seconds)

    candidates = {"eager": candidate("eager", 0.02), "openvino": candidate("openvino", 0)}
    for network in ("a", "a", "b"):
        choose({"network": network}, candidates, BATCH)
    assert opened == ["eager", "openvino", "openvino", "eager", "openvino"]


def test_an_engine_that_takes_long_to_start_must_pay(monkeypatch):
    monkeypatch.setattr("lenext.engines.choice.STEADY", 0.0)

    def slow():
        time.sleep(0.5)
        return Sleeper("openvino", 0.0005)

    choice, _ = choose({}, {"eager": lambda: Sleeper("eager", 0.0007), "openvino": slow}, BATCH)
    assert choice.name == "eager"
    assert "openvino takes" in choice.line()


def test_quick_engines_are_judged_by_more_images(monkeypatch):
    def slow():
        time.sleep(0.2)
        return Sleeper("openvino", 0.001)

    monkeypatch.setattr("lenext.engines.choice.WORK", 20)
    assert choose({}, {"eager": lambda: Sleeper("eager", 0.002), "openvino": slow}, BATCH)[0].name == "openvino"


def test_nothing_is_compiled_where_that_cannot_pay(monkeypatch):
    candidates = {"eager": lambda: Sleeper("eager", 0.022), "compiled": lambda: Sleeper("compiled", 0)}
    assert "compiled" in choose({"network": "slow"}, candidates, BATCH)[0].rates  # 2,000 images take ten seconds
    monkeypatch.setattr("lenext.engines.choice.WORK", 200)
    choice, _ = choose({"network": "quick"}, candidates, BATCH)
    assert (choice.name, list(choice.rates)) == ("eager", ["eager"])
    assert "longer than 200 images" in choice.failed["compiled"]


def test_what_was_remembered_wrongly_is_measured_anew(cache):
    candidates = {"eager": lambda: Sleeper("eager", 0)}
    choose({}, candidates, BATCH)
    (file,) = (cache / "engines").iterdir()
    file.write_text("{")
    assert remembered(file) is None
    assert choose({}, candidates, BATCH)[0].name == "eager"


def test_where_nothing_runs_that_is_said():
    with pytest.raises(UsageError, match="No engine"):
        choose({}, {"x": broken}, BATCH)


def test_the_remedy_is_that_of_an_engine_that_is_missing():
    def absent():
        raise missing("openvino", "openvino")

    with pytest.raises(UsageError) as said:
        choose({}, {"openvino": absent, "openvino:4": absent}, BATCH)
    assert said.value.message == "No engine can run the network: The engine needs openvino, which is not installed."
    assert said.value.remedy == missing("openvino", "openvino").remedy
