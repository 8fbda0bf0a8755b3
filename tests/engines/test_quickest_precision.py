"""What ``--precision auto`` is for an exported network: of the engine's and the processor's means."""

import pytest

from lenext.api.trained.engine import compute_of
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


@pytest.mark.parametrize(
    ("engine", "expected"), [("onnxruntime", "fp32"), ("openvino", "bf16"), (None, "bf16"), ("auto", "bf16")]
)
def test_for_a_run_onnx_runtime_has_no_other_than_fp32(engine, expected, monkeypatch):
    monkeypatch.setattr("lenext.evaluation.inference.fast_precision", lambda _: "bf16")
    assert compute_of("cpu", "auto", engine).precision == expected
    assert compute_of("cpu", "bf16", engine).precision == "bf16"  # asked for by name: refused where there is none
