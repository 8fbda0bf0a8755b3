"""Pictures that a data set holds more than once: equal ones, nearly equal ones, and what is wrong about each pair."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lenext.data.images import ArrayImages
from lenext.data.item import REMARK, TRAIN, Item, Problem
from lenext.data.listing import Listing
from lenext.data.sketch import SIDE, Sketch, sketch
from lenext.protocol import MULTICLASS

NAMED = 3  # twins that a message names


@dataclass(frozen=True)
class Twins:
    """Two items by number, first < second; exact: equal to the pixel; difference: 0 to 1, see ``likeness``.

    kinds: "two-classes" and "leak" (two splits), else "duplicate" or "near-duplicate".
    """

    first: int
    second: int
    exact: bool
    difference: float
    kinds: tuple[str, ...]


def contents(listing: Listing) -> list[Hashable] | None:
    """For each item a mark that is equal where the bytes of file or array are; None for files that were not scanned."""
    if isinstance(listing.images, ArrayImages):
        return [hashlib.sha256(row.tobytes()).digest() for row in listing.images.array]
    return [content.sha256 for content in listing.contents] if listing.contents else None


def equal_groups(marks: Iterable[Hashable]) -> list[list[int]]:
    """Positions of equal marks, two or more together, in order."""
    marks = list(marks)
    if len(set(marks)) == len(marks):
        return []
    places: dict[Hashable, list[int]] = {}
    for index, mark in enumerate(marks):
        places.setdefault(mark, []).append(index)
    return [group for group in places.values() if len(group) > 1]


def exact_twins(listing: Listing, groups: Iterable[Sequence[int]]) -> list[Twins]:
    """Of each group its first item with every other; those of two classes or splits among the others too."""
    found = []
    for group in groups:
        pairs = {(group[0], other) for other in group[1:]} | set(unlike(listing.items, group))
        found += [twins(listing.items, first, second) for first, second in sorted(pairs)]
    return found


def unlike(items: Sequence[Item], group: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs between the heads of a group."""
    found = heads(items, group)
    return [(first, second) for at, first in enumerate(found) for second in found[at + 1 :]]


def heads(items: Sequence[Item], group: Sequence[int]) -> list[int]:
    """The first item of each class and split in a group."""
    firsts: dict[tuple[str, str], int] = {}
    for index in group:
        firsts.setdefault((items[index].label, items[index].split or TRAIN), index)
    return sorted(firsts.values())


def twins(items: Sequence[Item], first: int, second: int, difference: float | None = None) -> Twins:
    """A pair with its kinds; ``difference``: None for equal ones."""
    one, other = items[first], items[second]
    kinds = []
    if one.label != other.label:
        kinds.append("two-classes")
    if (one.split or TRAIN) != (other.split or TRAIN):
        kinds.append("leak")
    if not kinds:
        kinds.append("duplicate" if difference is None else "near-duplicate")
    return Twins(first, second, difference is None, difference or 0.0, tuple(kinds))


# ---------------------------------------------------------------- by their pixels


def sketches(listing: Listing) -> list[Sketch] | None:
    """One for each item; None where the files were scanned without."""
    if isinstance(listing.images, ArrayImages):
        return [of_array(row) for row in listing.images.array]
    found = [content.sketch for content in listing.contents if content.sketch is not None]
    return found if found and len(found) == len(listing.items) else None


def of_array(row: NDArray[np.uint8]) -> Sketch:  # H W or H W 3
    height, width = row.shape[:2]
    if row.ndim == 2 and max(height, width) <= SIDE:  # such a picture is its own thumbnail
        return Sketch(height, width, row.tobytes(), b"", width / height, zlib.crc32(row.tobytes()))
    return sketch(row if row.ndim == 3 else np.repeat(row[..., None], 3, axis=2))


def look_alikes(listing: Listing) -> list[Twins]:
    """Every pair of items whose pixels are equal or nearly so; of equal ones as ``exact_twins`` says."""
    from lenext.data.likeness import near_copies

    found = sketches(listing)
    if found is None:
        marks = contents(listing)
        return exact_twins(listing, equal_groups(marks)) if marks else []
    groups = equal_groups(found)
    doubles = {index for group in groups for index in group[1:]}
    singles = [index for index in range(len(found)) if index not in doubles]
    near = near_copies([found[index] for index in singles])
    members = {group[0]: group for group in groups}
    pairs = exact_twins(listing, groups)
    for one in near:
        for first in heads(listing.items, members.get(singles[one.first], [singles[one.first]])):
            for second in heads(listing.items, members.get(singles[one.second], [singles[one.second]])):
                pairs.append(twins(listing.items, min(first, second), max(first, second), one.difference))
    return sorted(pairs, key=lambda pair: (pair.first, pair.second))


# ---------------------------------------------------------------- what to do about them


def to_leave_out(listing: Listing, pairs: Sequence[Twins]) -> set[int]:
    """Items without which no picture is left twice: all of a picture in two classes, else all but one.

    The one that stays is of the test images, of validation, of training, in this order, so that a test stays the same
    test; among these the largest, and the first by path.
    """
    removed = {index for pair in pairs if "two-classes" in pair.kinds for index in (pair.first, pair.second)}
    for group in connected([pair for pair in pairs if not {pair.first, pair.second} & removed]):
        removed |= set(sorted(group, key=lambda index: preference(listing, index))[1:])
    return removed


def preference(listing: Listing, index: int) -> tuple[int, int, str]:
    item = listing.items[index]
    pixels = listing.contents[index].width * listing.contents[index].height if listing.contents else 0
    return ("test", "val", "train").index(item.split or TRAIN), -pixels, item.path


def connected(pairs: Iterable[Twins]) -> list[list[int]]:
    """Groups of items that pairs hold together."""
    group_of: dict[int, list[int]] = {}
    for pair in pairs:
        one, other = (group_of.setdefault(index, [index]) for index in (pair.first, pair.second))
        if one is not other:
            one += other
            group_of.update(dict.fromkeys(other, one))
    return [sorted(group) for group in {id(group): group for group in group_of.values()}.values()]


def problems(listing: Listing, pairs: Sequence[Twins]) -> list[Problem]:
    """For every item that has a twin one problem of each kind, which names the twins and says what can be done."""
    removed = to_leave_out(listing, pairs)
    met: dict[tuple[int, str], list[tuple[int, bool]]] = {}
    for pair in pairs:
        for kind in pair.kinds:
            met.setdefault((pair.first, kind), []).append((pair.second, pair.exact))
            met.setdefault((pair.second, kind), []).append((pair.first, pair.exact))
    found = []
    for (index, kind), others in met.items():
        how = "The same picture as" if all(exact for _, exact in others) else "Nearly the same picture as"
        names = [named(listing, other, index) for other, _ in others[:NAMED]]
        more = f" and {len(others) - NAMED:,} more" if len(others) > NAMED else ""
        fate = "leaves this one out" if index in removed else "keeps it"
        message = f"{how} {', '.join(names)}{more}; a --fix-list {fate}."
        found.append(Problem(listing.items[index].path, kind, message, REMARK))
    return found


def named(listing: Listing, twin: int, index: int) -> str:
    """A twin by its path, and where it differs by class or labels and by split."""
    other, item, facts = listing.items[twin], listing.items[index], []
    if other.label != item.label:
        word = "class" if listing.task == MULTICLASS else "labels"
        facts.append(f"{word} {other.label!r}" if other.label else "no label")
    if (other.split or TRAIN) != (item.split or TRAIN):
        facts.append(f"in {other.split or TRAIN}")
    return f"{other.path} ({', '.join(facts)})" if facts else other.path
