"""Whether a confidence of 80 % is right 80 times of 100: temperature scaling, and how far off it is before and after.

Guo et al. 2017 (arXiv 1706.04599): all logits are divided by one number, the temperature, which makes the likelihood of
the validation images greatest. The order of the classes stays, so that no answer changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lenext.evaluation import bootstrap
from lenext.evaluation.intervals import Interval, wilson
from lenext.evaluation.metrics import LEAST, Bools, Doubles, Floats, Ints

BINS = 15  # 1706.04599, 5
BINNING = f"{BINS} bins of equally many images"
COLDEST, HOTTEST = 1e-2, 1e4  # temperatures beyond them are not looked for
PRIOR = math.log(10)  # ours: two of three networks need a temperature between 0.1 and 10
LEAST_IMAGES = 20  # ours: fewer validation images say next to nothing


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Images of neighbouring confidence, from ``low`` to ``high``: their mean confidence, and how many were right."""

    low: float
    high: float
    images: int
    confidence: float
    accuracy: Interval


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """How far the confidence of some answers is to be believed.

    ece: expected calibration error, the mean over all images of the distance between the confidence of a bin and its
    accuracy; nll: mean negative log-likelihood in nats; brier: mean squared distance of the probabilities from the
    truth, 0 to 2; bins: ``BINS`` of them, fewer for fewer images.
    """

    ece: Interval
    nll: Interval
    brier: Interval
    bins: tuple[Bin, ...]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a temperature does for ``images`` images; judged: on which, in words."""

    temperature: float
    judged: str
    images: int
    before: Reliability
    after: Reliability

    def document(self) -> dict[str, Any]:
        """The figures as plain JSON."""
        both: Mapping[str, Reliability] = {"before": self.before, "after": self.after}
        return {
            "temperature": self.temperature,
            "judged": self.judged,
            "images": self.images,
            "binning": BINNING,
            **{
                name: {
                    **{when: getattr(one, name).value for when, one in both.items()},
                    "intervals": {when: getattr(one, name).document() for when, one in both.items()},
                }
                for name in ("ece", "nll", "brier")
            },
            "bins": {when: [asdict(one) for one in part.bins] for when, part in both.items()},
        }


def effect(logits: Floats, after: Floats, labels: Ints, temperature: float, *, judged: str) -> Effect:
    """What became of the answers to ``logits`` (N x K), which are now the probabilities ``after`` (N x K)."""
    return Effect(
        temperature=temperature,
        judged=judged,
        images=len(labels),
        before=reliability(tempered(logits, 1.0), labels),
        after=reliability(after, labels),
    )


def fit_temperature(logits: Floats, labels: Ints) -> float:
    """The temperature under which the truth is most likely: logits N x K, labels N.

    Before any image is seen, its logarithm is held to be normal around 0, with ``PRIOR`` as deviation: of thousands of
    images that changes nothing, and keeps the temperature of a few, all of them answered rightly, from going to 0.
    """
    doubles = logits.astype(np.float64)

    def surprise(temperature: float) -> float:
        scaled = doubles / temperature
        return float((log_sum(scaled) - scaled[np.arange(len(labels)), labels]).sum())

    return best_temperature(surprise)


def best_temperature(surprise: Callable[[float], float]) -> float:
    """The temperature for which the truth's negative log-likelihood, less the prior's, is least."""
    from scipy.optimize import minimize_scalar  # costs a tenth of a second

    def loss(exponent: float) -> float:
        return surprise(math.exp(exponent)) + (exponent / PRIOR) ** 2 / 2

    bounds = math.log(COLDEST), math.log(HOTTEST)
    return math.exp(float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-7}).x))


def tempered(logits: Floats, temperature: float) -> Doubles:
    """Softmax of the logits divided by the temperature: N x K."""
    scaled = logits.astype(np.float64) / temperature
    return np.exp(scaled - log_sum(scaled)[:, None])


def log_sum(logits: Doubles) -> Doubles:
    """Logarithm of the sum of exponentials of each row."""
    most = logits.max(axis=1)
    total: Doubles = most + np.log(np.exp(logits - most[:, None]).sum(axis=1))
    return total


def reliability(probabilities: Floats, labels: Ints) -> Reliability:
    """The figures of answers N x K with their intervals; ``labels`` N, at least one."""
    rows = np.arange(len(labels))
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    truth = probabilities[rows, labels].astype(np.float64)
    squares = (probabilities.astype(np.float64) ** 2).sum(axis=1) - 2 * truth + 1
    groups = equal_groups(confidence)
    return Reliability(
        ece=ece(confidence, right, groups),
        nll=bootstrap.mean(-np.log(np.maximum(truth, LEAST))),
        brier=bootstrap.mean(squares),
        bins=tuple(make_bin(confidence[groups == one], right[groups == one]) for one in range(int(groups.max()) + 1)),
    )


def equal_groups(confidence: Doubles) -> Ints:
    """For each image the number of its bin: ``BINS`` of equally many images, as even as their number allows.

    Equal widths would leave most bins of a good network all but empty and its figure to chance (arXiv 2012.08668).
    """
    groups = np.empty(len(confidence), dtype=np.int64)
    order = np.argsort(confidence, kind="stable")
    groups[order] = np.arange(len(confidence)) * min(BINS, len(confidence)) // len(confidence)
    return groups


def ece(confidence: Doubles, right: Bools, groups: Ints) -> Interval:
    """Expected calibration error with a 95 % interval."""
    images, size = len(right), int(groups.max()) + 1

    def figure(gaps: Doubles) -> float:
        return float(np.abs(np.bincount(groups, weights=gaps, minlength=size)).sum() / images)

    drawn = np.array([figure(times * (confidence - right)) for times in bootstrap.counts(images)])
    chance = np.array([figure(confidence - (number < confidence)) for number in bootstrap.draws(images)])
    return error_interval(figure(confidence - right), drawn, chance)


def error_interval(value: float, drawn: Doubles, chance: Doubles) -> Interval:
    """The interval of an expected calibration error, rather too wide than too narrow.

    drawn: the figure of each resample; chance: those of a perfect confidence, which chance alone keeps from 0. The
    interval begins as far below ``value`` as chance goes, or as the bootstrap scatters above its own mean, whichever is
    further, and ends as far above it as the bootstrap scatters below its mean.
    """
    middle, (least, most) = float(drawn.mean()), np.quantile(drawn, (0.025, 0.975))
    below = max(float(np.quantile(chance, 0.975)), float(most) - middle)
    return Interval(value, max(0.0, value - below), max(value, value + middle - float(least)))


def make_bin(confidence: Doubles, right: Bools) -> Bin:
    return Bin(
        low=float(confidence.min()),
        high=float(confidence.max()),
        images=len(right),
        confidence=float(confidence.mean()),
        accuracy=wilson(int(right.sum()), len(right)),
    )
