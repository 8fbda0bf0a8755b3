"""A linear model of features for images with any number of labels: one classifier a label, by one strength."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lenext.evaluation.label_metrics import mean_average_precision
from lenext.training.linear import ABSENT, Linear, compact, fitted

if TYPE_CHECKING:
    from lenext.recipes import Transfer

Features = NDArray[np.float64]
Labels = NDArray[np.int64]


def fit_labels(features: Features, labels: Labels, value: Transfer) -> Linear:
    """Fit on features (views, images, width) of images with these ``labels`` (images, K of 0 and 1).

    The strength is that of the highest mean average precision on images that did not fit. A label that every image has,
    or none, is answered so whatever the features are.
    """
    scaled, back = compact(features, as_it_is=value.unit_length)
    scores = tuple(inner_score(scaled, labels, value, strength) for strength in value.strengths)
    strength = value.strengths[int(np.argmax(scores))]  # the weakest of equals
    weight, bias = solutions(scaled, labels, value.classifier, strength)
    return Linear(weight @ back, bias, strength, scores)


def inner_score(features: Features, labels: Labels, value: Transfer, strength: float) -> float:
    """Mean average precision of a strength on images that did not fit; 0 where there is nothing to choose."""
    if len(value.strengths) == 1:
        return 0.0
    parts = min(value.folds, len(labels))
    place = np.empty(len(labels), dtype=np.int64)
    # Images of one set of labels are spread over all parts.
    place[np.lexsort(labels.T)] = np.arange(len(labels)) % parts
    answers = np.zeros(labels.shape)
    for number in range(parts):
        held = place == number
        weight, bias = solutions(features[:, ~held], labels[~held], value.classifier, strength)
        answers[held] = features[0, held] @ weight.T + bias
    return mean_average_precision(answers, labels)


def solutions(features: Features, labels: Labels, classifier: str, strength: float) -> tuple[Features, Features]:
    """weight (K, width) and bias (K) of the fits on every view; a loss is a mean over an image's views."""
    weight, bias = np.zeros((labels.shape[1], features.shape[2])), np.zeros(labels.shape[1])
    for label, there in enumerate(labels.T):
        if there.min() == there.max():
            bias[label] = ABSENT if there.any() else -ABSENT
            continue
        model = fitted(features, there, classifier, strength)
        weight[label], bias[label] = model.coef_[0], model.intercept_[0]
    return weight, bias
