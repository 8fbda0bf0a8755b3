"""Which networks of the line somebody's weights could be of, by their shapes alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import torch

from lenext.explanation.audit import likeness, signature
from lenext.layers.network import Network
from lenext.models import FILES, create_model, line, list_models

PAPER = "paper"  # the reading that is its own
JUDGES = 4  # networks of nearest size that a paper is judged by: classes and folded normalisation change the size
FAMILIES, KIN = 2, 12  # the likeliest papers, and of each the networks of nearest size, whose weights are looked at
CHOSEN = 4  # of those the likeliest, and all that are as likely as the best
ALIKE = 0.75  # the share of the best one's likeness that each of them has


def likely(seen: Counter[tuple[int, ...]], count: int) -> list[str]:
    """Networks whose weights have the most shapes in common with those ``seen``, in the order of the line.

    Each paper is judged by its networks of nearest size, then those of the likeliest papers are; without any shape in
    common, those of nearest size are. ``count``: of all parameters.
    """

    def by_size(names: Iterable[str]) -> list[str]:
        return sorted(names, key=lambda name: abs(math.log(line()[name]["params"] / max(1, count))))

    def alike(name: str) -> float:
        return likeness(shapes_of(name), seen)

    families = [by_size(names) for names in FILES.values()]
    judged = [max(map(alike, names[:JUDGES])) for names in families]
    enough = sorted(judged)[-FAMILIES]
    near = [name for names, found in zip(families, judged, strict=True) if found >= enough for name in names[:KIN]]
    best = max(map(alike, near))
    if not best:
        return by_size(list_models())[:CHOSEN]
    likeliest = [name for name in sorted(near, key=alike)[-CHOSEN:] if alike(name) >= ALIKE * best]
    return [name for name in list_models() if name in likeliest or (name in near and alike(name) == best)]


@cache
def shapes_of(name: str) -> Counter[tuple[int, ...]]:
    return signature(build(name))


def build(name: str, **options: Any) -> Network:
    """A network of ours without memory for weights."""
    with torch.device("meta"):
        return create_model(name, **options)


def title(name: str, reading: str) -> str:
    """A network in a reading, as ``--against`` takes it."""
    return name if reading == PAPER else f"{name}:{reading}"
