"""One image of a data set, and one thing that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lenext.data.sketch import Sketch

REMARK, LEFT_OUT = "used with a remark", "left out"

TRAIN, VAL, TEST = SPLITS = ("train", "val", "test")


SEPARATOR = "|"  # between the labels of an image that may have several


@dataclass(frozen=True, slots=True)
class Item:
    """path: relative to the listing's root (POSIX), or absolute; split: "" where the data have none.

    label: the class; where images have any number of labels, theirs in order of name, between ``SEPARATOR``.
    """

    path: str
    label: str
    split: str = ""


@dataclass(frozen=True)
class Problem:
    """kind: a code of ``lenext check``; message: one sentence; action: REMARK or LEFT_OUT."""

    path: str
    kind: str
    message: str
    action: str


@dataclass(frozen=True, slots=True)
class Content:
    """What decoding a file found: SHA-256 of its bytes, format, upright size in pixels, Pillow's mode.

    channels: the numbers of channels that it can be read with, its own first; sketch: by which copies of the picture
    are found, None where nobody asked for it.
    """

    sha256: str
    format: str
    width: int
    height: int
    channels: tuple[int, ...] = (3, 1, 4)
    mode: str = ""
    sketch: Sketch | None = field(default=None, repr=False)
