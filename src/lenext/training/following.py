"""The run folder as a process sees it that is not the first of its team: it reads, and writes nothing."""

from __future__ import annotations

from typing import Any

from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.log import MetricLog, Row


class UnwrittenCheckpoints(Checkpoints):
    """Checkpoints that rank 0 writes."""

    def save(self, *_state: Any) -> None:
        """Nothing: the first process saves the same."""

    def forget_after(self, progress: Progress) -> None:
        """Nothing: the first process does it."""

    def clear_unfinished(self) -> None:
        """Nothing: the first process does it."""


class UnwrittenLog(MetricLog):
    """The metric log that rank 0 writes."""

    def __init__(self) -> None:
        """Open nothing."""

    def add(self, row: Row) -> None:
        """Nothing: the first process logs the same."""

    def cut(self, length: int) -> None:
        """Nothing: the first process does it."""

    def sync(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is open."""
