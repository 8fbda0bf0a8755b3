"""A linear classifier of features, fitted by scikit-learn; how strongly is chosen within the training images."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lenext.evaluation.calibration import fit_temperature
from lenext.recipes.transfer import DISCRIMINANT, LOGISTIC, SVM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lenext.recipes import Transfer

Features = NDArray[np.float64]
ITERATIONS = 1000  # ours: where the fit has not converged then, another hundred change no answer
LEAST_SPREAD = 0.05  # ours: of the mean, so that a feature that hardly moves is not blown up
ABSENT = 20.0  # logits below the least likely class: exp(-20) of its probability


@dataclass(frozen=True)
class Linear:
    """Logits = features @ weight.T + bias. strength: the one that was chosen; scores: accuracy of each within."""

    weight: Features  # classes x features
    bias: Features  # classes
    strength: float
    scores: tuple[float, ...]

    def logits(self, features: Features) -> Features:
        logits: Features = features @ self.weight.T + self.bias
        return logits


def fit_linear(features: Features, labels: NDArray[np.int64], classes: int, value: Transfer) -> Linear:
    """Fit on features (views, images, width) of images with these ``labels``.

    Every view of an image is on the same side of each division. Where images are held out, their likelihood also sets
    the unit of the logits: a support vector machine leaves it open, a discriminant of few images is too sure. A class
    without an image has a bias of its own that it never wins with.
    """
    scaled, back = compact(features, as_it_is=value.unit_length)
    held = [held_out(scaled, labels, value, strength) for strength in value.strengths]
    scores = tuple(share_right(one, labels) for one in held)
    best = int(np.argmax(scores))  # the weakest of equals
    weight, bias = solution(scaled, labels, value.classifier, value.strengths[best])
    present, unit = np.unique(labels), unit_of(held[best], labels)
    whole = np.zeros((classes, features.shape[2])), np.full(classes, bias.min() / unit - ABSENT)
    whole[0][present], whole[1][present] = weight @ back / unit, bias / unit
    return Linear(*whole, value.strengths[best], scores)


def compact(features: Features, *, as_it_is: bool = False) -> tuple[Features, Features]:
    """The features in a form that is quick to fit, and what leads back: weights of that form @ it are the features'.

    Each feature is divided by the root of its spread, and all by one number, so that their mean length is 1 and a
    strength means the same for every network; ``as_it_is`` leaves out both. Fewer images than features span a space of
    fewer dimensions, and a fit that punishes the length of its weights never leaves it.
    """
    if as_it_is:
        scaled, back = features, np.eye(features.shape[2])
    else:
        spread = features.std((0, 1))
        roots = np.sqrt(spread + max(LEAST_SPREAD * float(spread.mean()), 1e-12))
        scaled = features / roots
        length = max(float(np.linalg.norm(scaled, axis=2).mean()), 1e-12)
        scaled, back = scaled / length, np.diag(1 / (roots * length))
    views, images, width = features.shape
    if views * images < width:
        axes = np.linalg.svd(scaled.reshape(-1, width), full_matrices=False)[2]
        return scaled @ axes.T, axes @ back
    return scaled, back


def held_out(features: Features, labels: NDArray[np.int64], value: Transfer, strength: float) -> Features | None:
    """Logits (images, present classes) of images that did not fit; None where nothing is to be learnt or divided."""
    present = np.unique(labels)
    logits = np.full((len(labels), len(present)), np.nan)
    if len(value.strengths) > 1 or value.classifier != LOGISTIC:
        for fitted, held in divisions(labels, value.folds):
            weight, bias = solution(features[:, fitted], labels[fitted], value.classifier, strength)
            logits[held] = bias.min() - ABSENT
            there = np.searchsorted(present, np.unique(labels[fitted]))
            logits[np.ix_(held, there)] = features[0, held] @ weight.T + bias
    return None if np.isnan(logits).any() else logits


def share_right(held: Features | None, labels: NDArray[np.int64]) -> float:
    return 0.0 if held is None else float((np.unique(labels)[held.argmax(1)] == labels).mean())


def unit_of(held: Features | None, labels: NDArray[np.int64]) -> float:
    """By what the logits are to be divided, so that the truth of held-out images is most likely; 1 without them."""
    return 1.0 if held is None else fit_temperature(held, np.searchsorted(np.unique(labels), labels))


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
    """weight (present classes, width) and bias of the fit on every view."""
    model = fitted(features, labels, classifier, strength)
    if len(model.coef_) > 1:
        return model.coef_, model.intercept_
    return np.concatenate([-model.coef_, model.coef_]) / 2, np.concatenate([-model.intercept_, model.intercept_]) / 2


def fitted(features: Features, labels: NDArray[np.int64], classifier: str, strength: float) -> Any:
    """scikit-learn's classifier of features (views, images, width); the loss is a mean over an image's views.

    Where no class has two images none has a spread, so that regression takes a discriminant's place.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    views, images, width = features.shape
    c = strength / views
    model: Any = LogisticRegression(C=c, max_iter=ITERATIONS)
    if classifier == SVM:
        model = LinearSVC(C=c, max_iter=ITERATIONS, random_state=0)
    elif classifier == DISCRIMINANT and images > len(np.unique(labels)):
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=strength)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Only one sample")  # of a class, which then adds no spread
        return model.fit(features.reshape(views * images, width), np.tile(labels, views))
