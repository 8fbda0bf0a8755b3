"""The rows of a PNG: whether all of them are there, and large pictures some rows at a time.

For a large picture the one thing that costs memory is to have it there twice. So the stream is cut between rows, and
each piece becomes a PNG of its own, of which the first row is the last one of the piece before, for the filters look at
the row above: the pixels are those of the whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from lenext.data.container import PNG_SIGNATURE, png_spans, refusal
from lenext.data.limits import bands

if TYPE_CHECKING:
    from PIL.Image import Image

SAMPLES = {2: 3, 4: 2, 6: 4}  # colour type -> samples a pixel: RGB, grey and RGB with opacity
OF_ALL = SAMPLES | {0: 1, 3: 1}
PIECE = 1 << 20  # bytes
EIGHT, NOT_INTERLACED = 8, 0
PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))  # of Adam7


def samples(data: bytes) -> int:
    """Bytes a pixel of a PNG that can be read so, 0 for others (few bits, sixteen, palettes, interlaced ones)."""
    depth, colour, _, _, interlaced = data[24:29]
    return SAMPLES.get(colour, 0) if (depth, interlaced) == (EIGHT, NOT_INTERLACED) else 0


def check_rows(data: bytes) -> None:
    """Refuse a PNG whose stream ends before its last row, which decoders fill up with black."""
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", data, 16)
    passes = PASSES if interlaced else ((0, 0, 1, 1),)
    stream = Stream(data)
    for top, left, down, across in passes:
        lines, columns = -(-(height - top) // down), -(-(width - left) // across)
        length = 1 + -(-columns * depth * OF_ALL.get(colour, 1) // 8)
        if lines > 0 < columns:
            for start in range(0, lines * length, PIECE):
                stream.read(min(PIECE, lines * length - start))


def pieces(data: bytes, load: Callable[[bytes], Image]) -> Iterator[tuple[slice, Image]]:
    """(rows, picture of them), from top to bottom; ``load`` decodes a small PNG."""
    width, height = struct.unpack_from(">II", data, 16)
    length = 1 + width * samples(data)
    palette = b"".join(data[at - 8 : end + 4] for kind, at, end in png_spans(data) if kind == b"tRNS")
    stream = Stream(data)
    last = bytes(length)  # above the first row, as the filters have it
    for band in bands(height, width):
        count = band.stop - band.start
        body = last + stream.read(count * length)
        header = struct.pack(">II", width, count + 1) + data[24:29]
        stored = zlib.compress(body, 0)
        small = chunk(b"IHDR", header) + palette + chunk(b"IDAT", stored) + chunk(b"IEND", b"")
        picture = load(PNG_SIGNATURE + small)
        last = b"\0" + np.asarray(picture.crop((0, count, width, count + 1))).tobytes()
        yield band, picture.crop((0, 1, width, count + 1))


class Stream:
    """The inflated bytes of the IDAT chunks."""

    def __init__(self, data: bytes) -> None:
        self.parts = (data[at:end] for kind, at, end in png_spans(data) if kind == b"IDAT" and end > at)
        self.rest, self.inflater = b"", zlib.decompressobj()

    def read(self, length: int) -> bytes:
        """So many bytes more; raises ``ImageError`` where there are fewer."""
        found = bytearray()
        while len(found) < length:
            self.rest = self.rest or next(self.parts, b"")
            if not self.rest or self.inflater.eof:
                raise refusal("truncated", "The PNG has fewer pixels than it promises.")
            found += self.inflater.decompress(self.rest, length - len(found))
            self.rest = self.inflater.unconsumed_tail
        return bytes(found)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
