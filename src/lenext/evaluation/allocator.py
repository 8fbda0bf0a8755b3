"""The C library's memory, kept between two uses: glibc gives every large map back, and faults it in anew."""

from __future__ import annotations

import ctypes
import os
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # <malloc.h>
LARGEST_MAP = 1 << 30  # bytes; larger ones are mapped as before, so that a single one does not stay for ever
SWITCH = "LENEXT_MALLOC"


@cache
def keep_memory() -> bool:
    """Tell glibc's malloc to serve maps of up to a gigabyte from memory that it keeps; once a process.

    Returns whether it was told: not where LENEXT_MALLOC is ``default``, nor where the C library is another.
    """
    if os.environ.get(SWITCH) == "default" or not has_glibc():
        return False
    library = ctypes.CDLL(None)
    return all(
        library.mallopt(option, size) == 1
        for option, size in ((MMAP_THRESHOLD, LARGEST_MAP), (TRIM_THRESHOLD, 2**31 - 1))
    )


def has_glibc() -> bool:
    """Whether the C library is glibc (not musl, macOS's or Windows's)."""
    try:
        return "glibc" in (os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (AttributeError, ValueError, OSError):
        return False
