"""What a weight file says of how far its answers are to be trusted, and what is needed to judge an image by that."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

MOST = 4096  # features of which a file may hold the square
MEAN, WHITENING = "novelty.mean", "novelty.whitening"


@dataclass(frozen=True, kw_only=True)
class Novelty:
    """Images whose score is above ``limit`` look new; ``rejected`` of ``images`` validation images do.

    features: how many the score is computed of; the tensors ``novelty.*`` of the file say how.
    """

    features: int
    limit: float
    rejected: int
    images: int


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What the validation images taught about confidence.

    temperature: all logits are divided by it; images: how many validation images it was fitted on; answered, wrong: of
    those that do not look new, how many have at least each level of confidence of ``evaluation/selective.py``, and how
    many of these are wrong; target: the error rate that the run aimed at; measured: figures before and after, by split.
    """

    temperature: float
    images: int
    answered: tuple[int, ...]
    wrong: tuple[int, ...]
    target: float
    novelty: Novelty | None = None
    measured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether the figures can be those of a run."""
        numbers = self.temperature > 0 and math.isfinite(self.temperature) and 0 < self.target < 1
        counted = zip(self.answered, self.wrong, strict=False)
        counts = len(self.answered) == len(self.wrong) and all(0 <= wrong <= given for given, wrong in counted)
        return numbers and counts and (self.novelty is None or 0 < self.novelty.features <= MOST)


@dataclass(frozen=True, eq=False)
class Familiar:
    """What training images look like to a network: mean of their features, and what makes these independent.

    mean: float32, one for each feature; whitening: float32 square, of which the score is the squared length after it.
    """

    mean: Tensor
    whitening: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """By the names that they have in the weight file."""
        return {MEAN: self.mean.contiguous(), WHITENING: self.whitening.contiguous()}


def expected(calibration: Calibration | None) -> dict[str, Tensor]:
    """Tensors of the names, shapes and types that a file must have besides those of its network."""
    if calibration is None or calibration.novelty is None:
        return {}
    features = calibration.novelty.features
    return {MEAN: torch.empty(features, device="meta"), WHITENING: torch.empty(features, features, device="meta")}


def taken(tensors: dict[str, Tensor]) -> Familiar | None:
    """What is familiar, taken out of the tensors of a file; None where it has none."""
    if MEAN not in tensors:
        return None
    return Familiar(tensors.pop(MEAN), tensors.pop(WHITENING))
