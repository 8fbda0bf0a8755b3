"""Figures of a classifier, from what it answered: pure functions on arrays.

Throughout: ``probabilities`` float N x K, ``labels`` whole N (the true class of each image, 0..K-1).
Of equal probabilities the class of the lower number ranks first, in every figure here, so that no result depends on a
sorting algorithm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lenext.evaluation.intervals import Interval, wilson

Floats = NDArray[np.floating]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# The least probability that the loss takes: softmax in float32 underflows to 0, and one image may not make it infinite.
LEAST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, kw_only=True)
class ClassScore:
    """The figures of one class.

    support: images of the class; hits: how many of them were recognised; answered: how often the class was answered;
    precision: share of the answers ``name`` that were right, None when there was no such answer;
    recall: share of the class's images that were recognised, None when there was no such image;
    f1: their harmonic mean, 2 hits / (support + answers); None when the class neither occurs nor is answered.
    """

    name: str
    support: int
    hits: int
    precision: float | None
    recall: float | None
    f1: float | None
    answered: int = 0

    @property
    def intervals(self) -> dict[str, Interval | None]:
        """95 % intervals of precision, recall and F1, None where the figure is.

        F1 is 2 h / (1 + h) of the share h of hits among all images that are of the class or were answered so.
        """
        f1 = f1_interval(self.hits, self.support + self.answered)
        return {
            "precision": None if self.precision is None else wilson(self.hits, self.answered),
            "recall": None if self.recall is None else wilson(self.hits, self.support),
            "f1": None if self.f1 is None else f1,
        }


def f1_interval(hits: int, involved: int) -> Interval:
    """F1 with its 95 % interval; involved: images of the class and answers ``name`` together, hits counted twice."""
    common = wilson(hits, involved - hits)
    return Interval(*(2 * end / (1 + end) for end in (common.value, common.low, common.high)))


def answers(probabilities: Floats) -> Ints:
    """The most probable class of each image: N."""
    best: Ints = probabilities.argmax(axis=1)
    return best


def top_k_correct(probabilities: Floats, labels: Ints, k: int) -> Bools:
    """Whether the truth is among the ``k`` most probable classes of each image: N. ``k`` beyond K means all K."""
    truth = probabilities[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(probabilities.shape[1]) < labels[:, None]
    rank = ((probabilities > truth) | ((probabilities == truth) & earlier)).sum(axis=1)
    correct: Bools = rank < k
    return correct


def confusion_matrix(probabilities: Floats, labels: Ints) -> Ints:
    """Counts K x K: row the truth, column the answer."""
    classes = probabilities.shape[1]
    cells = labels * classes + answers(probabilities)
    counts: Ints = np.bincount(cells, minlength=classes * classes).reshape(classes, classes)
    return counts


def class_scores(confusion: Ints, classes: Sequence[str]) -> tuple[ClassScore, ...]:
    """Support, precision, recall and F1 of each class, in the order of ``classes``."""
    columns = zip(classes, confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0), strict=True)
    return tuple(
        ClassScore(
            name=name,
            support=int(support),
            hits=int(hits),
            precision=share(hits, answered),
            recall=share(hits, support),
            f1=share(2 * hits, support + answered),
            answered=int(answered),
        )
        for name, hits, support, answered in columns
    )


def cross_entropy(probabilities: Floats, labels: Ints) -> float:
    """Mean of -log(probability of the truth), in nats; probabilities below ``LEAST`` count as ``LEAST``."""
    return float(surprises(probabilities, labels).mean())


def surprises(probabilities: Floats, labels: Ints) -> NDArray[np.float64]:
    """The same for each image: N."""
    truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    result: NDArray[np.float64] = np.log(1 / np.maximum(truth, LEAST))
    return result


def share(part: int | np.int64, whole: int | np.int64) -> float | None:
    """A fraction, None where there is nothing to divide by."""
    return float(part / whole) if whole else None
