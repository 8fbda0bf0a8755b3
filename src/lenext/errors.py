"""The errors that a user can meet: one sentence what, one sentence remedy, and an exit status that says which kind."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class LenextError(Exception):
    """Base of every error that lenext raises on purpose; ``str(error)`` is the message, ``error.remedy`` what to do."""

    kind = "failed"
    exit_status = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if remedy:
            self.add_note(remedy)  # a traceback shows it, where lenext is used from Python


class Failed(LenextError):
    """The work was well asked for, but could not be done (disk full, a loss that is not a number)."""


class UsageError(LenextError):
    """The command or call is wrong: an unknown name, a path that does not exist, options that contradict."""

    kind = "usage"
    exit_status = 2


class DataError(LenextError):
    """The data cannot be used as they are: no images, a single class, other classes than the run's."""

    kind = "data"
    exit_status = 3


class ImageError(DataError):
    """One image that cannot be read: the one error type of the decoder.

    ``reason`` is a short code (``empty truncated corrupt not-an-image unsupported too-large unreadable ...``).
    """

    def __init__(self, path: str | Path, reason: str, message: str) -> None:
        super().__init__(message, "Repair or remove the file.")
        self.path = str(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class WeightFileError(LenextError):
    """A weight file or run folder that is not one, is damaged, or belongs to another network or reading."""

    kind = "weight-file"
    exit_status = 4


class Interrupted(LenextError):
    """Stopped by a signal, after the current step was saved; ``exit_status`` is 128 + the signal's number."""

    kind = "interrupted"

    def __init__(self, message: str, remedy: str, signal_number: int) -> None:
        super().__init__(message, remedy)
        self.exit_status = 128 + signal_number


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.55) -> str:
    """A sentence that offers the nearest known names, or an empty string when none is near."""
    import difflib  # costs 8 ms that only a mistake should pay

    near = difflib.get_close_matches(word, list(dict.fromkeys(known)), n=3, cutoff=cutoff)
    return f"Did you mean {' or '.join(near)}?" if near else ""
