"""The C library's memory, kept between two uses: glibc gives every large map back, and faults it in anew."""

from __future__ import annotations

import ctypes
import os
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # <malloc.h>
LARGEST_MAP, NO_TRIM = 1 << 30, 2**31 - 1  # bytes; a single larger one does not stay for ever
SPARING = 1 << 25  # ours: larger maps are given back where memory is dear; it is also the most that old glibcs take
SWITCH = "LENEXT_MALLOC"


@cache
def keep_memory(*, sparingly: bool = False) -> bool:
    """Tell glibc's malloc to serve maps of up to a gigabyte, or sparingly of 32 MB, from memory that it keeps.

    Returns whether it was told: not where LENEXT_MALLOC is ``default``, nor where the C library is another.
    """
    if os.environ.get(SWITCH) == "default" or not has_glibc():
        return False
    tell = ctypes.CDLL(None).mallopt
    if sparingly:
        return bool(tell(MMAP_THRESHOLD, SPARING) and tell(TRIM_THRESHOLD, SPARING))
    mapped = tell(MMAP_THRESHOLD, LARGEST_MAP) or tell(MMAP_THRESHOLD, SPARING)
    return bool(mapped and tell(TRIM_THRESHOLD, NO_TRIM))


def has_glibc() -> bool:
    """Whether the C library is glibc (not musl, macOS's or Windows's)."""
    try:
        return "glibc" in (os.confstr("CS_GNU_LIBC_VERSION") or "")
    except (AttributeError, ValueError, OSError):
        return False
