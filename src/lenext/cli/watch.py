"""Progress for a person: a bar on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from lenext.data.cache_folder import refusal
from lenext.evaluation.text import duration
from lenext.training.watch import Moment, Silent, Watcher

if TYPE_CHECKING:
    from rich.progress import TaskID


@contextmanager
def screen(*, quiet: bool) -> Iterator[Watcher]:
    """The watcher that fits standard error, whose last words are of a cache folder that keeps nothing."""
    shown = Quiet() if quiet else Bar() if sys.stderr.isatty() else Plain()
    with shown:
        yield shown
        if why := refusal():
            shown.message(why)


class Quiet(Silent):
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


class Plain(Quiet):
    """Lines: every message, every epoch, and a sign of life twice a minute."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def message(self, text: str) -> None:
        click.echo(text, err=True)

    def scan(self, done: int, total: int) -> None:
        if self._due():
            self.message(f"read {done:,} of {total:,} images")

    def download(self, done: int, total: int) -> None:
        if self._due():
            self.message(f"downloaded {done / 2**20:,.0f} of {total / 2**20:,.0f} MB")

    def step(self, moment: Moment) -> None:
        if self._due():
            self.message(
                f"epoch {moment.epoch}/{moment.epochs}, batch {moment.batch}/{moment.batches}: loss {moment.loss:.4f}, "
                f"accuracy {moment.accuracy:.4f}, {moment.images_per_second:,.0f} images/s, "
                f"{duration(moment.seconds_left)} left"
            )

    def epoch(self, row: Mapping[str, float]) -> None:
        self._last = time.monotonic()
        self.message(epoch_line(row))

    def _due(self) -> bool:
        now = time.monotonic()
        if now - self._last < 30:
            return False
        self._last = now
        return True


class Bar(Quiet):
    """A bar that stays on the last line; messages and epochs scroll above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figures]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def message(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def scan(self, done: int, total: int) -> None:
        self._show("reading", done, total, f"{done:,} of {total:,} images")
        if done == total:
            self._clear()

    def download(self, done: int, total: int) -> None:
        self._show("downloading", done, total, f"{done / 2**20:,.0f} of {total / 2**20:,.0f} MB")
        if done == total:
            self._clear()

    def step(self, moment: Moment) -> None:
        figures = (
            f"loss {moment.loss:.4f}  acc {moment.accuracy:.3f}  {moment.images_per_second:,.0f} img/s  "
            f"{duration(moment.seconds_left)} left"
        )
        self._show(f"epoch {moment.epoch}/{moment.epochs}", moment.batch, moment.batches, figures)

    def epoch(self, row: Mapping[str, float]) -> None:
        self.message(epoch_line(row))

    def _show(self, description: str, done: int, total: int, figures: str) -> None:
        if self._task is None:
            self._task = self._progress.add_task(description, total=total, figures=figures)
        self._progress.update(self._task, description=description, completed=done, total=total, figures=figures)

    def _clear(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


def epoch_line(row: Mapping[str, float]) -> str:
    """One epoch's figures."""
    train = row.get("train_top1", row.get("train_exact", 0.0))
    text = f"epoch {row['epoch']:>3}  loss {row['loss']:z.4f}  train {train:.4f}"
    if "val_loss" in row:
        text += f"  validation loss {row['val_loss']:z.4f}"
    for name, words in {"val_top1": "accuracy", "val_map": "mAP", "val_exact": "all right"}.items():
        text += f"  {words} {row[name]:.4f}" if name in row else ""
    return text
