"""A measurement of answers that name any number of labels: each label by itself, and all of them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from lenext.errors import DataError
from lenext.evaluation import thresholds
from lenext.evaluation.intervals import Interval, wilson
from lenext.evaluation.label_metrics import exact, figures
from lenext.evaluation.measure import (
    ROWS,
    WORST,
    Circumstances,
    Evaluation,
    Examples,
    Mistake,
    check_numbers,
    figures_first,
    measure,
)
from lenext.evaluation.metrics import Bools, ClassScore, Floats, Ints, share
from lenext.evaluation.text import aligned, bounds, counted, per_cent
from lenext.protocol import MULTILABEL

NONE = "none of them"  # what an image without a label is said to have
LEFT_OUT = "Of images that may have several labels, top-1, top-5 and a confusion matrix would mean nothing."


@dataclass(frozen=True, kw_only=True)
class LabelScore(ClassScore):
    """The figures of one label: how often it is given where the probability is ``threshold`` or more.

    average_precision: of the ranking, without any threshold, None where no image has the label; ece: how far its
    probability is from how often it is there.
    """

    threshold: float
    average_precision: Interval | None
    ece: Interval

    def document(self) -> dict[str, Any]:
        """The figures as plain JSON."""
        ranked = self.average_precision
        parts = {**self.intervals, "average_precision": ranked, "ece": self.ece}
        return {
            "class": self.name,
            "support": self.support,
            "given": self.answered,
            "threshold": self.threshold,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "average_precision": None if ranked is None else ranked.value,
            "ece": self.ece.value,
            "intervals": {name: part and part.document() for name, part in parts.items()},
        }


@dataclass(frozen=True, kw_only=True)
class LabelEvaluation(Circumstances):
    """A measurement of any number of labels an image.

    exact: share of images whose labels are all right; map: mean average precision over the labels that an image has;
    f1_macro: mean over labels, f1_micro: of all decisions together; loss: mean over images and labels, in nats;
    mistakes: of the images that are not right the ``WORST`` ones, each by its surest wrong decision; examples: of each
    label; resamples: of the bootstrap.
    """

    exact: Interval
    map: Interval
    f1_macro: Interval
    f1_micro: Interval
    loss: float
    loss_interval: Interval
    per_class: tuple[LabelScore, ...]
    mistakes: tuple[Mistake, ...]
    examples: tuple[Examples, ...]
    resamples: int

    task = MULTILABEL

    @property
    def wrong(self) -> int:
        """Images of which not every label is right."""
        return self.images - round(self.exact.value * self.images)

    def summary(self) -> dict[str, Any]:
        """The figures that a card carries."""
        names = ("images", "protocol", "views", "map", "exact_match", "f1_macro", "f1_micro", "loss", "per_class")
        document = self.document()
        return {name: document[name] for name in names}

    def document(self) -> dict[str, Any]:
        """The measurement as plain JSON: fractions, lists and words; None where a figure is not defined."""
        return {
            "task": self.task,
            **self.head(),
            "map": self.map.document(),
            "exact_match": self.exact.document(),
            "f1_macro": self.f1_macro.document(),
            "f1_micro": self.f1_micro.document(),
            "loss": self.loss,
            "loss_interval": self.loss_interval.document(),
            "resamples": self.resamples,
            "threshold_rule": thresholds.RULE,
            "per_class": [score.document() for score in self.per_class],
            "left_out": LEFT_OUT,
            "mistakes": [
                {
                    "name": m.name,
                    "truth": m.truth,
                    "answer": m.answer,
                    "label": m.label,
                    "verdict": m.verdict,
                    "probability": m.probability,
                }
                for m in self.mistakes
            ],
        }

    def said(self, split: str) -> str:
        """The headline in a line."""
        value, within = per_cent(self.map.value, self.images), bounds(self.map, self.images)
        named = "1 label" if len(self.classes) == 1 else f"{len(self.classes):,} labels"
        return (
            f"mean average precision {value} %, 95 % interval {within}, of {named} on "
            f"{counted(self.images, 'image')} of {split}; all labels right for "
            f"{per_cent(self.exact.value, self.images)} %"
        )

    def lines(self) -> list[str]:
        """The measurement for a terminal."""
        shown = {
            "mean average precision": self.map,
            "all labels right": self.exact,
            "F1, mean over labels": self.f1_macro,
            "F1 of all decisions": self.f1_micro,
        }
        first = figures_first(self, shown, f"{self.wrong:,} with a wrong label", self.loss)
        return [*first, "", *label_table(self), "", LEFT_OUT]


Measurement = Evaluation | LabelEvaluation
Measure = Callable[..., Measurement]


def measure_of(cuts: Sequence[float] | None) -> Measure:
    """How answers are measured: of one class an image, or, given the thresholds of labels, of any number of them."""
    return measure if cuts is None else partial(measure_labels, cuts=cuts)


def measure_labels(
    probabilities: Floats,
    labels: Ints,
    *,
    names: Sequence[str],
    classes: Sequence[str],
    protocol: str,
    views: int,
    unreadable: Sequence[Mapping[str, Any]] = (),
    cuts: Sequence[float],
) -> LabelEvaluation:
    """Measure the answers ``probabilities`` (N x K) against ``labels`` (N x K of 0 and 1); cuts: K thresholds.

    All else as for ``measure``, also what it raises.
    """
    if not len(labels):
        raise DataError("There is not one readable image to measure.", "See what is wrong with `lenext check`.")
    if not probabilities.shape == labels.shape == (len(names), len(classes)) or len(cuts) != len(classes):
        raise ValueError(f"{probabilities.shape} probabilities and {labels.shape} labels do not belong together")
    check_numbers(probabilities, names)
    given = probabilities >= np.asarray(cuts, dtype=np.float64)
    found = figures(probabilities, given, labels)
    sure = Sure(probabilities, given, labels, names, classes)
    return LabelEvaluation(
        images=len(labels),
        unreadable=tuple(unreadable),
        protocol=protocol,
        views=views,
        classes=tuple(classes),
        exact=wilson(int(exact(given, labels).sum()), len(labels)),
        map=found.mean_average_precision,
        f1_macro=found.f1_macro,
        f1_micro=found.f1_micro,
        loss=found.loss.value,
        loss_interval=found.loss,
        per_class=tuple(
            label_score(name, given[:, k], labels[:, k], float(cuts[k]), found.average_precision[k], found.ece[k])
            for k, name in enumerate(classes)
        ),
        mistakes=sure.mistakes(),
        examples=sure.examples(),
        resamples=found.resamples,
    )


def label_score(
    name: str, given: Bools, labels: Ints, threshold: float, ranked: Interval | None, ece: Interval
) -> LabelScore:
    """The figures of one label."""
    hits, support, answered = (int(part.sum()) for part in (given & (labels > 0), labels, given))
    return LabelScore(
        name=name,
        support=support,
        hits=hits,
        answered=answered,
        precision=share(hits, answered),
        recall=share(hits, support),
        f1=share(2 * hits, support + answered),
        threshold=threshold,
        average_precision=ranked,
        ece=ece,
    )


class Sure:
    """The decisions of which a network was surest, right and wrong."""

    def __init__(
        self, probabilities: Floats, given: Bools, labels: Ints, names: Sequence[str], classes: Sequence[str]
    ) -> None:
        self._probabilities, self._given, self._there = probabilities, given, labels > 0
        self._names, self._classes = names, classes
        self._sure = np.where(given, probabilities, 1 - probabilities)  # of each decision
        self._wrong = given != self._there

    def mistakes(self) -> tuple[Mistake, ...]:
        """Images that are not right, each by its surest wrong decision, the surest first."""
        sure = np.where(self._wrong, self._sure, -1.0)
        rows = np.flatnonzero(self._wrong.any(axis=1))
        order = rows[np.argsort(-sure.max(axis=1)[rows], kind="stable")][:WORST]
        return tuple(self._decided(int(row), int(sure[row].argmax())) for row in order)

    def examples(self) -> tuple[Examples, ...]:
        """Of each label the image in which it was found most surely, and its surest wrong decision."""
        found = []
        for label, name in enumerate(self._classes):
            right = self._surest(label, self._given[:, label] & self._there[:, label])
            wrong = self._surest(label, self._wrong[:, label])
            if right or wrong:
                found.append(Examples(name=name, right=right, wrong=wrong))
        return tuple(found)

    def _surest(self, label: int, chosen: Bools) -> Mistake | None:
        rows = np.flatnonzero(chosen)
        return self._decided(int(rows[self._sure[rows, label].argmax()]), label) if len(rows) else None

    def _decided(self, row: int, label: int) -> Mistake:
        given = bool(self._given[row, label])
        verdict = ("found" if self._there[row, label] else "wrongly found") if given else "missed"
        return Mistake(
            index=row,
            name=self._names[row],
            truth=self._listed(self._there[row]),
            answer=self._listed(self._given[row]),
            probability=float(self._probabilities[row, label]),
            label=self._classes[label],
            verdict=verdict,
        )

    def _listed(self, chosen: Bools) -> str:
        return ", ".join(self._classes[label] for label in np.flatnonzero(chosen).tolist()) or NONE


def weakest_first(scores: Sequence[LabelScore]) -> list[LabelScore]:
    """Labels by average precision, lowest first; those that no image has last."""

    def rank(score: LabelScore) -> tuple[bool, float]:
        ranked = score.average_precision
        return ranked is None, 0.0 if ranked is None else ranked.value

    return sorted(scores, key=rank)


def label_table(evaluation: LabelEvaluation) -> list[str]:
    """A line a label."""
    scores = list(evaluation.per_class)
    shown = scores if len(scores) <= ROWS else weakest_first(scores)[:ROWS]
    head, *names = aligned("label", (score.name for score in shown))
    text = [f"{head}  images  threshold  precision  recall     F1  average precision    ECE"]
    for name, score in zip(names, shown, strict=True):
        ranked = "-" if score.average_precision is None else per_cent(score.average_precision.value, score.support)
        figures = [per_cent(part, score.support) for part in (score.precision, score.recall, score.f1)]
        text.append(
            f"{name}  {score.support:>6}  {score.threshold:>9.3f}  {figures[0]:>9}  {figures[1]:>6}  "
            f"{figures[2]:>5}  {ranked:>17}  {score.ece.value:.3f}"
        )
    if len(shown) < len(scores):
        text.append(f"The {len(shown)} of {len(scores):,} labels with the lowest average precision, in per cent.")
    return text
