"""What a decoder needs of a file to make the first picture, and nothing else.

Texts, profiles, thumbnails, previews and further frames never reach a decoder: they are where compressed bombs and
loops hide. The pixels are those of the whole file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping

from lenext.data import container
from lenext.data.container import JPEG_APPLICATION, PNG_SIGNATURE

# Tags of TIFF 6.0 (and of its JPEG supplement) that say how the pixels are stored; Orientation turns them.
TIFF_PIXELS = frozenset({
    256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332, 338, 339,
    347, 529, 530, 531, 532,
})  # fmt: skip
PNG_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
JPEG_PIXELS = (JPEG_APPLICATION, JPEG_APPLICATION + 14)  # JFIF's and Adobe's, which name the colours


def essentials(format_name: str, data: bytes) -> bytes:
    """The file that Pillow is given in the place of ``data``, which ``container.CHECKS`` found whole."""
    trim = TRIMS.get(format_name)
    return trim(data) if trim else data


def trimmed_png(data: bytes) -> bytes:
    spans = list(container.png_spans(data))
    if all(kind in PNG_PIXELS for kind, _, _ in spans):
        return data
    kept = (data[start - 8 : end + 4] for kind, start, end in spans if kind in PNG_PIXELS)
    return b"".join((PNG_SIGNATURE, *kept))


def trimmed_gif(data: bytes) -> bytes:
    """Screen and palette, then the first frame with what controls it."""
    screen = 13 + container.gif_palette(data[10])
    kept, control = [data[:screen]], b""
    for kind, start, end in container.gif_blocks(data):
        if kind == container.GIF_FRAME:
            return b"".join((*kept, control, data[start:end], b";"))
        if data[start + 1] == container.GIF_CONTROL:
            control = data[start:end]
    return data


def trimmed_tiff(data: bytes) -> bytes:
    """The same pixels under a directory at the end that has nothing but their tags, the first of each."""
    order = "<" if data[:2] == b"II" else ">"
    entries: dict[int, bytes] = {}
    for entry in container.tiff_entries(data, struct.unpack_from(order + "I", data, 4)[0]):
        tag = struct.unpack_from(order + "H", entry)[0]
        if tag in TIFF_PIXELS:
            entries.setdefault(tag, entry)
    start = len(data) + len(data) % 2
    directory = struct.pack(order + "H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + bytes(4)
    return b"".join((data[:4], struct.pack(order + "I", start), data[8:], bytes(len(data) % 2), directory))


def trimmed_jpeg(data: bytes) -> bytes:
    """Without comments and applications' segments, of which some hold whole pictures."""

    def kept() -> Iterator[bytes]:
        for marker, start, end in container.jpeg_spans(data):
            other = JPEG_APPLICATION <= marker < JPEG_APPLICATION + 16 and marker not in JPEG_PIXELS
            if not other and marker != container.JPEG_COMMENT:
                yield b"\xff" + bytes([marker]) + data[start - 2 : end]

    return b"".join((data[:2], *kept(), data[container.jpeg_scan(data) :]))


TRIMS: Mapping[str, Callable[[bytes], bytes]] = {
    "PNG": trimmed_png, "GIF": trimmed_gif, "TIFF": trimmed_tiff, "JPEG": trimmed_jpeg,
}  # fmt: skip
