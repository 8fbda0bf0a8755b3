"""Eight bits: scales of every layer are set by looking at images, with NNCF."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

from lenext.engines.engine import Pixels, missing, rows

MOST = 300  # ours: NNCF's own default; images beyond it change scales little


def quantise(folder: Path, form: str, images: Pixels) -> None:
    """Replace the graph in ``folder`` ("onnx" or "openvino") by one of eight bits; images: uint8 N C H W."""
    os.environ["NNCF_CI"] = "1"  # no telemetry
    try:
        import nncf
    except ImportError:
        raise missing("nncf", "openvino") from None
    nncf.set_log_level(logging.ERROR)
    pixels = rows(images[:MOST])
    one_by_one = [pixels[row : row + 1] for row in range(len(pixels))]
    if form == "onnx":
        import onnx

        file = folder / "model.onnx"
        model: Any = onnx.load(str(file))
        name = model.graph.input[0].name
        small = nncf.quantize(model, data(nncf, [{name: one} for one in one_by_one]), subset_size=len(pixels))
        onnx.save(small, str(file))
        return
    import openvino

    from lenext.exports.graph import save_openvino

    model = openvino.Core().read_model(str(folder / "model.xml"))
    small = nncf.quantize(model, data(nncf, one_by_one), subset_size=len(pixels))
    (folder / "small").mkdir()
    save_openvino(small, folder / "small")
    del model  # which reads its weights from the file that is replaced
    for name in ("model.xml", "model.bin"):
        (folder / "small" / name).replace(folder / name)
    (folder / "small").rmdir()


def data(nncf: Any, items: list[Any]) -> Any:
    return nncf.Dataset(items)


def enough(images: Pixels) -> bool:
    """Whether the images can set scales at all: some, and not all of one colour."""
    return len(images) > 0 and bool(np.ptp(images) > 0)
