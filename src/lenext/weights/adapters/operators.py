"""What torchvision's wheels miss on a torch that was built for the CPU alone."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import torch

_declared: list[Any] = []  # a library of operators lives as long as its object


def declare_operators() -> None:
    """torchvision's wheels do not fit torch's for the CPU: two operators of detection are missing at its import."""
    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)
    for module in [module for module in sys.modules if module.partition(".")[0] == "torchvision"]:
        del sys.modules[module]


def library(module: str) -> Any:
    """A module of torchvision, or of what needs it. Raises ``ImportError`` where it is not installed."""
    try:
        return importlib.import_module(module)
    except RuntimeError:
        declare_operators()
        return importlib.import_module(module)
