"""The page of explanations: one HTML file that holds its pictures and asks nothing of any network."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lenext.evaluation.report import environment
from lenext.explanation.overlay import as_image

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


def address(data: bytes, kind: str) -> str:
    """A file as an address that holds it."""
    return f"data:image/{kind};base64," + base64.b64encode(data).decode("ascii")


def shown(picture: NDArray[np.uint8], side: int) -> str:  # H W C, C 1 or 3
    """A picture for the page: JPEG, its longer side at most ``side``; a tiny one as it is, as PNG."""
    image = as_image(picture)
    image.thumbnail((side, side))
    file = io.BytesIO()
    kind = "png" if max(image.size) < 64 else "jpeg"
    image.save(file, format=kind, **({"quality": 85} if kind == "jpeg" else {"optimize": True}))
    return address(file.getvalue(), kind)


def page(model: str, method: str, entries: Sequence[Entry], total: int) -> bytes:
    """The page of the first ``PAGE`` of ``total`` explanations."""
    template = environment().get_template("explanations.html")
    text: str = template.render(model=model, method=method, entries=entries[:PAGE], total=total)
    return text.encode()
