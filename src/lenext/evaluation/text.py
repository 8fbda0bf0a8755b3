"""Text for people: names made safe to print, figures rounded to what they are worth."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lenext.evaluation.intervals import Interval  # brings statistics, which no command should wait for

NAME = 28  # columns for a class's name
JOINERS = "\u200c\u200d"  # part of ordinary spelling in many scripts, and of emoji


def visible(text: str) -> str:
    """``text`` on one line, with every character that would act instead of show written as its escape.

    Those are line breaks, terminal controls, marks that turn the direction of writing, and the lone surrogates by which
    Python carries file names that are not UTF-8.
    """
    if text.isascii() and text.isprintable():  # nearly always, and a hundred times quicker
        return text
    return "".join(char.encode("unicode_escape").decode() if _acts(char) else char for char in text)


def _acts(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and char not in JOINERS


def counted(number: int, word: str) -> str:
    """A number of things: 1 image, 1,200 images."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def columns(text: str) -> int:
    """How many columns of a terminal ``text`` takes: two for each wide character, none for combining marks."""
    return len(text) if text.isascii() and text.isprintable() else sum(_width(char) for char in text)


def cut(text: str, width: int) -> str:
    """``text`` made visible and, where it is wider than ``width`` columns, cut in the middle with an ellipsis.

    The middle goes because names of one kind mostly differ at one of their ends.
    """
    text = visible(text)
    if columns(text) <= width:
        return text
    head = _prefix(text, width // 2)
    tail = _prefix(text[::-1], width - 1 - columns(head))[::-1]
    return f"{head}…{tail}"


def aligned(head: str, names: Iterable[str]) -> list[str]:
    """A column of a table: its head and names of at most ``NAME`` columns, filled up to one width."""
    cells = [head, *(cut(name, NAME) for name in names)]
    width = max(map(columns, cells))
    return [cell + " " * (width - columns(cell)) for cell in cells]


def _prefix(text: str, width: int) -> str:
    taken, used = "", 0
    for char in text:
        used += _width(char)
        if used > width:
            break
        taken += char
    return taken


def _width(char: str) -> int:
    if unicodedata.combining(char) or char in JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def per_cent(fraction: float | None, images: int) -> str:
    """A share of ``images`` as a figure in per cent, without decimals that so few images cannot support.

    1.0 alone reads 100: a share just below it is never rounded up to perfection. None, undefined, is a dash.
    """
    if fraction is None:
        return "-"
    decimals = 1 if images < 5000 else 2
    step = 10**-decimals
    figure = 100 * fraction
    if fraction < 1:
        figure = min(figure, 100 - step)
    return f"{figure:.{decimals}f}"


def bounds(part: Interval, images: int) -> str:
    """The ends of an interval of such a share: "96.1 to 97.8 %"."""
    return f"{per_cent(part.low, images)} to {per_cent(part.high, images)} %"


def duration(seconds: float) -> str:
    """A span of time in its two largest units: "3 min 12 s"."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
