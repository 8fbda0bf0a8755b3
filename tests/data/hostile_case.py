"""A hostile file and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from pictures import UPRIGHT

LOSSY = 12  # grey levels by which a lossy format may miss
GREY = (UPRIGHT @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)  # ITU-R 601
GREYS = GREY[..., None].repeat(3, axis=2)
DAMAGE = frozenset({"truncated", "corrupt", "unsupported", "too-large"})


@dataclass(frozen=True)
class Case:
    """A file: either ``pixels`` (H W 3, missed by at most ``tolerance``) or a refusal for one of ``reasons``.

    With both, either is right: damage may hit what no decoder looks at. remarks: that ``check`` must make.
    """

    name: str
    data: bytes = field(repr=False)
    pixels: np.ndarray | None = field(default=None, repr=False)
    tolerance: int = 0
    reasons: frozenset[str] = frozenset()
    remarks: tuple[str, ...] = ()


def shown(name, data, pixels=UPRIGHT, tolerance=0, remarks=()):
    return Case(name, bytes(data), pixels, tolerance, frozenset(), tuple(remarks))


def refused(name, data, *reasons):
    return Case(name, bytes(data), None, 0, frozenset(reasons))
