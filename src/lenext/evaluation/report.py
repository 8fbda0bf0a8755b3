"""The report of a run: one HTML file that holds everything, pictures too, and asks nothing of any network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lenext.evaluation.calibration import BINNING
from lenext.evaluation.chart import charts
from lenext.evaluation.intervals import Interval, wilson
from lenext.evaluation.label_measure import LEFT_OUT, LabelEvaluation, Measurement, weakest_first
from lenext.evaluation.matrix import matrix
from lenext.evaluation.measure import Evaluation, worst_first
from lenext.evaluation.metrics import ClassScore
from lenext.evaluation.pages import environment, picture
from lenext.evaluation.record import DataFacts, PicturedClass, PicturedMistake, Record
from lenext.evaluation.search import curve, rows
from lenext.evaluation.thresholds import RULE
from lenext.evaluation.trust_chart import trust_charts
from lenext.weights.durable import write_file

IN_ORDER = 25  # up to so many classes, the table keeps their order; beyond, the worst come first
PROBLEMS = 200  # files that the report names one by one


@dataclass(frozen=True, kw_only=True)
class Split:
    """One part of the data: images in all, and its smallest and largest class."""

    name: str
    images: int
    smallest: tuple[str, int]
    largest: tuple[str, int]


def write_report(path: Path, record: Record) -> None:
    """Write the report of ``record`` to ``path``, whole or not at all. Raises ``Failed`` when it cannot be written."""
    write_file(path, render(record).encode())


def render(record: Record) -> str:
    """The report's HTML."""
    split, evaluation = record.headline
    return (
        environment()
        .get_template("report.html")
        .render(
            record=record,
            split=split,
            evaluation=evaluation,
            others={name: other for name, other in record.evaluations.items() if name != split},
            charts=charts(record.curves),
            trust_charts=trust_charts(record.trust),
            binning=BINNING,
            sweep=curve(record.sweep),
            trials=rows(record.trials),
            **details(evaluation),
            in_order=len(evaluation.classes) <= IN_ORDER,
            pictures=[(mistake, picture(mistake.picture)) for mistake in record.mistakes],
            examples=[(one.name, [(shown, picture(shown.picture)) for shown in pair(one)]) for one in record.examples],
            splits=splits(record.data),
            named_problems=record.data.problems[:PROBLEMS],
        )
    )


def details(evaluation: Measurement) -> dict[str, Any]:
    """What the page says of each class: of labels their own table, for they have no matrix."""
    if isinstance(evaluation, LabelEvaluation):
        many = len(evaluation.per_class) > IN_ORDER
        return {
            "labels": weakest_first(evaluation.per_class) if many else evaluation.per_class,
            "rule": RULE,
            "left_out": LEFT_OUT,
            "matrix": None,
        }
    return {"matrix": matrix(evaluation), "classes": class_rows(evaluation), "labels": None}


def class_rows(evaluation: Evaluation) -> list[tuple[ClassScore, Interval]]:
    """Each class's figures with the interval of its recall."""
    scores: Sequence[ClassScore] = evaluation.per_class
    if len(scores) > IN_ORDER:
        scores = worst_first(scores)
    return [(score, wilson(score.hits, score.support)) for score in scores]


def splits(data: DataFacts) -> list[Split]:
    """The size of each part of the data, and how even its classes are."""
    return [
        Split(
            name=name,
            images=sum(counts.values()),
            smallest=min(counts.items(), key=lambda item: item[1], default=("", 0)),
            largest=max(counts.items(), key=lambda item: item[1], default=("", 0)),
        )
        for name, counts in data.counts.items()
    ]


def pair(one: PicturedClass) -> list[PicturedMistake]:
    """The pictures of a class that there are, right before wrong."""
    return [shown for shown in (one.right, one.wrong) if shown is not None]
