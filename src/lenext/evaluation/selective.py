"""When to say "I don't know": which confidence is enough for a stated error rate, and what that costs in answers.

Of the validation images is known how many have at least a confidence, and how many of those are wrong. A level of
confidence is certified when so few errors would be seen with a probability of at most ``DOUBT`` if the true error rate
of all such images were above the target (an exact binomial test). Levels are tested in an order that is fixed before
any image is seen, each sequence until its first failure, and the sequences share ``DOUBT``: so the chance that any
certified level breaks its promise is at most ``DOUBT`` (Learn then Test, arXiv 2110.01052: fixed sequences with several
starts). The lowest certified level answers most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lenext.errors import UsageError
from lenext.evaluation import bootstrap
from lenext.evaluation.intervals import Interval, wilson
from lenext.evaluation.metrics import Bools, Floats, Ints

TARGET = 0.05  # share of wrong answers among those given, where nobody asked for another
DOUBT = 0.05  # probability that the promise is broken
STARTS = (1.0, 5.0, 25.0)  # a sequence begins at a confidence of 1 - target / start: where errors should be rare
# Denser near 1, where the images are: their places are fixed, so that choosing one of them is no second look.
LEVELS = (
    *(n / 200 for n in range(190)),
    *(0.95 + n / 1000 for n in range(40)),
    *(0.99 + n / 10_000 for n in range(100)),
)
POINTS = 100  # of the curve of risk against coverage


@dataclass(frozen=True, kw_only=True)
class Point:
    """Of the share ``coverage`` of images with the highest confidence the share ``risk`` is wrong."""

    coverage: float
    risk: float


@dataclass(frozen=True, kw_only=True)
class Selective:
    """What a network does that may be silent; judged: on which images, in words.

    target: the error rate that was asked for; level: the confidence that is enough for an answer, None where none can
    be certified; coverage: share of images that are answered; error: share of wrong ones among those; aurc: area under
    the curve of risk against coverage, by confidence alone; novel: share of images rejected because they look new.
    """

    judged: str
    target: float
    level: float | None
    coverage: Interval
    error: Interval
    novel: Interval
    aurc: Interval
    curve: tuple[Point, ...]

    @property
    def verdict(self) -> str:
        """The target on these images: "met", "open" (within the interval), "missed", or "not promised"."""
        if self.level is None:
            return "not promised"
        if self.error.value <= self.target:
            return "met"
        return "open" if self.error.low <= self.target else "missed"

    def document(self) -> dict[str, Any]:
        return {
            "judged": self.judged,
            "target": self.target,
            "threshold": self.level,
            "verdict": self.verdict,
            "coverage": self.coverage.document(),
            "error": self.error.document(),
            "novel": self.novel.document(),
            "aurc": self.aurc.document(),
            "curve": [asdict(point) for point in self.curve],
        }


def tally(confidence: Floats, right: Bools) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How many images have at least each of ``LEVELS`` of confidence, and how many of those are wrong; both are N."""
    below = [np.searchsorted(np.sort(chosen), LEVELS, side="left") for chosen in (confidence, confidence[~right])]
    return tuple((len(right) - below[0]).tolist()), tuple((int((~right).sum()) - below[1]).tolist())


def check_target(target: float) -> float:
    """The target, if it is an error rate. Raises UsageError."""
    if not 0 < target < 1:
        raise UsageError(f"The error rate {target} cannot be aimed at.", "Give a share between 0 and 1, say 0.05.")
    return target


def certified(answered: Sequence[int], wrong: Sequence[int], target: float) -> float | None:
    """The lowest level of confidence whose answers are wrong in at most ``target``, with 1 - ``DOUBT``; None: no level.

    answered, wrong: as ``tally`` counts them. Raises UsageError for a target that is no error rate.
    """
    from scipy.special import bdtr  # costs a tenth of a second

    check_target(target)
    counted = np.array(answered)
    doubts = np.where(counted > 0, bdtr(wrong, np.maximum(counted, 1), target), 1.0)
    passed = doubts <= DOUBT / len(STARTS)
    found = [level for start in STARTS if (level := lowest(passed, 1 - target / start)) is not None]
    return min(found) if found else None


def lowest(passed: Bools, start: float) -> float | None:
    """The last level before the first failure, from ``start`` downwards."""
    first = int(np.searchsorted(LEVELS, start, side="right")) - 1
    run = passed[first::-1]
    length = len(run) if run.all() else int(np.argmin(run))
    return LEVELS[first - length + 1] if length else None


def given(confidence: Floats, novel: Bools, level: float | None) -> Bools:
    """Which images are answered: those that are sure enough and do not look new."""
    return ~novel & (confidence >= (np.inf if level is None else level))


def judge(
    confidence: Floats, right: Bools, novel: Bools, answered: Bools, *, level: float | None, target: float, judged: str
) -> Selective:
    """What the rule does: confidence, right, novel (looks new) and answered are N each; judged: on which images."""
    images = len(right)
    return Selective(
        judged=judged,
        target=target,
        level=level,
        coverage=wilson(int(answered.sum()), images),
        error=wilson(int((answered & ~right).sum()), int(answered.sum())),
        novel=wilson(int(novel.sum()), images),
        aurc=aurc(confidence, right),
        curve=curve(confidence, right),
    )


def aurc(confidence: Floats, right: Bools) -> Interval:
    """Area under the curve of risk against coverage: the mean risk of all coverages, 0 at best."""
    order = np.argsort(-confidence, kind="stable")
    wrong = ~right[order]

    def area(times: Ints) -> float:
        counted = times[order]
        risks = np.cumsum(counted * wrong) / np.maximum(np.cumsum(counted), 1)
        return float((risks * counted).sum() / counted.sum())

    return bootstrap.percentile(area, len(right))


def curve(confidence: Floats, right: Bools) -> tuple[Point, ...]:
    """At most ``POINTS`` points, from the most confident images to all of them."""
    order = np.argsort(-confidence, kind="stable")
    risks = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    places = np.unique(np.linspace(1, len(order), min(POINTS, len(order))).round().astype(int))
    return tuple(Point(coverage=float(at / len(order)), risk=float(risks[at - 1])) for at in places)


def least_images(target: float) -> int:
    """How many validation images without one error certify anything."""
    return math.ceil(math.log(DOUBT / len(STARTS)) / math.log1p(-target))
