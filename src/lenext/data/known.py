"""What a run knows of its files, so that it need not read them all again when it goes on.

A file counts as unchanged while its size, inode and times of change are what they were; the time of its inode's change
(ctime) is set by the system at every write and cannot be set back by a program. What was touched near the moment of the
first reading is not remembered.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from lenext.data.images import FileImages
from lenext.data.item import REMARK, Content, Problem
from lenext.data.listing import Listing
from lenext.data.remarks import REMARKS

SETTLED = 10**9  # nanoseconds before the first reading from which on a change would be a later one for certain

Known = Mapping[str, list[Any]]  # path -> mark, content, kinds of remarks


def mark(path: Path) -> list[int] | None:
    """What changes with a file; None where it cannot be asked."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns]


def remembered(listing: Listing, began: int) -> bytes:
    """The files of a listing that was scanned, as JSON; began: nanoseconds of the clock before the scan."""
    rows: dict[str, list[Any]] = {}
    remarks: defaultdict[str, list[str]] = defaultdict(list)
    for problem in listing.problems:
        if problem.action == REMARK and problem.message == REMARKS.get(problem.kind):
            remarks[problem.path].append(problem.kind)
    if isinstance(listing.images, FileImages) and listing.contents:
        for index, content in enumerate(listing.contents):
            name, found = listing.images.name(index), mark(listing.images.path(index))
            if found is not None and max(found[2:]) < began - SETTLED:
                rows[name] = [found, list(astuple(content))[:-1], remarks[name]]
    return json.dumps(rows).encode(errors="surrogateescape")


def recall(images: FileImages, index: int, known: Known) -> tuple[Content, list[Problem]] | None:
    """What is known of a file and remarked on it, while it is untouched."""
    name = images.name(index)
    row = known.get(name)
    if row is None or row[0] != mark(images.path(index)):
        return None
    sha256, kind, width, height, channels, mode = row[1]
    content = Content(sha256, kind, width, height, tuple(channels), mode, None)
    return content, [Problem(name, kind, REMARKS[kind], REMARK) for kind in row[2]]
