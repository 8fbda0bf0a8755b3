"""The page of explanations: one HTML file that holds its pictures and asks nothing of any network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lenext.evaluation.pages import environment

SIDE = 480  # pixels of a picture's longer side on the page
THUMB = 112
PAGE = 60  # explanations that the page shows: about six megabytes of photographs


@dataclass(frozen=True)
class Near:
    """A training picture that is like the explained one."""

    name: str
    label: str
    distance: float
    picture: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One explanation: picture and layer are addresses that hold them, "" where there is none; error in words."""

    path: str
    answer: str = ""
    probability: float | None = None
    predicted: str = ""
    stage: str | None = None
    said: Sequence[str] = ()
    doubtful: bool = False
    picture: str = ""
    layer: str = ""
    tiny: bool = False
    near: Sequence[Near] = ()
    error: str = ""


def page(model: str, method: str, entries: Sequence[Entry], total: int) -> bytes:
    """The page of the first ``PAGE`` of ``total`` explanations."""
    template = environment().get_template("explanations.html")
    text: str = template.render(model=model, method=method, entries=entries[:PAGE], total=total)
    return text.encode()
