"""An option that has a few values, and how a wrong one is refused."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from lenext.errors import UsageError

T = TypeVar("T")


def one_of(option: str, value: T, known: Collection[T]) -> T:
    """``value`` if it is ``known``; else ``UsageError``."""
    if value not in known:
        hint = f"Choose one of {', '.join(map(str, known))}." if known else f"Leave {option} out."
        raise UsageError(f"There is no {option} {value!r} here.", hint)
    return value
