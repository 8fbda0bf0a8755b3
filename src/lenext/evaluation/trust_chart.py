"""Calibration and risk as drawings: confidence against accuracy, and errors against how many images are answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenext.evaluation.calibration import Bin, Effect
from lenext.evaluation.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Point, Tick, marked_axis
from lenext.evaluation.label_trust import LabelTrust
from lenext.evaluation.selective import Selective
from lenext.evaluation.text import per_cent
from lenext.evaluation.trust import Trust


@dataclass(frozen=True, kw_only=True)
class TrustLine:
    """One curve: ``role`` is its style, ``words`` its name; ``dots`` where each of its points is a measurement."""

    role: str
    words: str
    path: tuple[Point, ...]
    dots: bool = False


@dataclass(frozen=True, kw_only=True)
class TrustChart:
    """A drawing of WIDTH x HEIGHT; ``guide``: a line to compare with; ``mark``: the place of what was chosen."""

    title: str
    x_label: str
    lines: tuple[TrustLine, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    description: str
    note: str
    guide: tuple[Point, ...] = ()
    mark: Point | None = None
    mark_words: str = ""

    width, height, left, right, top, bottom = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM


def trust_charts(trust: Trust | LabelTrust | None) -> list[TrustChart]:
    """The drawings of a calibrated network, none of another."""
    if not isinstance(trust, Trust) or trust.effect is None or trust.silence is None:
        return []
    return [reliability_chart(trust.effect), risk_chart(trust.silence)]


def reliability_chart(effect: Effect) -> TrustChart:
    """Accuracy over confidence, both in per cent, before and after."""
    series = {"train": points_of(effect.before.bins), "val": points_of(effect.after.bins)}
    places = [value for points in series.values() for point in points for value in point]
    marks, horizontal = marked_axis(places, LEFT, WIDTH - RIGHT)
    _, upright = marked_axis(places, HEIGHT - BOTTOM, TOP)
    words = {"train": f"before, ECE {effect.before.ece.value:.4f}", "val": f"after, ECE {effect.after.ece.value:.4f}"}
    return TrustChart(
        title="Right answers by confidence, %",
        x_label="confidence, %",
        lines=tuple(
            TrustLine(role=role, words=words[role], path=placed(points, horizontal, upright), dots=True)
            for role, points in series.items()
        ),
        x_ticks=ticks(marks, horizontal),
        y_ticks=ticks(marks, upright),
        guide=placed([(horizontal.low, horizontal.low), (horizontal.high, horizontal.high)], horizontal, upright),
        description=f"Accuracy by confidence: calibration error {effect.before.ece.value:.4f} before, "
        f"{effect.after.ece.value:.4f} after.",
        note="On the dashed line a confidence is right as often as it says.",
    )


def points_of(bins: Sequence[Bin]) -> list[Point]:
    return [(100 * one.confidence, 100 * one.accuracy.value) for one in bins]


def risk_chart(silence: Selective) -> TrustChart:
    """Wrong answers over answered images, both in per cent."""
    points = [(100 * point.coverage, 100 * point.risk) for point in silence.curve]
    x_marks, horizontal = marked_axis([0.0, 100.0], LEFT, WIDTH - RIGHT)
    goal = 100 * silence.target
    y_marks, upright = marked_axis([0.0, goal, *(risk for _, risk in points)], HEIGHT - BOTTOM, TOP)
    shown = silence.level is not None
    mark = placed([(100 * silence.coverage.value, 100 * silence.error.value)], horizontal, upright)[0]
    ring = " The ring: what is answered and what of it is wrong, images that look new left out." if shown else ""
    return TrustChart(
        title="Wrong answers by share answered, %",
        x_label="images answered, the surest first, %",
        lines=(
            TrustLine(
                role="val", words=f"wrong, {points[-1][1]:.1f} % of all", path=placed(points, horizontal, upright)
            ),
        ),
        x_ticks=ticks(x_marks, horizontal),
        y_ticks=ticks(y_marks, upright),
        guide=placed([(0.0, goal), (100.0, goal)], horizontal, upright),
        description=f"Of all images {points[-1][1]:.1f} per cent are answered wrongly, of the surer half "
        f"{points[len(points) // 2][1]:.1f}.",
        note=f"The dashed line is the error rate aimed at, {goal:g} %.{ring}",
        mark=mark if shown else None,
        mark_words=f"{per_cent(silence.coverage.value, 10_000)} % answered",
    )


def placed(points: Sequence[Point], horizontal: Axis, upright: Axis) -> tuple[Point, ...]:
    return tuple((horizontal.place(x), upright.place(y)) for x, y in points)


def ticks(marks: Sequence[float], axis: Axis) -> tuple[Tick, ...]:
    return tuple(Tick(axis.place(mark), f"{mark:g}") for mark in marks)
