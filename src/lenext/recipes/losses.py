"""Losses, as values; ``training/loss`` computes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """Multinomial logistic regression; ``label_smoothing`` mixes the target with the uniform distribution."""

    label_smoothing: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Logistic:
    """One independent logistic unit a class, its cross-entropy summed over the classes (arXiv 1404.5997)."""


@dataclass(frozen=True, kw_only=True)
class BinaryCrossEntropy:
    """Cross-entropy of one yes or no for each label, averaged over the labels of an image, which may have any number.

    label_smoothing: share of each answer that is drawn at even odds, so that 1 becomes 1 - label_smoothing / 2.
    """

    label_smoothing: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TruePenalty:
    """LeNet's Eq. 8: the penalty of the true class alone; of use where the centres of the classes are fixed."""


@dataclass(frozen=True, kw_only=True)
class RubbishClass:
    """LeNet's Eq. 9: cross-entropy with one more competitor of constant penalty ``j``, which keeps the others large."""

    j: float


Loss = CrossEntropy | BinaryCrossEntropy | Logistic | TruePenalty | RubbishClass
