"""What a run tells whoever watches it; nothing here changes a bit of the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import Protocol, TypeVar

Batch = TypeVar("Batch", bound=Sized)


@dataclass(frozen=True)
class Moment:
    """Where the run is: epoch from 1, batch of batches, mean loss and accuracy of the epoch so far, time left."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    accuracy: float
    images_per_second: float
    seconds_left: float


class Watcher(Protocol):
    """A progress bar, plain lines, or nothing."""

    def message(self, text: str) -> None: ...

    def scan(self, done: int, total: int) -> None: ...

    def download(self, done: int, total: int) -> None: ...

    def step(self, moment: Moment) -> None: ...

    def epoch(self, row: Mapping[str, float]) -> None: ...


class Silent:
    """Watches nothing."""

    def message(self, text: str) -> None: ...

    def scan(self, done: int, total: int) -> None: ...

    def download(self, done: int, total: int) -> None: ...

    def step(self, moment: Moment) -> None: ...

    def epoch(self, row: Mapping[str, float]) -> None: ...


def watched(batches: Iterator[Batch], total: int, watcher: Watcher, done: int = 0) -> Iterator[Batch]:
    """The same batches, their images counted for whoever watches, after the ``done`` ones before."""
    for batch in batches:
        yield batch
        done += len(batch)
        watcher.scan(done, total)
