"""Labels that a trained network confidently disagrees with: confident learning (Northcutt et al., 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class DoubtfulLabel:
    """An image by row, the class that the network takes it for, the probabilities of that and of its label."""

    row: int
    answer: int
    probability: float
    given: float


def doubtful_labels(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> list[DoubtfulLabel]:
    """The images that the network counts with confidence to another class than their label, the surest first.

    probabilities: (images, classes); labels: (images,). A class is answered with confidence above the mean probability
    that the images labelled so have for it (section 3.1), so that a network that is unsure of a whole class is not
    believed less there. Images that a network was trained on it may know by heart: then it finds fewer.
    """
    classes = probabilities.shape[1]
    given = probabilities[np.arange(len(labels)), labels]
    counts = np.bincount(labels, minlength=classes)
    means = np.bincount(labels, weights=given, minlength=classes) / np.maximum(counts, 1)
    thresholds = np.where(counts > 0, means, np.inf)
    confident = np.where(probabilities >= thresholds, probabilities, -1)
    answers = confident.argmax(1)
    doubted = (confident.max(1) >= 0) & (answers != labels) & (probabilities.argmax(1) == answers)
    found = [
        DoubtfulLabel(int(row), int(answers[row]), float(probabilities[row, answers[row]]), float(given[row]))
        for row in np.flatnonzero(doubted)
    ]
    return sorted(found, key=lambda doubt: doubt.given - doubt.probability)
