"""What ``--precision auto`` is for an exported network: of the engine's and the processor's means."""

import pytest

from lenext.engines.opening import quickest_precision
from lenext.errors import UsageError

CASES = [
    ("openvino", None, "bf16"),
    ("openvino", "auto", "bf16"),
    ("onnx", "openvino", "bf16"),
    ("onnx", "auto", "bf16"),
    ("onnx", None, "fp32"),  # ONNX Runtime, which has no other
    ("onnx", "onnxruntime", "fp32"),
    ("torch", None, "fp32"),
    ("torch", "auto", "fp32"),
]


@pytest.mark.parametrize(("form", "engine", "expected"), CASES)
def test_bf16_where_the_engine_and_the_processor_have_it(form, engine, expected, monkeypatch):
    monkeypatch.setattr("lenext.engines.openvino.computes_bf16", lambda: True)
    assert quickest_precision(form, engine) == expected
    monkeypatch.setattr("lenext.engines.openvino.computes_bf16", lambda: False)
    assert quickest_precision(form, engine) == "fp32"


def test_onnx_alone_is_enough(monkeypatch):
    def lacking():
        raise UsageError("openvino is not installed.", "Install it.")

    monkeypatch.setattr("lenext.engines.openvino.computes_bf16", lacking)
    assert quickest_precision("onnx", "auto") == "fp32"
