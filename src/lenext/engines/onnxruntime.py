"""ONNX Runtime on the CPU, in single precision or in whatever the file holds."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from lenext.engines.engine import ONNXRUNTIME, Floats, Pixels, cores, missing, rows


class OnnxRuntime:
    """A graph of uint8 N H W C to probabilities."""

    name = ONNXRUNTIME

    def __init__(self, graph: Path) -> None:
        onnxruntime = runtime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = cores()
        options.log_severity_level = 3  # errors
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        taken, given = self._session.get_inputs()[0], self._session.get_outputs()[0]
        self._input, self.shape = taken.name, (*taken.shape[1:], given.shape[1])

    def predict(self, batch: Pixels) -> Floats:
        """See ``Engine``."""
        (found,) = self._session.run(None, {self._input: rows(batch)})
        return np.asarray(found, dtype=np.float32)


def runtime() -> Any:
    """The package, which from 1.29 on reports networks and machines to its makers where this is not set before."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError:
        raise missing("onnxruntime", "onnx") from None
    return onnxruntime
