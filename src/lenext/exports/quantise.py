"""Eight bits: the scales of every layer are set by looking at images."""

from __future__ import annotations

import logging
import os
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from lenext.engines import onnxruntime
from lenext.engines.engine import Pixels, missing, rows
from lenext.engines.openvino import core, runtime

MOST = 300  # NNCF's own default; images beyond it change scales little


def quantise(folder: Path, form: str, images: Pixels) -> None:
    """Replace the graph in ``folder`` ("onnx" or "openvino") by one of eight bits; images: uint8 N C H W."""
    pixels = rows(images[:MOST])
    one_by_one = [pixels[row : row + 1] for row in range(len(pixels))]
    with redirect_stdout(StringIO()):  # both draw bars there
        if form == "onnx":
            by_onnxruntime(folder / "model.onnx", one_by_one)
        else:
            by_nncf(folder, one_by_one)


def by_nncf(folder: Path, images: list[Pixels]) -> None:
    """OpenVINO's own."""
    runtime()  # loaded without the reporter, before NNCF loads it
    os.environ["NNCF_CI"] = "1"  # no report either where the reporter was loaded before, by an OpenVINO of the caller's
    try:
        import nncf
        from nncf.quantization.range_estimator import RangeEstimatorParametersSet
    except ImportError:
        raise missing("nncf", "openvino") from None
    from lenext.exports.graph import save_openvino

    nncf.set_log_level(logging.ERROR)
    model = core().read_model(str(folder / "model.xml"))
    extremes = RangeEstimatorParametersSet.MINMAX  # NNCF's own are means over images, beyond which all is cut
    small = nncf.quantize(
        model,
        nncf.Dataset(images),
        subset_size=len(images),
        preset=nncf.QuantizationPreset.MIXED,  # activations are not symmetric where they are no ReLU's
        ignored_scope=nncf.IgnoredScope(names=products(model)),
        advanced_parameters=nncf.AdvancedQuantizationParameters(activations_range_estimator_params=extremes),
    )
    (folder / "small").mkdir()
    save_openvino(small, folder / "small")
    del model  # which reads its weights from the file that is replaced
    for name in ("model.xml", "model.bin"):
        (folder / "small" / name).replace(folder / name)
    (folder / "small").rmdir()


def products(model: Any) -> list[str]:
    """The names of products of two maps, as of squeeze and excitation, which stay as they are.

    In eight bits EfficientNet-B0 was slower than in 32, and changed more labels (docs/log.md).
    """
    found = [node for node in model.get_ops() if node.get_type_name() == "Multiply"]
    return [node.get_friendly_name() for node in found if all(computed(value) for value in node.input_values())]


def computed(value: Any) -> bool:
    """Whether a value is not known before there is a picture."""
    return bool(value.get_node().get_type_name() != "Constant")


def by_onnxruntime(file: Path, images: list[Pixels]) -> None:
    """ONNX Runtime's own: pairs of nodes that quantise and undo it, which it fuses into layers of eight bits.

    NNCF's for ONNX stops at the graph of LeNet-5, whose edges have no types that it finds.
    """
    onnxruntime.runtime()
    from onnxruntime import quantization

    from lenext.exports.graph import INPUT, quietly

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        """One image at a time."""

        def __init__(self) -> None:
            self._waiting = iter(images)

        def get_next(self) -> dict[str, Pixels] | None:
            image = next(self._waiting, None)
            return None if image is None else {INPUT: image}

    small = file.with_suffix(".small")
    with quietly():
        quantization.quantize_static(
            str(file), str(small), Reader(), per_channel=True,
            activation_type=quantization.QuantType.QUInt8, weight_type=quantization.QuantType.QInt8,
        )  # fmt: skip
    small.replace(file)


def enough(images: Pixels) -> bool:
    """Whether the images can set scales at all: some, and not all of one colour."""
    return len(images) > 0 and bool(np.ptp(images) > 0)
