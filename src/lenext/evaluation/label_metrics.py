"""Figures of answers that name any number of labels: pure functions on arrays.

Throughout: ``scores`` float N x K, higher where a label is likelier; ``labels`` whole N x K of 0 and 1 (which labels
each image has). A label that no image has cannot be ranked: its average precision is not a number.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from lenext.evaluation import bootstrap
from lenext.evaluation.calibration import equal_groups, error_interval
from lenext.evaluation.intervals import Interval, wilson
from lenext.evaluation.metrics import LEAST, Bools, Doubles, Floats, Ints, f1_interval

WORK = 100_000_000  # ours: images times labels times resamples; beyond it there are fewer resamples
FEWEST = 200  # resamples, of which 5 lie beyond each end of an interval
CHUNK = 4_000_000  # numbers in memory at once


def surprises(probabilities: Floats, labels: Ints) -> Doubles:
    """Of each image the mean over labels of -log(probability of what is true), in nats: N."""
    true = np.where(labels > 0, probabilities, 1 - probabilities.astype(np.float64))
    result: Doubles = -np.log(np.maximum(true, LEAST)).mean(axis=1)
    return result


def exact(given: Bools, labels: Ints) -> Bools:
    """Whether the labels that are ``given`` (N x K) are those of the image, all of them and no other: N."""
    right: Bools = (given == (labels > 0)).all(axis=1)
    return right


def average_precisions(scores: Floats, labels: Ints) -> Doubles:
    """The mean, over the images that have a label, of the precision among all that score as high as they do: K."""
    once = np.ones((1, len(labels)))
    return np.array([Ranked(scores[:, k], labels[:, k]).average_precision(once)[0] for k in range(labels.shape[1])])


def mean_average_precision(scores: Floats, labels: Ints) -> float:
    """The mean of the average precisions of the labels that any image has; 0 where there is none."""
    found = average_precisions(scores, labels)
    return float(found[~np.isnan(found)].mean()) if len(found[~np.isnan(found)]) else 0.0


class Ranked:
    """The images as one label ranks them, lowest first; made once and counted as often as there are resamples."""

    def __init__(self, scores: Floats, labels: Ints) -> None:
        self.order = np.argsort(scores, kind="stable")
        ranked = scores[self.order]
        self.there = labels[self.order].astype(np.float64)
        self.gaps = ranked - self.there
        self._first = np.searchsorted(ranked, ranked, side="left")  # of equals
        self._bins = np.unique(equal_groups(ranked.astype(np.float64)), return_index=True)[1]

    def average_precision(self, times: Doubles) -> Doubles:
        """From how often each image counts (R x N) to R average precisions."""
        counted = times[:, self.order]
        hits = counted * self.there
        above, right = (part[:, ::-1].cumsum(axis=1)[:, ::-1][:, self._first] for part in (counted, hits))
        with np.errstate(invalid="ignore"):
            found: Doubles = (hits * (right / np.maximum(above, 1))).sum(axis=1) / hits.sum(axis=1)
        return found

    def calibration_error(self, times: Doubles) -> Doubles:
        """The same to R expected calibration errors of scores that are probabilities."""
        return self._error(times[:, self.order] * self.gaps)

    def chance(self, drawn: Doubles) -> Doubles:
        """The errors of perfect probabilities, by chance alone; drawn: R x N numbers in [0, 1)."""
        ranked = self.gaps + self.there
        return self._error(ranked - (drawn[:, self.order] < ranked))

    def _error(self, gaps: Doubles) -> Doubles:
        found: Doubles = np.abs(np.add.reduceat(gaps, self._bins, axis=1)).sum(axis=1) / gaps.shape[1]
        return found


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Every figure with its interval (see ``hull``). average_precision, ece: of each label, None where no image has it.

    f1_macro: the mean over the labels that an image has or is given; f1_micro: of all decisions together; resamples:
    of the bootstrap.
    """

    average_precision: tuple[Interval | None, ...]
    mean_average_precision: Interval
    ece: tuple[Interval, ...]
    f1_macro: Interval
    f1_micro: Interval
    loss: Interval
    resamples: int


def figures(probabilities: Floats, given: Bools, labels: Ints) -> Figures:
    """The figures of probabilities and of the labels that are ``given`` for them."""
    images, classes = labels.shape
    resamples = resamples_for(images, classes)
    ranked = [Ranked(probabilities[:, k].astype(np.float64), labels[:, k]) for k in range(classes)]
    losses = surprises(probabilities, labels)
    once = np.ones((1, images))
    parts: list[tuple[Doubles, Doubles, Doubles, Doubles]] = []
    for times in (once, *resampled(bootstrap.counts(images), resamples, images)):
        of_label = [(one.average_precision(times), one.calibration_error(times)) for one in ranked]
        precisions, errors = (np.stack(part, axis=1) for part in zip(*of_label, strict=True))
        parts.append((precisions, errors, f1_scores(times, given, labels), times @ losses / images))
    precisions, errors, scores, means = (np.concatenate(part) for part in zip(*parts, strict=True))
    average = [
        hull(part, wilson(float(part[0]) * int(there), int(there))) if there else None
        for part, there in zip(precisions.T, labels.sum(0), strict=True)
    ]
    hits, involved = (given & (labels > 0)).sum(0), given.sum(0) + labels.sum(0)
    f1 = [f1_interval(int(hit), int(both)) if both else None for hit, both in zip(hits, involved, strict=True)]
    chance = np.concatenate(
        [
            np.stack([one.chance(drawn) for one in ranked], axis=1)
            for drawn in resampled(bootstrap.draws(images), resamples, images)
        ]
    )
    return Figures(
        average_precision=tuple(average),
        mean_average_precision=hull(row_means(precisions), mean_of(average)),
        ece=tuple(
            error_interval(float(found[0]), found[1:], perfect)
            for found, perfect in zip(errors.T, chance.T, strict=True)
        ),
        f1_macro=hull(row_means(scores[:, :-1]), mean_of(f1)),
        f1_micro=hull(np.nan_to_num(scores[:, -1]), f1_interval(int(hits.sum()), int(involved.sum()))),
        loss=interval(means),
        resamples=resamples,
    )


def resamples_for(images: int, classes: int) -> int:
    """How many resamples such a measurement has: as many as elsewhere, fewer of very many figures."""
    return max(FEWEST, min(bootstrap.RESAMPLES, WORK // (images * classes)))


def resampled(drawn: Iterator[NDArray[np.generic]], resamples: int, images: int) -> Iterator[Doubles]:
    """The first resamples, some rows at a time."""
    chosen, size = islice(drawn, resamples), max(1, CHUNK // images)
    while rows := list(islice(chosen, size)):
        yield np.stack(rows).astype(np.float64)


def f1_scores(times: Doubles, given: Bools, labels: Ints) -> Doubles:
    """For each resample the F1 of every label, and last that of all together: R x (K + 1); not a number where none."""
    hits, named, there = (times @ part.astype(np.float64) for part in (given & (labels > 0), given, labels))
    hits, involved = (np.column_stack([part, part.sum(axis=1)]) for part in (2 * hits, named + there))
    with np.errstate(invalid="ignore"):
        found: Doubles = hits / np.where(involved > 0, involved, np.nan)
    return found


def row_means(figures: Doubles) -> Doubles:
    """The mean of every row's figures, of those that are numbers; 0 of a row without one."""
    known = ~np.isnan(figures)
    found: Doubles = np.where(known, figures, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return found


def hull(figures: Doubles, other: Interval | None) -> Interval:
    """The interval of the bootstrap and the other one, as wide as both.

    The bootstrap alone is too narrow near 1, and of a perfect ranking has no width at all. Of an average precision the
    other is Wilson's of as many trials as images have the label (after Boyd, Eng and Page 2013).
    """
    found = interval(figures)
    if other is None:
        return found
    return Interval(found.value, min(found.low, other.low), max(found.high, other.high))


def mean_of(parts: Sequence[Interval | None]) -> Interval | None:
    """The mean of independent figures, each with its interval: distances to the ends add up as squares."""
    known = [part for part in parts if part is not None]
    if not known:
        return None
    value = float(np.mean([part.value for part in known]))
    below, above = (
        math.sqrt(sum(distance**2 for distance in ends)) / len(known)
        for ends in ([part.value - part.low for part in known], [part.high - part.value for part in known])
    )
    return Interval(value, max(0.0, value - below), min(1.0, value + above))


def interval(figures: Doubles) -> Interval:
    """The first figure, of all images, with the 95 % percentile interval of the others, those of resamples."""
    value, drawn = float(figures[0]), figures[1:][~np.isnan(figures[1:])]
    low, high = np.quantile(drawn, (0.025, 0.975)) if len(drawn) else (value, value)
    return Interval(value, min(value, float(low)), max(value, float(high)))
