"""Whether the disk has room for a run, before anything is written."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from lenext.api.run.folder import RunFolder
from lenext.api.run.prepare import Prepared
from lenext.errors import Failed
from lenext.recipes import SGD, AdamW, DiagonalLM, Optimizer, RMSProp, VelocitySGD

KEPT = 4  # checkpoints at one time: the two newest, the best, and the one that is being written
REPORT = 2 * 2**20  # ours: bytes of report, model card, log and data.csv of a small set


def check_space(prepared: Prepared, path: Path) -> None:
    """Refuse to begin or go on where checkpoints and weights will not fit. Raises Failed."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    one, weights = bytes_of(prepared)
    needed = KEPT * one + weights + REPORT
    held = bytes_in(RunFolder(path).checkpoints)
    free = shutil.disk_usage(place).free
    if free + held < needed:
        raise Failed(
            f"The disk of {path} has {free:,} bytes free; the run needs {needed - held:,} more "
            f"({KEPT} checkpoints of {one:,} bytes at a time, and the weights).",
            "Free space, or choose a folder on another disk with --out.",
        )


def bytes_in(folder: Path) -> int:
    """Of all files below; what another process takes away meanwhile does not count."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(parent, name).stat().st_size
    return total


def bytes_of(prepared: Prepared) -> tuple[int, int]:
    """Bytes of a checkpoint, and of the weights alone."""
    network, recipe = prepared.network, prepared.job.recipe
    weights = sum(tensor.nbytes for tensor in network.state_dict().values())
    trained = sum(parameter.nbytes for parameter in network.parameters() if parameter.requires_grad)
    return weights * (1 if recipe.average is None else 2) + trained * copies(recipe.optimizer), weights


def copies(value: Optimizer) -> int:
    """Numbers that the optimiser keeps for each weight."""
    match value:
        case AdamW():
            return 2
        case RMSProp():
            return 2 if value.momentum else 1
        case SGD() | VelocitySGD():
            return 1 if value.momentum else 0
        case DiagonalLM():
            return 1
