"""The classes of ImageNet (ILSVRC-2012) in the order of every published network's logits."""

from __future__ import annotations

from pathlib import Path


def _read() -> tuple[tuple[str, str], ...]:
    lines = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    rows = (line.partition(" ") for line in lines if not line.startswith("#"))
    return tuple((wnid, name) for wnid, _, name in rows)


WNIDS, NAMES = zip(*_read(), strict=True)  # "n01440764", "tench"


def name_of(word: str) -> str:
    """The class that ``word`` means: its name, or the name for its WordNet number; other words as they are."""
    return NAMES[WNIDS.index(word)] if word in WNIDS else word
