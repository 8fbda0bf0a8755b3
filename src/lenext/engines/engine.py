"""The one face of every engine, and what they share."""

from __future__ import annotations

import os
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lenext.errors import UsageError

EAGER, COMPILED, OPENVINO, ONNXRUNTIME, AUTO = "eager", "compiled", "openvino", "onnxruntime", "auto"
ENGINES = (EAGER, COMPILED, OPENVINO, ONNXRUNTIME)

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]


class Engine(Protocol):
    """Computes with all cores that the process may use, one batch at a time."""

    @property
    def name(self) -> str:
        """One of ``ENGINES``."""
        ...

    def predict(self, batch: Pixels) -> Floats:  # N C H W -> N classes
        """Probabilities of views of the size that the network was made for; quickest where channels lie together."""
        ...


class Graph(Engine, Protocol):
    """An engine that runs a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and channels of what the file takes, and how many classes it answers with."""
        ...


def rows(batch: Pixels) -> Pixels:  # N C H W -> N H W C
    """As graphs take pixels; nothing is copied where they were decoded so."""
    return np.ascontiguousarray(batch.transpose(0, 2, 3, 1))


def cores() -> int:
    """Processors that the process may use; $OMP_NUM_THREADS, where it is set, counts for every engine."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def missing(package: str, extra: str) -> UsageError:
    """What to raise where an engine is not installed."""
    return UsageError(f"The engine needs {package}, which is not installed.", f'Run pip install "lenext[{extra}]".')
