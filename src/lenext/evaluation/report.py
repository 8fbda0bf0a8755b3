"""The report of a run: one HTML file that holds everything, pictures too, and asks nothing of any network."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lenext.evaluation.calibration import BINNING
from lenext.evaluation.chart import charts
from lenext.evaluation.intervals import Interval, wilson
from lenext.evaluation.label_measure import LEFT_OUT, LabelEvaluation, Measurement, weakest_first
from lenext.evaluation.matrix import matrix
from lenext.evaluation.measure import Evaluation, worst_first
from lenext.evaluation.metrics import ClassScore
from lenext.evaluation.record import DataFacts, PicturedClass, PicturedMistake, Record
from lenext.evaluation.search import curve, rows
from lenext.evaluation.text import cut, duration, per_cent, visible
from lenext.evaluation.thresholds import RULE
from lenext.evaluation.trust_chart import trust_charts
from lenext.weights.durable import write_file

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"
IN_ORDER = 25  # up to so many classes, the table keeps their order; beyond, the worst come first
PROBLEMS = 200  # files that the report names one by one
SIDE = 192  # pixels of a picture's longer side; larger ones are reduced
TINY = 64  # pictures smaller than this are enlarged with hard edges, so that their pixels can be seen


@dataclass(frozen=True)
class Picture:
    """A picture as an address that holds it, and whether it is tiny."""

    address: str
    tiny: bool


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


def environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(cut=cut, per_cent=per_cent, duration=duration, above=above, scale_floor=scale_floor)
    environment.filters.update(layer=layer)
    return environment


def _shown(value: Any) -> Any:
    """Every string that the page prints passes here, so that no name can break a line or turn the writing."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def scale_floor(lowest: float) -> float:
    """The lower end of a scale up to 1 that shows ``lowest``: the next tenth below it."""
    return math.floor(10 * lowest) / 10 if lowest < 1 else 0.9


def above(value: float, floor: float) -> float:
    """Where ``value`` lies on the scale from ``floor`` to 1, as a fraction of its length."""
    return round((value - floor) / (1 - floor), 4)


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
            images=data.images.get(name, sum(counts.values())),
            smallest=min(counts.items(), key=lambda item: item[1], default=("", 0)),
            largest=max(counts.items(), key=lambda item: item[1], default=("", 0)),
        )
        for name, counts in data.counts.items()
    ]


def pair(one: PicturedClass) -> list[PicturedMistake]:
    """The pictures of a class that there are, right before wrong."""
    return [shown for shown in (one.right, one.wrong) if shown is not None]


def layer(file: bytes) -> str:
    """A heat map's PNG file as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(file).decode("ascii")


def picture(source: NDArray[np.uint8] | bytes) -> Picture:
    """``source`` (uint8 H x W x C, or a PNG file) in a data address, its longer side at most ``SIDE``.

    JPEG, a fifth of the bytes; a tiny one, whose pixels are to be seen, is PNG. Of more channels than a picture has the
    first three are shown as red, green and blue, of two the first as grey.
    """
    from PIL import Image

    if isinstance(source, bytes):
        opened: Image.Image = Image.open(io.BytesIO(source))
    else:
        shown = source if source.shape[2] in {1, 3, 4} else source[..., : 3 if source.shape[2] > 3 else 1]
        opened = Image.fromarray(shown.squeeze(2) if shown.shape[2] == 1 else shown)
    with opened as image:
        image.thumbnail((SIDE, SIDE))
        file = io.BytesIO()
        tiny = max(image.size) < TINY
        if tiny:
            image.save(file, format="PNG", optimize=True)
        else:
            image.convert("RGB").save(file, format="JPEG", quality=85)
    return Picture(
        f"data:image/{'png' if tiny else 'jpeg'};base64," + base64.b64encode(file.getvalue()).decode("ascii"), tiny
    )
