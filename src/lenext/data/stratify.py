"""A share of a set in which every class has its part, drawn by the names of its members.

The draw ranks names by a hash of seed and name. It is therefore the same in every version of every library, and a file
that is added or taken away moves at most one other file of its class; a shuffled index would move them all.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence


def stratified_share(names: Sequence[str], labels: Sequence[str], *, fraction: float, seed: int) -> set[int]:
    """Positions of about ``fraction`` of each class: at least one of a class of two or more, never all of it."""
    members: defaultdict[str, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        members[label].append(index)
    chosen: set[int] = set()
    for indices in members.values():
        count = min(max(round(fraction * len(indices)), 1), len(indices) - 1)
        chosen.update(sorted(indices, key=lambda index: rank(names[index], seed))[:count])
    return chosen


def rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode()).digest()
