"""A linear classifier of features, fitted by scikit-learn; how strongly is chosen within the training images."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lenext.recipes import Transfer

Features = NDArray[np.float64]
ITERATIONS = 1000  # ours: where the fit has not converged then, another hundred change no answer


@dataclass(frozen=True)
class Linear:
    """Logits = features @ weight.T + bias. strength: the C that was chosen; scores: accuracy of each C within."""

    weight: Features  # classes x features
    bias: Features  # classes
    strength: float
    scores: tuple[float, ...]

    def logits(self, features: Features) -> Features:
        logits: Features = features @ self.weight.T + self.bias
        return logits


def fit_linear(features: Features, labels: NDArray[np.int64], classes: int, value: Transfer) -> Linear:
    """Fit on features (views, images, width) of images with these ``labels``.

    Features are scaled by one number, so that their mean length is 1 and a strength means the same for every network.
    Every view of an image is on the same side of each division. A class without an image has a bias of its own that
    it never wins with.
    """
    scale = scale_of(features)
    scaled = features * scale
    scores = tuple(inner_accuracy(scaled, labels, value, strength) for strength in value.strengths)
    strength = value.strengths[int(np.argmax(scores))]  # the weakest of equals
    weight, bias = solution(scaled, labels, value.classifier, strength)
    present = np.unique(labels)
    whole = np.zeros((classes, features.shape[2])), np.full(classes, bias.min() - ABSENT)
    whole[0][present], whole[1][present] = weight * scale, bias
    return Linear(*whole, strength, scores)


def scale_of(features: Features) -> float:
    """The number by which features become of mean length 1."""
    return 1 / max(float(np.linalg.norm(features, axis=2).mean()), 1e-12)


ABSENT = 20.0  # logits below the least likely class: exp(-20) of its probability


def inner_accuracy(features: Features, labels: NDArray[np.int64], value: Transfer, strength: float) -> float:
    """Accuracy of a strength on images that did not fit; 0 where there is nothing to choose or to divide."""
    if len(value.strengths) == 1:
        return 0.0
    right = 0.0
    for fitted, held in divisions(labels, value.folds):
        weight, bias = solution(features[:, fitted], labels[fitted], value.classifier, strength)
        answers = np.unique(labels[fitted])[(features[0, held] @ weight.T + bias).argmax(1)]
        right += float((answers == labels[held]).sum())
    return right / len(labels)


def divisions(labels: NDArray[np.int64], folds: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Rows that fit and rows that judge, each class spread over all parts; none for a set too small for two."""
    position = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        position[rows] = np.arange(len(rows))
    parts = min(folds, int(position.max()) + 1)
    for number in range(parts if parts > 1 else 0):
        held = position % parts == number
        if len(np.unique(labels[~held])) > 1:
            yield np.flatnonzero(~held), np.flatnonzero(held)


def solution(features: Features, labels: NDArray[np.int64], classifier: str, strength: float) -> tuple[Any, Any]:
    """weight (present classes, width) and bias of the fit on every view; the loss is a mean over an image's views."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    views, images, width = features.shape
    c = strength / views
    model: Any = LogisticRegression(C=c, max_iter=ITERATIONS)
    if classifier == "svm":
        model = LinearSVC(C=c, max_iter=ITERATIONS, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features.reshape(views * images, width), np.tile(labels, views))
    if len(model.coef_) > 1:
        return model.coef_, model.intercept_
    return np.concatenate([-model.coef_, model.coef_]) / 2, np.concatenate([-model.intercept_, model.intercept_]) / 2
