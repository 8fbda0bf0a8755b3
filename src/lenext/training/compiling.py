"""``--compile``: forward and backward pass as one program that torch writes for this network and machine.

Layers are fused, so sums come in another order and the bits are others; a run says whether it compiles, and keeps to
it. ``auto`` measures: ResNet-20 gained a fifth on one processor and nothing on another (docs/log.md), and on a GPU most
networks do.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import warnings
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from lenext.training.objective import Objective

AUTO, ON, OFF = COMPILE = ("auto", "on", "off")
# Numbers up to which a CPU computes a variance in two passes; to carry mean and squares along in one takes longer.
TWO_PASSES = "use_two_step_variance_threshold"


def compiled_heads(objective: Objective, sizes: Collection[int]) -> Objective:
    """The objective with a compiled forward pass, and the backward pass that belongs to it.

    sizes: the images of usual passes, for each of which there is a program; another number, as the last batch of an
    epoch has, goes through the layers as they are.
    """
    import torch._inductor.config as inductor

    options: dict[str, Any] = {f"cpp.{TWO_PASSES}": 2**62} if hasattr(inductor.cpp, TWO_PASSES) else {}
    with warnings.catch_warnings(action="ignore"):  # the compiler's own, here and below
        program = torch.compile(objective.heads, dynamic=False, options=options)

    def heads(inputs: Tensor) -> tuple[Tensor, ...]:
        if len(inputs) not in sizes:
            return objective.heads(inputs)
        with warnings.catch_warnings(action="ignore"):
            return program(inputs)

    return replace(objective, heads=heads)


def compiler_missing(device: torch.device) -> str | None:
    """What torch needs to compile for a device and does not find."""
    if device.type == "cpu":
        names = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++"]
        return None if any(shutil.which(name) for name in names) else f"there is no C++ compiler ({names[0]})"
    return None if importlib.util.find_spec("triton") else "the Python package triton is not installed"
