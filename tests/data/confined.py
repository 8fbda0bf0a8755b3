"""Work done in a process of its own that is measured and cannot harm the tests: seconds, megabytes, signals."""

from __future__ import annotations

import os
import pickle  # between this process and its own child
import resource
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

BRAKE = 4 << 30  # bytes of memory more than now, at which allocation fails
PATIENCE = 30  # seconds of processor time after which the child is killed


@dataclass(frozen=True)
class Outcome:
    """What came of it: the answer or the exception (its type, words and reason), and what it cost.

    signal: that ended it, 0 for none; seconds: of the processor; megabytes: of its own memory at most, beyond what it
    had at the beginning; not the files of libraries, whose pages a fork forgets, and which come back as they are used.
    """

    answer: Any
    error: tuple[str, str, str] | None
    signal: int
    seconds: float
    megabytes: float


def confined(work: Callable[[], Any]) -> Outcome:
    """``work()`` in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if not told:
        return Outcome(None, None, os.WTERMSIG(status) if os.WIFSIGNALED(status) else signal.SIGABRT, 0, 0)
    answer, error, seconds, megabytes = pickle.loads(told)
    return Outcome(answer, error, 0, seconds, megabytes)


def _child(work: Callable[[], Any], writing: int) -> None:
    """Work, tell the parent, and leave without what the parent would do at its end."""
    try:
        before = sizes()
        virtual = before["VmSize"]
        resource.setrlimit(resource.RLIMIT_AS, (virtual + BRAKE, virtual + BRAKE))
        resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE, PATIENCE))
        signal.alarm(4 * PATIENCE)  # by the wall, for what only waits
        answer = error = None
        try:
            answer = work()
        except Exception as caught:  # noqa: BLE001  (told to the parent)
            error = type(caught).__name__, str(caught), getattr(caught, "reason", "")
        used, after = resource.getrusage(resource.RUSAGE_SELF), sizes()
        own = 1024 * used.ru_maxrss - after["RssFile"] - after["RssShmem"]
        megabytes = (own - before["RssAnon"]) / 2**20
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump((answer, error, used.ru_utime + used.ru_stime, megabytes), pipe)
    finally:
        os._exit(0)


def sizes() -> dict[str, int]:
    """Bytes of this process: VmSize, and of what is in memory RssAnon, RssFile, RssShmem."""
    with open("/proc/self/status", encoding="utf-8") as file:
        lines = [line.split() for line in file if line.startswith(("VmSize:", "Rss"))]
    return {name.removesuffix(":"): 1024 * int(kibibytes) for name, kibibytes, _ in lines}
