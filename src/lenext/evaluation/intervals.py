"""How sure a measured proportion is: intervals for so many right out of so many."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from statistics import NormalDist


@dataclass(frozen=True)
class Interval:
    """A measured proportion and the interval that holds the true one; all three are fractions in 0..1."""

    value: float
    low: float
    high: float

    def document(self) -> dict[str, float]:
        """The three figures under their names, as JSON carries them."""
        return asdict(self)


def wilson(successes: float, total: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval (1927) for ``successes`` out of ``total``; they need not be a whole number.

    It stays within 0..1 and keeps its promise for proportions near 1, where value +- 1.96 deviations does not.
    Of 0 out of 0 nothing is known: value 0, from 0 to 1. Impossible counts or confidences raise ``ValueError``.
    """
    if not 0 <= successes <= total:
        raise ValueError(f"{successes} successes out of {total} are impossible")
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
    if total == 0:
        return Interval(0.0, 0.0, 1.0)
    value = successes / total
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    shrink = 1 + z * z / total
    centre = (value + z * z / (2 * total)) / shrink
    half = z * math.sqrt(value * (1 - value) / total + z * z / (4 * total * total)) / shrink
    low = 0.0 if successes == 0 else centre - half  # exactly, where rounding would leave 1e-17
    high = 1.0 if successes == total else centre + half
    return Interval(value, low, high)
