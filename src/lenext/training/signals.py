"""SIGINT and SIGTERM ask for a stop; the loop answers between two steps. A second signal stops at once.

Who waits for a file that does not answer is between two steps, too: after ``PATIENCE`` seconds that is interrupted.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Self, TypeVar

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE = 5.0  # ours: seconds; with the save it stays below ten

One = TypeVar("One")


class StopRequested(Exception):
    """Raised by ``StopSignals.poll`` where stopping is safe."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class StopSignals:
    """Context in which the first signal is noted for ``poll``; the second acts as if nobody listened."""

    def __init__(self) -> None:
        self.received = 0
        self._reading = False
        self._before: dict[int, signal.Handlers | int | None] = {}

    def poll(self) -> None:
        if self.received:
            raise StopRequested(self.received)

    def reading(self, batches: Iterator[One]) -> Iterator[One]:
        """The same batches; nothing is computed while one is waited for."""
        while True:
            self._reading = True
            try:
                batch = next(batches)
            except StopIteration:
                return
            finally:
                self._reading = False
            yield batch

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # only there may Python set handlers
            for number in _SIGNALS:
                self._before[number] = signal.getsignal(number)  # type: ignore[assignment]
                signal.signal(number, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._restore()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.received = number
        for listened in _SIGNALS:
            signal.signal(listened, signal.SIG_DFL)
        self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._late)  # type: ignore[assignment]
        signal.setitimer(signal.ITIMER_REAL, PATIENCE, 1.0)

    def _late(self, _number: int, _frame: FrameType | None) -> None:
        if self._reading:
            raise StopRequested(self.received)

    def _restore(self) -> None:
        if self.received:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)
