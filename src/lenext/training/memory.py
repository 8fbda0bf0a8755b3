"""The most memory that a process has used, and what to say when there was not enough."""

from __future__ import annotations

import resource
import sys
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lenext.errors import Failed
from lenext.evaluation.memory import ran_out

if TYPE_CHECKING:
    from lenext.training.task import Task


def peak_memory(device: torch.device) -> int:
    """Bytes, at most at one time, since the process began: of the GPU where one computes, else of the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def too_large(task: Task, images: Tensor, labels: Tensor, at: tuple[int, int, int]) -> Failed:
    """What to raise for a step that did not fit; how many images do is found by trying a half, a quarter and so on."""
    present = min(len(labels), task.micro_batch or len(labels))
    size = present // 2
    while size and not _goes(task, images[:size], labels[:size], at):
        size //= 2
    fits = f"; {size:,} at a time fit" if size else "; not even one does"
    remedy = f"Start anew with --micro-batch {size}, or" if size > 1 else "Start anew with a smaller --image-size, or"
    return Failed(
        f"There is not enough memory for a step on {present:,} images at once{fits}.",
        f"{remedy} free memory and give the same command with --resume.",
    )


def _goes(task: Task, images: Tensor, labels: Tensor, at: tuple[int, int, int]) -> bool:
    """Whether forward and backward pass go; the network, which is not saved any more, is spoilt."""
    try:
        task.zero_grad()
        labels = labels.to(task.compute.device)
        inputs, targets = task.inputs(images, labels, *at[1:])
        task.gradients(inputs, targets, labels)
    except ValueError:  # batch normalisation of a single image
        return False
    except (MemoryError, RuntimeError) as error:
        if not ran_out(error):
            raise
        return False
    return True
