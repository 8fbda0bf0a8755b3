"""On what a figure was measured."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import torch

from lenext import __version__


def processor_name() -> str:
    """The processor's name, as far as the system says it; else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def versions() -> dict[str, str]:
    """What computes here."""
    return {
        "lenext": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
