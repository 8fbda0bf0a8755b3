"""Looking at every image once before training: what cannot be read is left out and named."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import compress
from statistics import median_low

from torch import Tensor

from lenext.data.cache import Cache, Finding
from lenext.data.channels import misfits, own_of, readable
from lenext.data.collector import at_rest
from lenext.data.columns import LABEL_COLUMNS
from lenext.data.decode import GREY, Description, decode, describe, read_file
from lenext.data.images import ArrayImages, FileImages
from lenext.data.item import LEFT_OUT, REMARK, SEPARATOR, SPLITS, Content, Problem
from lenext.data.known import Known, recall
from lenext.data.listing import Listing, check_classes, with_classes, with_problems
from lenext.data.remarks import NAME_REMARKS, REMARKS, name_remarks
from lenext.data.sketch import sketch
from lenext.errors import DataError, ImageError
from lenext.protocol import MULTILABEL

CHANNELS = "Give images like those that the network was trained on, or train one on these with --channels auto."


def scan(
    listing: Listing,
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
    least: int = 2,
    cache: Cache | None = None,
    channels: Sequence[int] | None = None,
    known: Known | None = None,
) -> Listing:
    """The listing without the images that cannot be read, with a problem for each and a remark where one is due.

    Every file is read, hashed and decoded once, by ``workers`` threads; ``progress(done, total)`` is called from the
    calling thread. ``channels``: numbers that every image must be readable with, by default the data's own (see
    ``channels.own``). With a ``cache``, what it remembers is not decoded, and contents have sketches. ``known``: what a
    run read before, which is not read again while its files are untouched. Arrays are taken as they are. Raises
    ``DataError`` where fewer than ``least`` classes are left.
    """
    images = listing.images
    if not isinstance(images, FileImages):
        refuse_arrays(listing, channels or ())
        return listing
    contents: list[Content | None] = []
    problems: list[Problem] = list(listing.problems)
    pool = ThreadPoolExecutor(workers)
    try:
        recalled = recall(images, known or {})
        new = [index for index, one in enumerate(recalled) if one is None]
        looks = pool.map(lambda index: look(images, index, cache), new)
        for done, one in enumerate(recalled, start=1):
            content, found = one or next(looks)
            contents.append(content)
            problems += found
            if progress is not None:
                progress(done, len(images))
    finally:
        pool.shutdown(cancel_futures=True)
    unfit = misfits(tuple(map(images.name, range(len(images)))), contents, channels)
    gone = {problem.path for problem in unfit}
    contents = [None if images.name(index) in gone else content for index, content in enumerate(contents)]
    problems += unfit
    if gone and not any(contents):
        raise DataError(f"No image of {listing.name} has the channels that are asked for: {unfit[0].message}", CHANNELS)
    scanned = without_unreadable(listing, images, contents, problems)
    check_classes(scanned, listing.name, least)
    return scanned


def refuse_arrays(listing: Listing, channels: Sequence[int]) -> None:
    """Raise ``DataError`` for images in memory that have other channels."""
    for number in channels:
        if not readable(listing, number):
            raise DataError(
                f"The images of {listing.name} cannot be read with {number} channels.",
                f"They are {'grey' if own_of(listing) == 1 else 'RGB'}: train with --channels 1, 3 or 4.",
            )


def look(images: FileImages, index: int, cache: Cache | None = None) -> tuple[Content | None, list[Problem]]:
    """What one file holds, and what there is to say about it."""
    name = images.name(index)
    try:
        data = read_file(images.path(index))
        sha256 = hashlib.sha256(data).hexdigest()
        found = cache.get(sha256) if cache else None
        kinds = (*name_remarks(name, found.format), *found.remarks) if found else ()
        if found is None:
            header = describe(data, name)
            pixels = decode(data, name, channels=3 if header.channels[0] in GREY else header.channels[0])
            kinds = header.remarks
            found = finding(header, pixels, sketched=cache is not None)
            if cache:
                cache.put(sha256, found)
    except ImageError as error:
        return None, [Problem(name, error.reason, error.message, LEFT_OUT)]
    remarks = [Problem(name, kind, REMARKS[kind], REMARK) for kind in kinds]
    content = Content(sha256, found.format, found.width, found.height, found.channels, found.mode, found.sketch)
    return content, remarks


def finding(header: Description, pixels: Tensor, *, sketched: bool) -> Finding:
    """What is remembered of a content; ``pixels``: uint8 C H W, of which the first three are a copy's likeness."""
    remarks = tuple(kind for kind in header.remarks if kind not in NAME_REMARKS)
    seen = pixels[:3] if len(pixels) >= 3 else pixels[:1].expand(3, -1, -1)
    found = sketch(seen.permute(1, 2, 0).numpy()) if sketched else None
    return Finding(header.format, header.width, header.height, header.mode, header.channels, remarks, found)


@at_rest()
def without_unreadable(
    listing: Listing, images: FileImages, contents: list[Content | None], problems: list[Problem]
) -> Listing:
    items = tuple(compress(listing.items, contents))
    kept = replace(
        listing,
        items=items,
        images=FileImages(images.root, tuple(item.path for item in items)),
        contents=tuple(content for content in contents if content is not None),
    )
    kept = with_classes(kept)
    problems += [
        Problem(label, "class-empty", f"No image of class {label!r} can be read.", LEFT_OUT)
        for label in set(listing.classes) - set(kept.classes)
    ]
    return with_problems(kept, problems)


def summary(listing: Listing) -> tuple[str, ...]:
    """The data set in a few lines: images and classes, sizes, splits, problems counted by kind."""
    counts = Counter(dict.fromkeys(listing.classes, 0))
    counts.update(name for item in listing.items for name in listing.classes_of(item))
    largest, smallest = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
    balance = f"{counts[smallest]:,} ({smallest}) to {counts[largest]:,} ({largest}) each"
    if counts[smallest] == counts[largest]:
        balance = f"{counts[smallest]:,} each"
    lines = [f"{listing.name}: {len(listing.items):,} images in {len(counts)} classes, {balance}"]
    if listing.task == MULTILABEL:
        lines = [f"{listing.name}: {len(listing.items):,} images, {len(counts)} labels, {balance}; {form(listing)}"]
    lines += sizes(listing)
    splits = Counter(item.split for item in listing.items)
    lines.append(
        "splits: " + ", ".join(f"{split or 'none'} {splits[split]:,}" for split in ("", *SPLITS) if splits[split])
    )
    for action in (LEFT_OUT, REMARK):
        kinds = Counter(problem.kind for problem in listing.problems if problem.action == action)
        if kinds:
            lines.append(f"{action}: " + ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items())))
    return tuple(lines)


def form(listing: Listing) -> str:
    """How a CSV says which labels an image has, and how many have none."""
    how = "one column of 0 and 1 each" if listing.layout == LABEL_COLUMNS else f"the column labels, at {SEPARATOR}"
    none = sum(not item.label for item in listing.items)
    return f"any number an image, by {how}; {none:,} with none"


def sizes(listing: Listing) -> list[str]:
    """The line about sizes; none for files that were not scanned."""
    if isinstance(listing.images, ArrayImages):
        _, height, width, *colours = listing.images.array.shape
        return [f"sizes: {width} x {height} pixels, {'RGB' if colours else 'grey'}"]
    if not listing.contents:
        return []
    short = [min(content.width, content.height) for content in listing.contents]
    formats = Counter(content.format for content in listing.contents)
    named = ", ".join(f"{name} {count:,}" for name, count in formats.most_common())
    line = f"sizes: shorter side {min(short)} to {max(short)} pixels, median {median_low(short)}; {named}"
    channels = own_of(listing)
    return [line if channels == 3 else f"{line}; {'grey' if channels == 1 else f'{channels} channels'}"]
