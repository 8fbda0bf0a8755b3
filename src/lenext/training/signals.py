"""SIGINT and SIGTERM ask for a stop; the loop answers between two steps. A second signal stops at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequested(Exception):
    """Raised by ``StopSignals.poll`` where stopping is safe."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class StopSignals:
    """Context in which the first signal is noted for ``poll``; the second acts as if nobody listened."""

    def __init__(self) -> None:
        self.received = 0
        self._before: dict[int, signal.Handlers | int | None] = {}

    def poll(self) -> None:
        if self.received:
            raise StopRequested(self.received)

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

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
