"""From a network's answers to a measurement: what it got right, how sure that is, and where it went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lenext.errors import DataError, Failed
from lenext.evaluation import bootstrap
from lenext.evaluation.intervals import Interval, wilson
from lenext.evaluation.metrics import (
    ClassScore,
    Floats,
    Ints,
    answers,
    class_scores,
    confusion_matrix,
    cross_entropy,
    surprises,
    top_k_correct,
)
from lenext.evaluation.text import NAME, aligned, bounds, counted, cut, duration, per_cent, visible
from lenext.protocol import MULTICLASS

WORST = 100  # mistakes that an evaluation keeps: more than anybody looks through, few enough for any file
ROWS = 25  # classes that the terminal's table shows


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One image and its answer, mostly another class: ``index`` is its row, ``probability`` that of the answer.

    label, verdict: of an image with any number of labels the one that is meant, whose ``probability`` it is, and
    whether it was "found", "wrongly found" or "missed"; "" elsewhere.
    """

    index: int
    name: str
    truth: str
    answer: str
    probability: float
    label: str = ""
    verdict: str = ""


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Of one class the image that was recognised with the highest probability, and the surest wrong answer."""

    name: str
    right: Mistake | None
    wrong: Mistake | None


@dataclass(frozen=True, kw_only=True)
class Confused:
    """``count`` images of class ``truth`` that were answered ``answer``; ``share`` of the class's images."""

    truth: str
    answer: str
    count: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """On what and how a measurement was made; each readable image counts once.

    scaled: how the protocol's lengths differ from the paper's, in words; macs: multiply-adds of all images together;
    seconds: of reading, cutting and computing; None where nobody measured.
    """

    images: int
    unreadable: tuple[Mapping[str, Any], ...]
    protocol: str
    views: int
    classes: tuple[str, ...]
    scaled: tuple[str, ...] = ()
    macs: int | None = None
    seconds: float | None = None

    def head(self) -> dict[str, Any]:
        """As plain JSON, before any figure."""
        return {
            "images": self.images,
            "unreadable": [dict(file) for file in self.unreadable],
            "protocol": self.protocol,
            "views": self.views,
            "scaled": " ".join(self.scaled) or None,
            "cost": {
                "macs_per_image": self.macs // self.images if self.macs else None,  # an engine hides them
                "seconds": self.seconds,
            },
            "classes": list(self.classes),
        }


@dataclass(frozen=True, kw_only=True)
class Evaluation(Circumstances):
    """A measurement of one answer an image. Rows of ``confusion`` are the truth, columns the answer.

    mistakes: the ``WORST`` most confident ones, most confident first; examples: of each class that has an image;
    loss: mean cross-entropy in nats.
    """

    top1: Interval
    top5: Interval
    loss: float
    per_class: tuple[ClassScore, ...]
    confusion: tuple[tuple[int, ...], ...]
    mistakes: tuple[Mistake, ...]
    examples: tuple[Examples, ...] = ()
    loss_interval: Interval | None = None

    task = MULTICLASS

    @property
    def wrong(self) -> int:
        """Images whose most probable class is not the truth."""
        return self.images - sum(score.hits for score in self.per_class)

    def summary(self) -> dict[str, Any]:
        """The figures that a card carries."""
        document = self.document()
        return {name: document[name] for name in ("images", "protocol", "views", "top1", "top5", "loss")}

    def said(self, split: str) -> str:
        """The headline in a line."""
        top1, within = per_cent(self.top1.value, self.images), bounds(self.top1, self.images)
        return f"top-1 {top1} %, 95 % interval {within}, on {counted(self.images, 'image')} of {split}"

    @property
    def no_better(self) -> str:
        """What to say where one answer for all images would have been right as often; else nothing."""
        most = max(self.per_class, key=lambda score: score.support)
        if len(self.classes) < 2 or self.images - self.wrong > most.support:
            return ""
        share = per_cent(most.support / self.images, self.images)
        return f"To answer {most.name!r} for every image would be right for {share} %."

    def lines(self) -> list[str]:
        """The measurement for a terminal: plain text, the most useful first."""
        shown = {"top-1": self.top1}
        if len(self.classes) > 5:  # otherwise every answer is within five
            shown["top-5"] = self.top5
        first = figures_first(self, shown, f"{self.wrong:,} wrong", self.loss, self.no_better)
        return [*first, "", *_class_table(self), *_confusions(self)]

    def document(self) -> dict[str, Any]:
        """The measurement as plain JSON: fractions, lists and words; None where a figure is not defined."""
        return {
            **self.head(),
            "top1": self.top1.document(),
            "top5": self.top5.document(),
            "loss": self.loss,
            "loss_interval": None if self.loss_interval is None else self.loss_interval.document(),
            "per_class": [
                {
                    "class": s.name,
                    "support": s.support,
                    "precision": s.precision,
                    "recall": s.recall,
                    "f1": s.f1,
                    "intervals": {name: part and part.document() for name, part in s.intervals.items()},
                }
                for s in self.per_class
            ],
            "confusion": [list(row) for row in self.confusion],
            "mistakes": [
                {"name": m.name, "truth": m.truth, "answer": m.answer, "probability": m.probability}
                for m in self.mistakes
            ],
        }


def measure(
    probabilities: Floats,
    labels: Ints,
    *,
    names: Sequence[str],
    classes: Sequence[str],
    protocol: str,
    views: int,
    unreadable: Sequence[Mapping[str, Any]] = (),
) -> Evaluation:
    """Measure the answers ``probabilities`` (N x K) against ``labels`` (N).

    names: one per image, for the list of mistakes; classes: K names; protocol, views: how the images were shown;
    unreadable: files that had to be left out, as ``{"path", "kind", "message"}``.
    Raises ``DataError`` without a single image, ``Failed`` for answers that are not numbers.
    """
    _check(probabilities, labels, names, classes)
    confusion = confusion_matrix(probabilities, labels)
    images = len(labels)
    return Evaluation(
        images=images,
        unreadable=tuple(unreadable),
        protocol=protocol,
        views=views,
        classes=tuple(classes),
        top1=wilson(int(top_k_correct(probabilities, labels, 1).sum()), images),
        top5=wilson(int(top_k_correct(probabilities, labels, 5).sum()), images),
        loss=cross_entropy(probabilities, labels),
        per_class=class_scores(confusion, classes),
        confusion=tuple(map(tuple, confusion.tolist())),
        mistakes=_worst_mistakes(probabilities, labels, names, classes),
        loss_interval=bootstrap.mean(surprises(probabilities, labels)),
        examples=_examples(probabilities, labels, names, classes),
    )


def _check(probabilities: Floats, labels: Ints, names: Sequence[str], classes: Sequence[str]) -> None:
    if not len(labels):
        raise DataError("There is not one readable image to measure.", "See what is wrong with `lenext check`.")
    if probabilities.shape != (len(labels), len(classes)) or len(names) != len(labels):
        raise ValueError(
            f"{probabilities.shape} probabilities, {len(labels)} labels, {len(names)} names and "
            f"{len(classes)} classes do not belong together"
        )
    if labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError(f"labels lie in 0..{len(classes) - 1}, not {labels.min()}..{labels.max()}")
    check_numbers(probabilities, names)


def check_numbers(probabilities: Floats, names: Sequence[str]) -> None:
    """Raise ``Failed`` for answers that are not numbers."""
    odd = np.flatnonzero(~np.isfinite(probabilities).all(axis=1))
    if len(odd):
        raise Failed(
            f"The network's answer is not a number for {len(odd)} of {len(names)} images, "
            f"first for {visible(names[odd[0]])}.",
            "Its weights are spoilt: use an earlier checkpoint, or train with a smaller learning rate.",
        )


def _worst_mistakes(
    probabilities: Floats, labels: Ints, names: Sequence[str], classes: Sequence[str]
) -> tuple[Mistake, ...]:
    given = answers(probabilities)
    wrong = np.flatnonzero(given != labels)
    confidence = probabilities[wrong, given[wrong]]
    order = wrong[np.argsort(-confidence, kind="stable")][:WORST]
    return tuple(_answered(row, probabilities, labels, names, classes) for row in order)


def _answered(row: int, probabilities: Floats, labels: Ints, names: Sequence[str], classes: Sequence[str]) -> Mistake:
    answer = int(answers(probabilities[row : row + 1])[0])
    return Mistake(
        index=int(row),
        name=names[row],
        truth=classes[labels[row]],
        answer=classes[answer],
        probability=float(probabilities[row, answer]),
    )


def _examples(
    probabilities: Floats, labels: Ints, names: Sequence[str], classes: Sequence[str]
) -> tuple[Examples, ...]:
    given = answers(probabilities)
    sureness = probabilities[np.arange(len(labels)), given]
    found = []
    for number in np.unique(labels):
        surest = []
        for chosen in ((given == labels), (given != labels)):
            rows = np.flatnonzero(chosen & (labels == number))
            best = rows[np.argmax(sureness[rows])] if len(rows) else None
            surest.append(None if best is None else _answered(best, probabilities, labels, names, classes))
        found.append(Examples(name=classes[number], right=surest[0], wrong=surest[1]))
    return tuple(found)


def most_confused(evaluation: Evaluation, most: int) -> list[Confused]:
    """The ``most`` most frequent pairs of truth and wrong answer, most frequent first, then in the classes' order."""
    counts = np.array(evaluation.confusion)
    np.fill_diagonal(counts, 0)
    rows, answered = np.nonzero(counts)
    order = np.argsort(-counts[rows, answered], kind="stable")[:most]
    return [
        Confused(
            truth=evaluation.classes[row],
            answer=evaluation.classes[column],
            count=int(counts[row, column]),
            share=float(counts[row, column] / evaluation.per_class[row].support),
        )
        for row, column in zip(rows[order], answered[order], strict=True)
    ]


def worst_first(scores: Sequence[ClassScore]) -> list[ClassScore]:
    """Classes by F1, lowest first; those without any image or answer last."""
    return sorted(scores, key=lambda score: (score.f1 is None, score.f1 or 0.0))


def figures_first(
    evaluation: Circumstances, shown: Mapping[str, Interval], wrong: str, loss: float, remark: str = ""
) -> list[str]:
    """The figures ``shown`` by their names, then on what they were measured, at what cost, and what was left out."""
    images, width = evaluation.images, max(map(len, shown))
    text = [
        f"{name:<{width}}  {per_cent(part.value, images):>6} %   95 % interval {bounds(part, images)}"
        for name, part in shown.items()
    ]
    if remark:
        text.append(visible(remark))
    measured = f"{counted(images, 'image')}, {wrong}; protocol {visible(evaluation.protocol)}"
    text.append(f"{measured}, {counted(evaluation.views, 'view')} an image; loss {loss:.4f}")
    if evaluation.macs is not None and evaluation.seconds is not None:
        macs = evaluation.macs / evaluation.images
        cost = f"{macs:.3g} multiply-adds an image; " if macs else ""  # an engine hides them
        text.append(f"{cost}{duration(evaluation.seconds)} in all")
    text.extend(visible(said) for said in evaluation.scaled)
    if evaluation.unreadable:
        count = len(evaluation.unreadable)
        text.append("1 unreadable file was left out." if count == 1 else f"{count:,} unreadable files were left out.")
    return text


def _class_table(evaluation: Evaluation) -> list[str]:
    scores = list(evaluation.per_class)
    shown = scores if len(scores) <= ROWS else worst_first(scores)[:ROWS]
    head, *names = aligned("class", (score.name for score in shown))
    text = [f"{head}  images  precision  recall     F1"]
    for name, score in zip(names, shown, strict=True):
        figures = [per_cent(share, score.support) for share in (score.precision, score.recall, score.f1)]
        text.append(f"{name}  {score.support:>6}  {figures[0]:>9}  {figures[1]:>6}  {figures[2]:>5}")
    if len(shown) < len(scores):
        text.append(f"The {len(shown)} of {len(scores):,} classes with the lowest F1, in per cent.")
    return text


def _confusions(evaluation: Evaluation) -> list[str]:
    pairs = most_confused(evaluation, 5)
    if not pairs:
        return []
    cells = [f"{pair.count} x {cut(pair.truth, NAME)} taken for {cut(pair.answer, NAME)}" for pair in pairs]
    return ["", "Most often confused:", *(f"  {cell}" for cell in cells)]
