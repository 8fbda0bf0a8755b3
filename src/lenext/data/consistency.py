"""What does not go together in a set of pictures that can each be read: names, kinds of pixels, sizes, numbers."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from statistics import median_low

from lenext.data.item import REMARK, Problem
from lenext.data.listing import Listing, part

LOPSIDED = 10  # times as many images in the largest class: the smaller one will hardly be learnt as well
ODD = 4  # times the usual side, or aspect, from which on a picture is odd in its set
RARE = 0.05  # share of a set up to which odd pictures are named one by one; more of them are its nature

KINDS = {"1": "black and white", "L": "grey", "LA": "grey with transparency", "P": "palette", "CMYK": "CMYK"}
KINDS |= {"RGB": "colour", "RGBA": "colour with transparency", "PA": "palette with transparency"}


def inconsistencies(listing: Listing) -> list[Problem]:
    """Remarks on names, mixtures, sizes and balance of a scanned listing."""
    return [*alike_names(listing), *mixtures(listing), *odd_sizes(listing), *imbalance(listing)]


# ---------------------------------------------------------------- names


def alike_names(listing: Listing) -> list[Problem]:
    """Classes, folders and files whose names differ in ways that some systems do not keep apart."""
    if listing.layout == "built-in":
        return []
    files = {item.path for item in listing.items}
    folders = {parent for path in files for parent in map(str, PurePosixPath(path).parents)} - {"."}
    kinds = (
        ("class", "they are two classes here", twins(listing.classes)),
        ("folder", "some systems take them for one", twins(folders)),
        ("file", "some systems keep one of them", twins(files, whole=False)),
    )
    return [
        Problem(name, "name", f"The {kind} differs from {others} in writing only; {so}.", REMARK)
        for kind, so, found in kinds
        for name, others in found.items()
    ]


def twins(names: Iterable[str], *, whole: bool = True) -> Mapping[str, str]:
    """Name -> the others that are equal to it without regard to case, composition of accents and outer spaces.

    whole: whether all of a path may differ so, or only its last part, for folders are named once.
    """
    alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name in sorted(names):
        path = PurePosixPath(name)
        above, last = ("", name) if whole else (str(path.parent), path.name)
        alike[above, unicodedata.normalize("NFC", last).casefold().strip()].append(name)
    return {
        name: " and ".join(repr(other) for other in group if other != name)
        for group in alike.values()
        if len(group) > 1
        for name in group
    }


# ---------------------------------------------------------------- pixels, sizes


def mixtures(listing: Listing) -> list[Problem]:
    """One remark where a set holds several kinds of pixels."""
    modes = Counter(
        "16-bit grey" if one.mode.startswith("I") else KINDS.get(one.mode, one.mode) for one in listing.contents
    )
    if len(modes) < 2:
        return []
    named = ", ".join(f"{count:,} {mode}" for mode, count in modes.most_common())
    message = f"The set mixes kinds of pixels ({named}); a class that is mostly of one kind can be told by that."
    return [Problem(".", "mixture", message, REMARK)]


def odd_sizes(listing: Listing) -> list[Problem]:
    """Pictures of a size or shape that is rare in the set."""
    if not listing.contents:
        return []
    sides = [min(one.width, one.height) for one in listing.contents]
    shapes = [max(one.width, one.height) / min(one.width, one.height) for one in listing.contents]
    side, shape = median_low(sides), median_low(shapes)
    small = [(index, f"{round(side / own)} times smaller") for index, own in enumerate(sides) if own * ODD < side]
    large = [(index, f"{round(own / side)} times larger") for index, own in enumerate(sides) if own > ODD * side]
    long = [(index, "longer and narrower") for index, own in enumerate(shapes) if own > ODD / 2 * shape]
    return [
        Problem(
            listing.items[index].path,
            kind,
            f"The picture is {how} than is usual in the set: {listing.contents[index].width} x "
            f"{listing.contents[index].height} pixels.",
            REMARK,
        )
        for kind, odd in (("odd-size", small + large), ("odd-aspect", long))
        if len(odd) <= RARE * len(sides)
        for index, how in odd
    ]


# ---------------------------------------------------------------- numbers


def imbalance(listing: Listing) -> list[Problem]:
    """A remark for each class of a split that the largest outnumbers ``LOPSIDED`` times."""
    found = []
    for split in listing.splits:
        counts = Counter(dict(enumerate(part(listing, split).sizes(len(listing.classes)).tolist())))
        counts += Counter()  # those with an image
        largest = max(counts, key=lambda label: counts[label])
        found += [
            Problem(
                listing.classes[label],
                "imbalance",
                f"Class {listing.classes[label]!r} has {count:,} images in {split}, "
                f"{listing.classes[largest]!r} {counts[largest]:,}: {counts[largest] // count} times as many.",
                REMARK,
            )
            for label, count in sorted(counts.items())
            if count * LOPSIDED <= counts[largest]
        ]
    return found
