"""The most memory that a piece of work takes beside what the process has already, on Linux."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from lenext.evaluation.allocator import has_glibc

Made = TypeVar("Made")

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def measured(work: Callable[[], Made], device: torch.device) -> tuple[Made, int | None]:
    """What ``work`` gives, and how many bytes it took at one time at most; None where the system does not say."""
    gc.collect()
    if device.type == "cuda":
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        made = work()
        return made, int(torch.cuda.max_memory_allocated(device)) - before
    began = start()
    made = work()
    return made, None if began is None else max(0, resident("VmHWM") - began)


def start() -> int | None:
    """Give unused memory back, begin the record anew; the bytes that are in use now."""
    if has_glibc():
        ctypes.CDLL(None).malloc_trim(0)
    try:
        CLEAR.write_text("5", encoding="ascii")  # 5: the highest mark of resident memory (proc(5))
        return resident("VmRSS")
    except (OSError, KeyError):
        return None


def resident(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text(encoding="ascii").splitlines())
    return 1024 * int(lines[name].split()[0])
