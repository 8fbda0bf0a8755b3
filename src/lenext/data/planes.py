"""TIFF files of any number of channels: samples that are no colours (satellites) or a grey page for each (microscopes).

Pillow reads a grey page of any compression that it knows, but no such file. So each is handed to it as grey pages: the
samples of a pixel that lie side by side are so many grey pixels. Nothing is decoded here, so its limits hold.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lenext.data import container
from lenext.data.container import STRIP_BYTES, STRIPS, TILE_BYTES, TILES, Directory, refusal

# Tags of TIFF 6.0.
KIND, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 254, 256, 257, 258, 259, 262, 266
SAMPLES, ROWS, PLANAR, PREDICTOR, TILE_WIDTH, TILE_HEIGHT, EXTRA, FORMAT = 277, 278, 284, 317, 322, 323, 338, 339

COLOURS = {0: 1, 1: 1, 2: 3}  # PhotometricInterpretation -> samples that it speaks of: WhiteIsZero, BlackIsZero, RGB
ALPHA = {1, 2}  # ExtraSamples that are transparency
# Of bytes, not of pictures: none, LZW, deflate, PackBits, deflate, Zstandard.
COMPRESSIONS = {1, 5, 8, 32773, 32946, 50000}
UNSIGNED, FLOAT = 1, 3  # SampleFormat
MOST = 1024  # channels


@dataclass(frozen=True)
class Planes:
    """An image of ``count`` channels, upright or not as its file says; ``pages``: one, or one for each channel."""

    width: int
    height: int
    count: int
    bits: int
    pages: tuple[Directory, ...]


def find(data: bytes) -> Planes | None:
    """What a TIFF holds beyond grey, colour and transparency; None where that is all. Raises ``ImageError``."""
    first = container.tiff_directory(data)
    samples, colours = number(first, SAMPLES, 1), COLOURS.get(number(first, PHOTOMETRIC, 1))
    if colours is None:
        return None
    if samples == 1:
        pages = tuple(grey_pages(data, first))
        return shaped(pages, len(pages)) if len(pages) > 1 else None
    extra = first.tags.get(EXTRA, ())
    picture = samples == colours or (samples == colours + 1 and (set(extra) & ALPHA or (colours == 3 and not extra)))
    return None if picture else shaped((first,), samples)


def grey_pages(data: bytes, first: Directory) -> Iterator[Directory]:
    """The pages, where all are grey pictures of one size and kind; the first alone where they are not."""
    pages, seen, values = [first], {0}, 0
    while pages[-1].following not in seen:
        values += sum(map(len, pages[-1].tags.values()))
        if len(pages) == MOST or values > container.VALUES:
            raise refusal("unsupported", f"The file has more than {MOST} pages, or they have too many strips.")
        seen.add(pages[-1].following)
        pages.append(container.tiff_directory(data, pages[-1].following))
        container.check_inside(data, pages[-1])
    alike = (SAMPLES, WIDTH, HEIGHT, BITS, PHOTOMETRIC, FORMAT)
    same = all(page.tags.get(tag) == first.tags.get(tag) for page in pages for tag in alike)
    whole = not any(number(page, KIND, 0) & 5 for page in pages)  # neither smaller copies nor masks
    return iter(pages if same and whole else [first])


def shaped(pages: tuple[Directory, ...], count: int) -> Planes | None:
    first = pages[0]
    bits = set(first.tags.get(BITS, (1,)))
    if len(bits) > 1 or count > MOST:
        raise refusal("unsupported", f"The {count} channels of the image are of several kinds, or more than {MOST}.")
    return Planes(number(first, WIDTH, 0), number(first, HEIGHT, 0), count, bits.pop(), pages)


def number(page: Directory, tag: int, usual: int) -> int:
    """The first value of a tag."""
    return page.tags.get(tag, ())[0] if page.tags.get(tag) else usual


def grey_files(data: bytes, planes: Planes) -> Iterator[tuple[bytes, int]]:
    """Each page, or each of its planes, as the bytes of a grey TIFF, and how many samples of a pixel lie side by side.

    Raises ``ImageError`` for compressions that see the channels as a picture, and for other numbers than unsigned ones
    of 8 or 16 bits and floating-point ones of 32.
    """
    for page in planes.pages:
        refuse_unreadable(data, page, planes.bits)
        samples = number(page, SAMPLES, 1)
        apart = samples > 1 and number(page, PLANAR, 1) == 2
        for plane in range(samples if apart else 1):
            beside = 1 if apart else samples
            yield grey_file(data, page, beside, (plane, samples) if apart else (0, 1)), beside


def refuse_unreadable(data: bytes, page: Directory, bits: int) -> None:
    form, compression = number(page, FORMAT, UNSIGNED), number(page, COMPRESSION, 1)
    predictor = number(page, PREDICTOR, 1)
    swapped = form == FLOAT and compression != 1 and data[:2] == b"MM"  # which Pillow does not turn round
    if compression not in COMPRESSIONS or predictor not in {1, 2} or swapped:
        raise refusal("unsupported", "The image has channels in a compression that is not supported.")
    if (form, bits) not in {(UNSIGNED, 8), (UNSIGNED, 16), (FLOAT, 32)} or (form == FLOAT and predictor != 1):
        raise refusal("unsupported", f"The image has channels of {bits} bits, or of signed numbers.")


def grey_file(data: bytes, page: Directory, beside: int, share: tuple[int, int]) -> bytes:
    """The file with a directory at its end that names a grey picture; ``share``: which of how many parts of the data.

    Differences of neighbours (Predictor 2) are left as they are, for they are those of pixels, not of samples.
    """
    order = "<" if data[:2] == b"II" else ">"
    tags = {
        tag: page.tags[tag]
        for tag in (HEIGHT, COMPRESSION, FILL_ORDER, ROWS, TILE_WIDTH, TILE_HEIGHT, STRIPS, STRIP_BYTES)
        + (TILES, TILE_BYTES, FORMAT)
        if tag in page.tags
    }
    tags |= {WIDTH: (number(page, WIDTH, 0) * beside,), BITS: page.tags.get(BITS, (1,))[:1]}
    tags |= {PHOTOMETRIC: (1,), SAMPLES: (1,), PLANAR: (1,)}
    for tag in {TILE_WIDTH, FORMAT} & tags.keys():
        tags[tag] = (tags[tag][0] * (beside if tag == TILE_WIDTH else 1),)
    for tag in {STRIPS, STRIP_BYTES, TILES, TILE_BYTES} & tags.keys():
        part, parts = share
        length = len(tags[tag]) // parts
        tags[tag] = tags[tag][part * length : (part + 1) * length]
    start = len(data) + len(data) % 2
    far = start + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag, content in sorted(tags.items()):
        words = struct.pack(f"{order}{len(content)}I", *content)
        place = struct.pack(order + "I", far + len(values)) if len(content) > 1 else words.ljust(4, b"\0")
        values += words if len(content) > 1 else b""
        entries += struct.pack(order + "HHI", tag, 4, len(content)) + place
    directory = struct.pack(order + "H", len(tags)) + entries + bytes(4) + values
    return b"".join((data[:4], struct.pack(order + "I", start), data[8:], bytes(len(data) % 2), directory))


def undone(values: NDArray[np.generic], page: Directory) -> NDArray[np.generic]:  # H W C
    """The pixels of differences between neighbours in a line, of the picture or of a tile."""
    if number(page, PREDICTOR, 1) != 2:
        return values
    step = number(page, TILE_WIDTH, values.shape[1]) if TILES in page.tags else values.shape[1]
    whole = np.empty(values.shape, values.dtype.newbyteorder("="))
    for left in range(0, values.shape[1], max(1, step)):
        part = values[:, left : left + step]
        np.cumsum(part, axis=1, dtype=whole.dtype, out=whole[:, left : left + step])
    return whole


def white_is_zero(planes: Planes) -> bool:
    return number(planes.pages[0], PHOTOMETRIC, 1) == 0
