"""What a recipe does about classes of unequal size, as values; ``data/balance`` computes orders and weights."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class BalancedSampling:
    """A class of n images is shown in proportion to n ** (1 - power) in each epoch, which keeps its length.

    power: 1 shows every class equally often, 0 shows the images as they come, 0.5 is half-way (square roots). Images
    of a large class take turns over the epochs; those of a small one are shown several times, each time augmented anew.
    """

    power: float = 1.0


@dataclass(frozen=True, kw_only=True)
class ClassWeights:
    """The loss of an image of a class of n images counts in proportion to n ** -power; 1 on average.

    beta: where it is given, in proportion to (1 - beta) / (1 - beta ** n) instead, the inverse of the effective number
    of images (arXiv 1901.05555). Where an image may have several labels, each that it has counts so, and those that it
    lacks count 1.
    """

    power: float = 1.0
    beta: float | None = None


Balance = BalancedSampling | ClassWeights
