"""What to say where there is not enough memory. Nothing here imports torch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from lenext.errors import Failed, LenextError

# How torch, other engines and their kernels say it on a CPU; torch's error of a GPU says it in the same words.
_SHORT = (
    "can't allocate memory", "failed to allocate memory", "bad allocation", "bad_alloc", "out of memory",
    "could not create a memory object",
)  # fmt: skip
# oneDNN, which has no room for the code that it writes; a descriptor is one of what it cannot compute at all.
_NO_ROOM_FOR_CODE = re.compile(r"could not create a primitive(?! descriptor)")


def ran_out(error: BaseException) -> bool:
    """Whether an error says that there is no more memory."""
    said = str(error).lower()
    known = any(word in said for word in _SHORT) or _NO_ROOM_FOR_CODE.search(said) is not None
    return known or isinstance(error, MemoryError)


@contextmanager
def enough_memory(batch: int) -> Iterator[None]:
    """Raises Failed where memory ends, with the remedy of ``batch`` images at a time."""
    try:
        yield
    except Exception as error:  # ONNX Runtime's are no RuntimeError
        if isinstance(error, LenextError) or not ran_out(error):
            raise
        smaller = "Give a smaller --batch-size, or free memory." if batch > 1 else "Free memory."
        raise Failed(f"There is not enough memory for {batch:,} images at a time.", smaller) from None
