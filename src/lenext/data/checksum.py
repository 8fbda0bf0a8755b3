"""Whether kept bytes are those that were written: by a sum, at the speed of memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WORD = 8  # bytes


def checksum(data: NDArray[np.uint8]) -> int:
    """The words of a row of bytes added up, and how many bytes there are; 64 bits."""
    end = len(data) // WORD * WORD
    words, rest = data[:end].view(np.uint64).sum(dtype=np.uint64), data[end:].sum(dtype=np.uint64)
    return (int(words) + int(rest) + len(data)) % 2**64
