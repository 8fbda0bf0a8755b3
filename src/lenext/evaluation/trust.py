"""How far a network is to be trusted: what its validation images teach, and what other images say to that."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenext.data.draws import permutation
from lenext.evaluation import novelty, selective
from lenext.evaluation.calibration import LEAST_IMAGES, Effect, effect, fit_temperature, tempered
from lenext.evaluation.metrics import Bools, Doubles, Ints
from lenext.evaluation.selective import Selective
from lenext.evaluation.text import bounds, per_cent
from lenext.weights.trust import Calibration, Familiar, Novelty

FOLDS = 5  # of the validation images, where there are no others to judge on
CROSS_FITTED = f"the validation images, each by what the other {FOLDS - 1} of {FOLDS} parts of them teach"

Singles = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Shown:
    """What a network made of N images: logits N x K, features N x F, and their true classes N."""

    logits: Singles
    features: Singles
    labels: Ints

    def rows(self, chosen: Ints) -> Shown:
        return Shown(self.logits[chosen], self.features[chosen], self.labels[chosen])


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What report, model card and ``evaluate`` say; effect and silence are None where ``reason`` says why.

    fitted: validation images that temperature and thresholds were fitted on.
    """

    effect: Effect | None = None
    silence: Selective | None = None
    fitted: int = 0
    reason: str = ""

    def lines(self) -> list[str]:
        """The two parts for a terminal."""
        effect, silence = self.effect, self.silence
        if effect is None or silence is None:
            return []
        error = effect.after.ece
        how = f"at temperature {effect.temperature:.3g}; {effect.before.ece.value:.4f} at 1"
        first = f"calibrated  ECE {error.value:.4f} (95 %: {error.low:.4f} to {error.high:.4f}) {how}"
        goal, images = f"at most {100 * silence.target:g} % wrong", effect.images
        if silence.level is None:
            return ["", first, f"unknown     {goal} cannot be promised: too few validation images show it"]
        unsure = f"below a confidence of {silence.level:.4g}, or" if silence.level else "only"
        wrong = f"{per_cent(silence.error.value, images)} % wrong (95 % interval {bounds(silence.error, images)})"
        given = per_cent(silence.coverage.value, images)
        rule = f"unknown     for {goal}: {unsure} where an image looks new; answers {given} %, of which {wrong}"
        return ["", first, rule]

    def document(self) -> dict[str, Any]:
        """The two parts as plain JSON; where there are none, ``uncalibrated`` says why."""
        return {
            "calibration": None if self.effect is None else {**self.effect.document(), "fitted": self.fitted},
            "unknown": None if self.silence is None else self.silence.document(),
            **({"uncalibrated": self.reason} if self.reason else {}),
        }


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One image: its confidence and the level that it needs, how new it looks and the limit of that."""

    confidence: float
    level: float
    novelty: float | None
    limit: float | None

    @property
    def reasons(self) -> list[str]:
        """What speaks against an answer: "confidence", "novelty"."""
        new = self.novelty is not None and self.limit is not None and self.novelty > self.limit
        return ["confidence"] * (self.confidence < self.level) + ["novelty"] * new

    def document(self) -> dict[str, Any]:
        return {
            "confidence": self.confidence,
            "threshold": self.level,
            "novelty": self.novelty,
            "novelty_limit": self.limit,
            "reasons": self.reasons,
        }


NOT_CALIBRATED = Trust(reason="The weight file holds no calibration for one network and one view.")


@dataclass(frozen=True, eq=False)
class Rule:
    """When a network answers: ``level`` is the confidence that is enough, None where none can be promised."""

    calibration: Calibration
    familiar: Familiar | None
    level: float | None

    def probabilities(self, shown: Shown) -> Doubles:  # images classes
        return tempered(shown.logits, self.calibration.temperature)

    def novelty(self, features: Singles) -> Doubles | None:
        """How new each image looks, None where nobody looked at the training images."""
        return None if self.familiar is None else novelty.scores(features, self.familiar)

    def novel(self, features: Singles) -> Bools:
        """Which images look new."""
        scores, limits = self.novelty(features), self.calibration.novelty
        if scores is None or limits is None:
            return np.zeros(len(features), dtype=np.bool_)
        found: Bools = scores > limits.limit
        return found

    def doubts(self, logits: Singles, features: Singles) -> list[Doubt]:
        """For each image its scores beside their limits."""
        confidence = tempered(logits, self.calibration.temperature).max(axis=1)
        scores, limits = self.novelty(features), self.calibration.novelty
        return [
            Doubt(
                confidence=float(confidence[row]),
                level=math.inf if self.level is None else self.level,
                novelty=None if scores is None else float(scores[row]),
                limit=None if limits is None else limits.limit,
            )
            for row in range(len(logits))
        ]

    def answered(self, shown: Shown) -> Bools:
        """Which images get an answer."""
        return selective.given(self.probabilities(shown).max(axis=1), self.novel(shown.features), self.level)


def rule_of(calibration: Calibration, familiar: Familiar | None, target: float) -> Rule:
    """The rule for an error rate. Raises UsageError for what is none."""
    return Rule(calibration, familiar, selective.certified(calibration.answered, calibration.wrong, target))


def unfit(validation: Shown | None) -> str:
    """Why nothing can be learnt from these validation images, "" where it can."""
    if validation is None:
        return "There are no validation images, and what trained a network cannot tell how sure it may be."
    if len(validation.labels) < LEAST_IMAGES:
        return f"There are only {len(validation.labels)} validation images; it takes at least {LEAST_IMAGES}."
    return ""


def calibrate(validation: Shown, familiar: Familiar | None, target: float) -> Calibration:
    """Temperature, limit of novelty and counts for every threshold, from the validation images alone."""
    temperature = fit_temperature(validation.logits, validation.labels)
    probabilities = tempered(validation.logits, temperature)
    scores = None if familiar is None else novelty.scores(validation.features, familiar)
    kept, limits = np.ones(len(validation.labels), dtype=np.bool_), None
    if scores is not None and familiar is not None:
        limit = novelty.limit_of(scores)
        rejected = int((scores > limit).sum())
        limits = Novelty(features=len(familiar.mean), limit=limit, rejected=rejected, images=len(scores))
        kept = scores < limit  # the image at the limit chose it: the others are as if drawn below it
    answered, wrong = selective.tally(
        probabilities.max(axis=1)[kept], (probabilities.argmax(axis=1) == validation.labels)[kept]
    )
    return Calibration(
        temperature=temperature,
        images=len(validation.labels),
        answered=answered,
        wrong=wrong,
        target=target,
        novelty=limits,
    )


def judge(rule: Rule, shown: Shown, target: float, *, judged: str) -> Trust:
    """What calibration and rule do for images that they were not fitted on."""
    return verdict(rule, shown, rule.probabilities(shown), rule.answered(shown), target=target, judged=judged)


def judge_crosswise(rule: Rule, validation: Shown, target: float) -> Trust:
    """The same for the validation images themselves: each is judged by what the other parts teach."""
    probabilities = np.empty(validation.logits.shape)
    answered = np.zeros(len(validation.labels), dtype=np.bool_)
    for others, fold in folds(len(validation.labels)):
        part = rule_of(calibrate(validation.rows(others), rule.familiar, target), rule.familiar, target)
        probabilities[fold] = part.probabilities(validation.rows(fold))
        answered[fold] = part.answered(validation.rows(fold))
    return verdict(rule, validation, probabilities, answered, target=target, judged=CROSS_FITTED)


def folds(images: int) -> Iterator[tuple[Ints, Ints]]:
    """Positions of all images but those of a part, and of the part; the parts are drawn, the same at every call."""
    order = permutation(0, 0, images)
    for number in range(FOLDS):
        fold = np.sort(order[number::FOLDS])
        yield np.setdiff1d(order, fold), fold


def verdict(rule: Rule, shown: Shown, probabilities: Doubles, answered: Bools, *, target: float, judged: str) -> Trust:
    """The figures of answers that are given or not."""
    return Trust(
        effect=effect(shown.logits, probabilities, shown.labels, rule.calibration.temperature, judged=judged),
        silence=selective.judge(
            probabilities.max(axis=1),
            probabilities.argmax(axis=1) == shown.labels,
            rule.novel(shown.features),
            answered,
            level=rule.level,
            target=target,
            judged=judged,
        ),
        fitted=rule.calibration.images,
    )


def with_figures(calibration: Calibration, found: Trust) -> Calibration:
    """The calibration with what it was found to do, for the weight file."""
    if found.effect is None or found.silence is None:
        return calibration
    document = {**found.effect.document(), "unknown": found.silence.document()}
    kept = ("judged", "images", "binning", "ece", "nll", "brier", "unknown")
    measured = {name: document[name] for name in kept}
    measured["unknown"] = {name: value for name, value in measured["unknown"].items() if name != "curve"}
    return replace(calibration, measured=measured)
