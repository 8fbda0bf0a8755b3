"""From which probability on a label is given: one threshold a label, chosen on validation images for the highest F1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lenext.evaluation.metrics import Floats, Ints

HALF = 0.5
LEAST = 5  # ours: validation images that have a label, and that lack it; fewer say too little of its threshold
RULE = f"highest F1 on the validation images; {HALF} where too few of them have a label, or lack it"


def half(classes: int) -> tuple[float, ...]:
    """The thresholds where nothing chose any."""
    return (HALF,) * classes


def chosen(probabilities: Floats, labels: Ints) -> tuple[float, ...]:
    """The threshold of every label, by images that chose no weights: probabilities N x K, labels N x K of 0 and 1."""
    return tuple(map(of_label, probabilities.T.astype(np.float64), labels.T))


def of_label(scores: NDArray[np.float64], there: Ints) -> float:
    """The threshold of one label: half-way between two images, where F1 is highest; of equals the nearest to a half."""
    if not LEAST <= there.sum() <= len(there) - LEAST:
        return HALF
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], there[order].cumsum()
    given = np.arange(1, len(ranked) + 1)
    below = np.append(ranked[1:], 0.0)
    f1 = np.where(ranked > below, 2 * hits / (given + there.sum()), -1.0)  # none between equals
    cuts = (ranked + below) / 2
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(cuts[best[np.argmin(np.abs(cuts[best] - HALF))]])
