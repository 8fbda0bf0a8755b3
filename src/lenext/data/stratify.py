"""A share of a set in which every class has its part, drawn by the names of its members.

The draw ranks names by a hash of seed and name. It is therefore the same in every version of every library, and a file
that is added or taken away moves at most one other file of its class; a shuffled index would move them all. Sets of
labels are divided by iterative stratification (Sechidis, Tsoumakas and Vlahavas 2011), which has no such stability.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

Sets = Sequence[Sequence[str]]  # the labels of every member


def stratified_share(names: Sequence[str], labels: Sequence[Hashable], *, fraction: float, seed: int) -> set[int]:
    """Positions of about ``fraction`` of each class: at least one of a class of two or more, never all of it."""
    members: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index, label in enumerate(labels):
        members[label].append(index)
    chosen: set[int] = set()
    for indices in members.values():
        count = min(max(round(fraction * len(indices)), 1), len(indices) - 1)
        chosen.update(sorted(indices, key=lambda index: rank(names[index], seed))[:count])
    return chosen


def share_of_sets(names: Sequence[str], labels: Sets, *, fraction: float, seed: int) -> set[int]:
    """The same where a member has any number of ``labels``: about ``fraction`` of all, and of those of each label.

    A label of two members or more has one in the share wherever the others allow it, and always one outside.
    """
    sizes = members_of(labels)
    wanted = {
        name: (len(rows) - (part := min(max(fraction * len(rows), 1.0), len(rows) - 1.0)), part)
        for name, rows in sizes.items()
    }
    total = fraction * len(labels)
    places = stratified_sets(names, labels, (len(labels) - total, total), wanted, seed=seed)
    chosen = {index for index, place in enumerate(places) if place == 1}
    for rows in sizes.values():
        if chosen.issuperset(rows):
            chosen.remove(min(rows, key=lambda index: rank(names[index], seed)))
    return chosen


def parts_of_sets(names: Sequence[str], labels: Sets, *, parts: int, seed: int) -> list[int]:
    """For each member its part, from 0: parts of equal size in which every label is as frequent as can be."""
    wanted = {name: (len(rows) / parts,) * parts for name, rows in members_of(labels).items()}
    return stratified_sets(names, labels, (len(labels) / parts,) * parts, wanted, seed=seed)


def stratified_sets(
    names: Sequence[str],
    labels: Sets,
    sizes: Sequence[float],
    wanted: Mapping[str, Sequence[float]],
    *,
    seed: int,
) -> list[int]:
    """For each member its part; sizes, wanted: how many members in all, and of each label, every part is to have.

    The label with the fewest members that are still to be dealt is dealt first: each of its members goes where the
    label is wanted most, of equals where most members are; those without a label go last.
    """
    order = sorted(range(len(names)), key=lambda index: rank(names[index], seed))
    room = list(sizes)
    open_for = {name: list(shares) for name, shares in wanted.items()}
    waiting = members_of([labels[index] for index in order])
    waiting = {name: [order[row] for row in rows] for name, rows in waiting.items()}
    places = [-1] * len(names)

    def deal(index: int, most: Sequence[float]) -> None:
        place = max(range(len(room)), key=lambda part: (most[part], room[part], -part))
        places[index] = place
        room[place] -= 1
        for name in labels[index]:
            open_for[name][place] -= 1

    while waiting := {
        name: left for name, rows in waiting.items() if (left := [index for index in rows if places[index] < 0])
    }:
        rarest = min(waiting, key=lambda name: (len(waiting[name]), name))
        for index in waiting[rarest]:
            deal(index, open_for[rarest])
    for index in order:
        if places[index] < 0:
            deal(index, room)
    return places


def members_of(labels: Sets) -> dict[str, list[int]]:
    """The members of every label, in order."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for index, names in enumerate(labels):
        for name in names:
            found[name].append(index)
    return dict(found)


def rank(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{name}".encode()).digest()
