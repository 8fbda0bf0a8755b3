"""How far the probabilities of labels are to be believed: one temperature for all, and a threshold for each.

Both are taken from validation images. The temperature makes the labels of these likeliest, and changes no ranking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lenext.evaluation import bootstrap, thresholds
from lenext.evaluation.calibration import BINNING, best_temperature
from lenext.evaluation.intervals import Interval
from lenext.evaluation.label_metrics import Ranked, surprises
from lenext.evaluation.metrics import Doubles, Floats, Ints
from lenext.evaluation.selective import TARGET
from lenext.evaluation.trust import Shown, unfit
from lenext.weights.trust import Calibration


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """ece: mean over labels of the expected calibration error; nll: mean over images and labels, in nats."""

    ece: float
    nll: Interval


@dataclass(frozen=True, kw_only=True)
class LabelTrust:
    """What report, model card and ``evaluate`` say; before and after are None where ``reason`` says why.

    fitted: validation images that temperature and thresholds were taken from; judged: on which images, in words.
    """

    temperature: float = 1.0
    fitted: int = 0
    judged: str = ""
    before: Reliability | None = None
    after: Reliability | None = None
    reason: str = ""

    def document(self) -> dict[str, Any]:
        """The figures as plain JSON; where there are none, ``uncalibrated`` says why."""
        if self.before is None or self.after is None:
            return {"calibration": None, "uncalibrated": self.reason}
        both = {"before": self.before, "after": self.after}
        return {
            "calibration": {
                "temperature": self.temperature,
                "fitted": self.fitted,
                "judged": self.judged,
                "binning": BINNING,
                "ece": {name: part.ece for name, part in both.items()},
                "nll": {name: part.nll.document() for name, part in both.items()},
            }
        }

    def lines(self) -> list[str]:
        """The same for a terminal."""
        if self.before is None or self.after is None:
            return ["", f"Not calibrated: {self.reason}"]
        before, after = self.before, self.after
        errors = f"mean calibration error {before.ece:.4f} before, {after.ece:.4f} after"
        losses = f"loss {before.nll.value:.4f} before, {after.nll.value:.4f} after"
        return ["", f"Temperature {self.temperature:.3f}: {errors}; {losses}.", f"Judged on {self.judged}."]


def sigmoid(logits: Floats, temperature: float = 1.0) -> Doubles:
    """Probabilities of logits divided by the temperature."""
    found: Doubles = np.exp(-np.logaddexp(0.0, -logits.astype(np.float64) / temperature))
    return found


def fit_temperature(logits: Floats, labels: Ints) -> float:
    """The temperature under which the labels (N x K of 0 and 1) are likeliest, as ``calibration.fit_temperature``."""
    doubles = logits.astype(np.float64)

    def surprise(temperature: float) -> float:
        scaled = doubles / temperature
        return float((np.logaddexp(0.0, scaled) - scaled * labels).sum())

    return best_temperature(surprise)


def settled(validation: Shown | None, classes: int) -> tuple[Calibration | None, tuple[float, ...], str]:
    """(temperature, threshold of each label, why there is no temperature) by what the validation images teach."""
    reason = unfit(validation)
    if validation is None or reason:
        return None, thresholds.half(classes), reason
    temperature = fit_temperature(validation.logits, validation.labels)
    cuts = thresholds.chosen(sigmoid(validation.logits, temperature), validation.labels)
    calibration = Calibration(
        temperature=temperature, images=len(validation.labels), answered=(), wrong=(), target=TARGET
    )
    return calibration, cuts, ""


def judge(calibration: Calibration | None, shown: Shown, *, judged: str, reason: str = "") -> LabelTrust:
    """What the temperature does for some images."""
    if calibration is None:
        return LabelTrust(reason=reason)
    return LabelTrust(
        temperature=calibration.temperature,
        fitted=calibration.images,
        judged=judged,
        before=reliability(sigmoid(shown.logits), shown.labels),
        after=reliability(sigmoid(shown.logits, calibration.temperature), shown.labels),
    )


def reliability(probabilities: Doubles, labels: Ints) -> Reliability:
    """The figures of probabilities N x K."""
    once = np.ones((1, len(labels)))
    errors = [Ranked(probabilities[:, k], labels[:, k]).calibration_error(once)[0] for k in range(labels.shape[1])]
    return Reliability(ece=float(np.mean(errors)), nll=bootstrap.mean(surprises(probabilities, labels)))
