"""Learning curves as geometry: points, scales and labels that the report's template draws as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Rows = Sequence[Mapping[str, float | None]]
Point = tuple[float, float]

WIDTH, HEIGHT = 460, 260  # of the drawing; the page scales it
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 12, 40  # margins around the plot
CHOOSING = ("val_top1", "val_map")  # by the highest of which a run chooses its epoch
MOST_POINTS = 400  # a curve of more points than pixels is averaged down to these


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place in the drawing and its words."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One curve: ``role`` is "train" or "val", ``path`` its places in the drawing, ``last`` its final value."""

    role: str
    path: tuple[Point, ...]
    last: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawing of WIDTH x HEIGHT; ``best`` is the place of the highest validation point, where high is good."""

    title: str
    unit: str
    x_label: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    best: Point | None
    description: str

    width, height, left, right, top, bottom = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM


@dataclass(frozen=True)
class Axis:
    """From values to places: ``low`` and ``high`` lie at ``start`` and ``end`` of the drawing."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def place(self, value: float) -> float:
        low, high, at = (math.log10(v) if self.logarithmic else v for v in (self.low, self.high, value))
        return round(self.start + (self.end - self.start) * (at - low) / (high - low), 1)


def charts(rows: Rows) -> list[Chart]:
    """Loss and accuracy over the run, as far as ``rows`` hold them; a figure that is not finite is not drawn.

    Of labels there are two figures in the place of accuracy.
    """
    drawn = [
        chart(rows, title="Loss", unit="", train="loss", val="val_loss", scale=1),
        chart(rows, title="Accuracy", unit="%", train="train_top1", val="val_top1", scale=100),
        chart(rows, title="Mean average precision", unit="%", train="", val="val_map", scale=100),
        chart(rows, title="All labels right", unit="%", train="train_exact", val="val_exact", scale=100),
    ]
    return [one for one in drawn if one is not None]


def chart(rows: Rows, *, title: str, unit: str, train: str, val: str, scale: float) -> Chart | None:
    """One chart of the fields ``train`` and ``val``, times ``scale``; None when no row has either."""
    clock = _clock(rows)
    series = {
        role: points
        for role, name in (("train", train), ("val", val))
        if (points := _thin(_series(rows, clock, name, scale)))
    }
    if not series:
        return None
    places = [point for points in series.values() for point in points]
    x_values, x_axis = _linear_axis([x for x, _ in places], LEFT, WIDTH - RIGHT, whole=True, snug=True)
    y_values, y_axis = _value_axis([y for _, y in places], bound=100.0 if unit == "%" else math.inf)
    lines = tuple(
        Line(
            role=role,
            path=tuple((x_axis.place(x), y_axis.place(y)) for x, y in points),
            last=_figure(points[-1][1], unit),
        )
        for role, points in series.items()
    )
    best = _best(rows, clock, val, scale) if val in CHOOSING and "val" in series else None
    return Chart(
        title=title,
        unit=unit,
        x_label=clock,
        lines=lines,
        x_ticks=tuple(Tick(x_axis.place(value), f"{value:,g}") for value in x_values),
        y_ticks=tuple(Tick(y_axis.place(value), _mark(value)) for value in y_values),
        best=(x_axis.place(best[0]), y_axis.place(best[1])) if best else None,
        description=_describe(title, unit, clock, series),
    )


def _best(rows: Rows, clock: str, val: str, scale: float) -> Point:
    """The point that a run chooses: the highest, and among equals the one of the lowest validation loss."""

    def rank(point: Point) -> tuple[float, float]:
        return point[1], -losses.get(point[0], math.inf)

    losses = dict(_series(rows, clock, "val_loss", 1))
    return max(_series(rows, clock, val, scale), key=rank)


def _clock(rows: Rows) -> str:
    """The field that tells the rows apart in time: epochs where each row is one, else steps, else epochs again."""
    epochs = [row.get("epoch") for row in rows]
    if None not in epochs and len(set(epochs)) == len(epochs):
        return "epoch"
    return "step" if all(row.get("step") is not None for row in rows) else "epoch"


def _series(rows: Rows, clock: str, name: str, scale: float) -> list[Point]:
    return [
        (float(x), scale * y)
        for row in rows
        if (x := row.get(clock)) is not None and (y := row.get(name)) is not None and math.isfinite(y)
    ]


def _thin(points: list[Point]) -> list[Point]:
    group = math.ceil(len(points) / MOST_POINTS)
    if group <= 1:
        return points
    groups = [points[at : at + group] for at in range(0, len(points), group)]
    return [(sum(x for x, _ in part) / len(part), sum(y for _, y in part) / len(part)) for part in groups]


def marked_axis(values: list[float], start: float, end: float) -> tuple[list[float], Axis]:
    """Round marks from below the least to above the greatest value, which stay within 0 to 100 per cent."""
    marks, axis = _linear_axis(values, start, end)
    low, high = max(0.0, axis.low), min(100.0, axis.high)
    return [mark for mark in marks if low <= mark <= high], Axis(low, high, start, end)


def _value_axis(values: list[float], bound: float) -> tuple[list[float], Axis]:
    """The upright axis: logarithmic for positive values that span more than a factor of 30."""
    bottom, top = HEIGHT - BOTTOM, TOP
    if min(values) > 0 and max(values) > 30 * min(values):
        return _logarithmic_axis(values, bottom, top)
    marks, axis = _linear_axis(values, bottom, top)
    if axis.high > bound >= max(values):
        marks, axis = [mark for mark in marks if mark <= bound], Axis(axis.low, bound, bottom, top)
    return marks, axis


def _linear_axis(
    values: list[float], start: float, end: float, *, whole: bool = False, snug: bool = False
) -> tuple[list[float], Axis]:
    """At most seven round marks. ``whole``: at whole numbers only; ``snug``: the axis ends where the values end."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - (1 if whole else 0.5 * abs(low) or 0.5), high + (1 if whole else 0.5 * abs(high) or 0.5)
    step = _round_step((high - low) / 5)
    if whole:
        step = max(1.0, step if step != 2.5 else 5.0)
    if not snug:
        low, high = step * math.floor(low / step), step * math.ceil(high / step)
    first = math.ceil(low / step - 1e-9)
    marks = [round(step * k, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]
    return marks, Axis(low, high, start, end)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * digit for digit in (1, 2, 2.5, 5, 10) if power * digit >= rough * (1 - 1e-9))


def _logarithmic_axis(values: list[float], start: float, end: float) -> tuple[list[float], Axis]:
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    every = [digit * 10.0**power for power in range(first, last + 1) for digit in (1, 2, 5)]
    low = max(mark for mark in every if mark <= min(values))
    high = min(mark for mark in every if mark >= max(values))
    marks = [round(mark, 10 - first) for mark in every if low <= mark <= high]
    if len(marks) > 7:
        decades = [mark for mark in marks if math.isclose(math.log10(mark) % 1, 0, abs_tol=1e-6)]
        marks = decades[:: math.ceil(len(decades) / 7)]
    return marks, Axis(low, high, start, end, logarithmic=True)


def _mark(value: float) -> str:
    """A value beside its axis, where there is room for five characters: 0.0001 becomes 1e-4."""
    if not 0 < value < 0.001:
        return f"{value:g}"
    digits, power = f"{value:e}".split("e")
    return f"{float(digits):g}e{int(power)}"


def _figure(value: float, unit: str) -> str:
    return f"{value:.1f} %" if unit else f"{value:.3g}"


def _describe(title: str, unit: str, clock: str, series: Mapping[str, list[Point]]) -> str:
    words = {"train": "training", "val": "validation"}
    parts = [
        f"{words[role]} from {_figure(points[0][1], unit)} to {_figure(points[-1][1], unit)}"
        for role, points in series.items()
    ]
    return f"{title} by {clock}: {'; '.join(parts)}."
