"""Whether an image looks like those that a network learnt from: a score, its limit, and how well it tells others.

The score is the distance of Mahalanobis from the mean of the training images, over mean and spread of the maps of every
stage (after Lee et al. 2018, arXiv 1807.03888, with one Gaussian for all classes). docs/log.md has the measurements by
which it was chosen among energy, logits, confidence, nearest neighbours and distances to class means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lenext.evaluation import bootstrap
from lenext.evaluation.intervals import Interval
from lenext.evaluation.metrics import Doubles, Floats
from lenext.weights.trust import Familiar

REJECTED = 0.02  # share of the validation images that may look new
FOUND = 0.95  # share of new images that must be found, where the share of false alarms is quoted
LEARNT = 10_000  # training images that are enough to know what is familiar
LEAST = 20  # fewer training images show nothing of the kind


@dataclass(frozen=True, kw_only=True)
class Detection:
    """How well a score tells the images of another set from those of a split.

    auroc: probability that an image of the other set has the higher score; fpr: share of the split's images that are
    taken for new where the limit is so low that ``FOUND`` of the others are found.
    """

    auroc: Interval
    fpr: Interval

    def document(self) -> dict[str, Any]:
        return {"auroc": self.auroc.document(), "fpr95": self.fpr.document()}


def learn(features: Floats) -> Familiar:
    """What is familiar, from the features (N x F) of at least ``LEAST`` training images."""
    from sklearn.covariance import LedoitWolf  # costs half a second

    doubles = features.astype(np.float64)
    mean, spread = doubles.mean(axis=0), doubles.std(axis=0)
    scale = np.maximum(spread, 1e-6 * max(float(spread.max()), 1e-30))
    precision = LedoitWolf(assume_centered=True).fit((doubles - mean) / scale).precision_
    whitening = np.linalg.cholesky((precision + precision.T) / 2) / scale[:, None]
    return Familiar(mean=torch.from_numpy(mean).float(), whitening=torch.from_numpy(whitening).float())


def scores(features: Floats, familiar: Familiar) -> Doubles:
    """How new each image looks: mean squared distance in every direction, about 1 for training images: N."""
    centred = features.astype(np.float64) - familiar.mean.double().numpy()
    white = centred @ familiar.whitening.double().numpy()
    result: Doubles = (white**2).mean(axis=1)
    return result


def limit_of(validation: Floats) -> float:
    """The score above which an image looks new: of validation images at most ``REJECTED`` lie above it.

    Of later images of the same kind the share above it is, on average, at most that of (their number times
    ``REJECTED`` + 1) in (their number + 1): the guarantee of split conformal prediction.
    """
    ordered = np.sort(validation)
    return float(ordered[len(ordered) - 1 - int(REJECTED * len(ordered))])


def detection(own: Floats, others: Floats) -> Detection:
    """How the scores of a split's images (N) and of another set's (M) differ, with bootstrap intervals."""
    both = np.concatenate([own, others]).astype(np.float64)
    order = np.argsort(both, kind="stable")
    ties = np.unique(both[order], return_inverse=True)[1]
    new = (order >= len(own)).astype(np.int64)

    def areas(times: NDArray[np.int64]) -> tuple[float, float]:
        counted = times[order]
        news = np.bincount(ties, weights=counted * new)
        olds = np.bincount(ties, weights=counted * (1 - new))
        below = np.cumsum(olds) - olds / 2
        auroc = float((news * below).sum() / (news.sum() * olds.sum()))
        missed = np.cumsum(news) - news  # new images strictly below each score
        first = int(np.searchsorted(missed, (1 - FOUND) * news.sum(), side="right")) - 1
        return auroc, float(olds[first:].sum() / olds.sum())

    ones = np.ones(len(both), dtype=np.int64)
    pairs = zip(bootstrap.counts(len(own)), bootstrap.counts(len(others), bootstrap.STREAM + 1), strict=True)
    drawn = np.array([areas(np.concatenate(pair)) for pair in pairs])
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    auroc, fpr = (
        Interval(value, min(value, float(low[at])), max(value, float(high[at]))) for at, value in enumerate(areas(ones))
    )
    return Detection(auroc=auroc, fpr=fpr)
