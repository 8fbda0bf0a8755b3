"""What a run knows of its files, so that it need not read them all again when it goes on.

A file counts as unchanged while its size, inode and times of change are what they were; the time of its inode's change
(ctime) is set by the system at every write and cannot be set back by a program. What was touched near the moment of the
first reading is read again.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from lenext.data.collector import at_rest
from lenext.data.images import FileImages
from lenext.data.item import REMARK, Content, Problem
from lenext.data.listing import Listing
from lenext.data.remarks import REMARKS

SETTLED = 10**9  # nanoseconds before the first reading from which on a change would be a later one for certain
MARK = 4  # values of a row that change with a file; the next is the SHA-256 of its content
NO_MARK = (0,) * MARK  # no file's
NAMED = 5  # files that a message names

Known = Mapping[str, tuple[Any, ...]]  # path -> mark, content, kinds of remarks: numbers and words alone


def mark(path: str) -> tuple[int, ...] | None:
    """What changes with a file; None where it cannot be asked."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def remembered(listing: Listing, began: int) -> bytes:
    """The files of a listing that was scanned, as JSON; began: nanoseconds of the clock before the scan.

    It is a list of columns, in which Python finds a hundred thousand files in half the time that rows would take.
    """
    remarks: defaultdict[str, list[str]] = defaultdict(list)
    for problem in listing.problems:
        if problem.action == REMARK and problem.message == REMARKS.get(problem.kind):
            remarks[problem.path].append(problem.kind)
    rows = []
    if isinstance(listing.images, FileImages) and listing.contents:
        for index, one in enumerate(listing.contents):
            name, found = listing.images.name(index), mark(listing.images.place(index))
            if found is None or max(found[2:]) >= began - SETTLED:
                found = NO_MARK
            channels = " ".join(map(str, one.channels))
            content = (one.sha256, one.format, one.width, one.height, channels, one.mode)
            rows.append((name, *found, *content, " ".join(remarks[name])))
    return json.dumps(list(zip(*rows, strict=True))).encode(errors="surrogateescape")


@at_rest()
def read(document: bytes) -> Known:
    """What ``remembered`` wrote; nothing of what the first runs did, whose files are read again."""
    found = json.loads(document)
    if not isinstance(found, list) or not found:
        return {}
    names, *columns = found
    return dict(zip(names, zip(*columns, strict=True), strict=True))


def others(listing: Listing, known: Known) -> str:
    """In words, which files are gone, new or hold something else than is known; "" where nothing is known."""
    now = {item.path: content.sha256 for item, content in zip(listing.items, listing.contents, strict=False)}
    gone = [name for name in known if name not in now]
    changed = [name for name, row in known.items() if now.get(name, row[MARK]) != row[MARK]]
    new = [name for name in now if known and name not in known]
    said = []
    for what, names in (("gone or unreadable", gone), ("new", new), ("other than they were", changed)):
        if names:
            more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
            said.append(f"{what}: {', '.join(sorted(names)[:NAMED])}{more}")
    return f" ({'; '.join(said)})" if said else ""


@at_rest()
def recall(images: FileImages, known: Known) -> list[tuple[Content, list[Problem]] | None]:
    """Of each file what is known of it and was remarked on it, None where it is unknown or was touched."""
    sorts: dict[str, tuple[int, ...]] = {}
    found: list[tuple[Content, list[Problem]] | None] = []
    for index, name in enumerate(images.paths):
        row = known.get(name)
        if row is None or row[:MARK] != mark(images.place(index)):
            found.append(None)
            continue
        sha256, form, width, height, channels, mode, kinds = row[MARK:]
        if channels not in sorts:
            sorts[channels] = tuple(map(int, channels.split()))
        content = Content(sha256, form, width, height, sorts[channels], mode)
        found.append((content, [Problem(name, kind, REMARKS[kind], REMARK) for kind in kinds.split()]))
    return found
