"""What a resumed run computes with that it was not started with, in words: nothing else can change its bits.

What can be had back is refused where it differs (threads that were asked for, precision, data, recipe); another torch
or another processor cannot always be, so it is named and the run goes on.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def processor() -> str:
    """The instructions that torch's kernels choose by: "x86_64, AVX512"."""
    return f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"


def departures(started: Mapping[str, Any], device: str) -> list[str]:
    """A line for all that is otherwise than at the start, and one for threads that are set as they were then."""
    before = started.get("versions", {})
    pairs = {
        "torch": (before.get("torch"), torch.__version__),
        "numpy": (before.get("numpy"), np.__version__),
        "processor": (started.get("processor"), processor()),
        "device": (started.get("device"), device),
    }
    other = [f"{name} {then} (now {now})" for name, (then, now) in pairs.items() if then not in (None, now)]
    lines = []
    if other:
        lines.append(
            f"The run was started with {', '.join(other)}: it goes on, but not to the bits of a run that never stopped."
        )
    if started["threads"] != torch.get_num_threads():
        lines.append(f"Computing with {started['threads']} threads, as the run was started.")
    return lines
