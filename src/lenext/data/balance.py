"""Classes of unequal size: an order that shows them more evenly, or weights that count them so.

Both are functions of the labels, the order also of seed and epoch, and of nothing else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lenext.data.draws import BALANCE, permutation
from lenext.recipes import BalancedSampling, ClassWeights

UNEVEN = 10.0  # ours: beyond this ratio of the largest class to the smallest a report says so

Whole = NDArray[np.int64]


def imbalance(sizes: Whole) -> float:
    """How many times larger the largest class is than the smallest of those that have images."""
    present = sizes[sizes > 0]
    return float(present.max() / present.min()) if len(present) else 1.0


def shown(sizes: Whole, power: float) -> Whole:
    """How many images of each class an epoch shows, as many in all as there are.

    Whole numbers nearest to the shares: what rounding down leaves goes to the largest fractions, in order of class.
    """
    shares = np.where(sizes > 0, np.maximum(sizes, 1) ** (1 - power), 0.0)
    exact = shares * (sizes.sum() / shares.sum())
    counts: Whole = np.floor(exact + 1e-9).astype(np.int64)
    missing = int(sizes.sum() - counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    return counts


class BalancedOrder:
    """The order of an epoch, as positions in the training part whose ``labels`` are given (N,)."""

    def __init__(self, value: BalancedSampling, labels: Whole, seed: int) -> None:
        self._seed, self._length = seed, len(labels)
        sizes = np.bincount(labels)
        self._counts = shown(sizes, value.power)
        self._members = [np.flatnonzero(labels == label) for label in range(len(sizes))]

    def __call__(self, epoch: int) -> Whole:  # N
        """Every image of a class is shown before one is shown again, also over the end of an epoch."""
        chosen = [self._turns(label, epoch) for label, count in enumerate(self._counts) if count]
        return np.concatenate(chosen)[permutation(self._seed, epoch, self._length)]

    def _turns(self, label: int, epoch: int) -> Whole:
        """The members of a class whose turn it is: a stretch of its shuffled passes, one after the other."""
        members, count = self._members[label], int(self._counts[label])
        first, last = divmod(epoch * count, len(members))[0], ((epoch + 1) * count - 1) // len(members)
        passes = [permutation(self._seed, one, len(members), BALANCE + label) for one in range(first, last + 1)]
        start = epoch * count - first * len(members)
        return members[np.concatenate(passes)[start : start + count]]


def class_weights(value: ClassWeights, sizes: Whole) -> NDArray[np.float64]:
    """The weight of each class (K,), such that the images of the training set weigh 1 on average; 0 without images."""
    images = np.maximum(sizes, 1).astype(np.float64)
    if value.beta is None:
        raw = images**-value.power
    else:
        raw = (1 - value.beta) / -np.expm1(images * np.log(value.beta)) if value.beta else np.ones_like(images)
    raw = np.where(sizes > 0, raw, 0.0)
    weights: NDArray[np.float64] = raw * (sizes.sum() / (raw * sizes).sum())
    return weights
