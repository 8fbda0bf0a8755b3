"""The header of a ``.safetensors`` file, read strictly before a library allocates what it says."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lenext.errors import WeightFileError
from lenext.values import once

HEADER = 32 << 20  # bytes; that of our largest network, with a card of 100,000 classes, has less than a tenth
CARD = 16 << 20  # characters
OURS = ".safetensors"  # how the names of files with such a header end
BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4,
    "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
}  # fmt: skip


def check_header(file: Path) -> None:
    """Refuse a file whose header is too long, names a thing twice, or states sizes that are not its own.

    Raises ``WeightFileError``, and ``OSError`` where the file cannot be read.
    """
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if size < 8 or length > min(HEADER, size - 8):
            raise damaged(file, f"its header would have {length:,} bytes")
        text = opened.read(length)
    try:
        header = once(text.decode())
    except (ValueError, RecursionError) as error:
        raise damaged(file, str(error)) from None
    if not isinstance(header, dict):
        raise damaged(file, "its header is no object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise damaged(file, "its metadata are not texts by name")
    if sum(map(len, metadata.values())) > CARD:
        raise damaged(file, f"its card has more than {CARD >> 20} million characters")
    ends = sorted(span(file, name, entry) for name, entry in header.items())
    reached = 0
    for start, end in ends:
        if start != reached:
            raise damaged(file, "its tensors overlap or leave gaps")
        reached = end
    if reached != size - 8 - length:
        raise damaged(file, f"its tensors have {reached:,} bytes, and {size - 8 - length:,} are there")


def span(file: Path, name: str, entry: Any) -> tuple[int, int]:
    """Where a tensor's bytes begin and end, which must be as many as its shape and type need."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise damaged(file, f"{name!r} has other fields than a tensor")
    shape, offsets = entry["shape"], entry["data_offsets"]
    whole = all(
        isinstance(part, list) and all(type(one) is int and one >= 0 for one in part) for part in (shape, offsets)
    )
    if not whole or len(offsets) != 2 or entry["dtype"] not in BYTES:
        raise damaged(file, f"{name!r} is of an unknown type or place")
    start, end = offsets
    if end - start != math.prod(shape) * BYTES[entry["dtype"]]:
        raise damaged(file, f"{name!r} of shape {tuple(shape)} cannot have {end - start} bytes")
    return start, end


def damaged(file: Path, why: str) -> WeightFileError:
    return WeightFileError(
        f"{file} is not a weight file, or a damaged one ({why}).", "Name a run folder, or copy the file again."
    )
