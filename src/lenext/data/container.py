"""What an image file says before any pixel is made: its format, whether it is complete, which side is up.

Nothing here trusts a length that the file states: every read is checked against the bytes that are there. A refusal is
an ``ImageError`` without a path; ``decode`` knows the name and adds it.
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lenext.errors import ImageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"), (PNG_SIGNATURE, "PNG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"),
)  # fmt: skip

# Images and documents that we know and refuse: offset, signature, the name that a user knows.
FOREIGN = (
    (4, b"ftypavi", "AVIF"), (4, b"ftyphe", "HEIC"), (4, b"ftypmif1", "HEIF"), (4, b"ftypqt", "QuickTime"),
    (4, b"ftyp", "MP4"), (0, b"II+\0", "BigTIFF"), (0, b"MM\0+", "BigTIFF"), (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"), (0, b"\xff\x0a", "JPEG XL"), (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"), (0, b"\xff\x4f\xff\x51", "JPEG 2000"), (0, b"\0\0\1\0", "icon"),
    (0, b"\0\0\2\0", "cursor"),
    (0, b"%!PS", "PostScript"), (0, b"\xc5\xd0\xd3\xc6", "PostScript"), (0, b"gimp xcf", "GIMP"), (0, b"icns", "icon"),
    (0, b"AT&TFORM", "DjVu"), (0, b"SIMPLE  =", "FITS"), (128, b"DICM", "DICOM"), (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (40, b" EMF", "EMF"), (0, b"\x8aMNG", "MNG"), (0, b"#?RADIANCE", "Radiance"), (0, b"\x1f\x8b", "gzip"),
    (0, b"PK\3\4", "ZIP"), (0, b"\x0a\5\1", "PCX"), (0, b"/* XPM", "XPM"), (0, b"#define", "XBM"),
    (0, b"BPG\xfb", "BPG"), (0, b"v/1\1", "OpenEXR"), (0, b"qoif", "QOI"), (0, b"DDS ", "DDS"),
    *((0, b"P%c%c" % (kind, space), "PNM") for kind in b"1234567fF" for space in b" \t\r\n"),
)  # fmt: skip

PNG_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
JPEG_APPLICATION, JPEG_EXIF, JPEG_COMMENT, JPEG_SCAN, JPEG_END, JPEG_RESTARTS = 0xE0, 0xE1, 0xFE, 0xDA, 0xD9, 0xDD
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0 to SOF15
JPEG_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
NOT_FILL = re.compile(rb"[^\xff]")
WEBP_PIXELS = {b"VP8 ", b"VP8L", b"ALPH", b"ANMF"}
GIF_EXTENSION, GIF_FRAME, GIF_TRAILER, GIF_CONTROL = 0x21, 0x2C, 0x3B, 0xF9

# How many parts a file may be cut into: more, and reading their lengths alone takes seconds.
CHUNKS, SEGMENTS, BLOCKS, ENTRIES, VALUES = 200_000, 20_000, 4_000_000, 1000, 2**18

BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # lengths that the header after the 14 bytes of the file can have
ORIENTATION, STRIPS, STRIP_BYTES, TILES, TILE_BYTES = 274, 273, 279, 324, 325  # tags of TIFF 6.0 and EXIF
TILE_SHAPE, TILE_NUMBERS = (322, 323, 277), 1 << 25  # width, height, samples a pixel
LAYOUT = {STRIPS, STRIP_BYTES, TILES, TILE_BYTES}
TIFF_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}  # of each type
TIFF_INTEGERS = {1: "B", 3: "H", 4: "I"}


@dataclass(frozen=True)
class Directory:
    """Of a TIFF: tag -> values of the integer tags, whether all of them were there, where the next page's stands.

    ``following`` is 0 for the last page.
    """

    tags: Mapping[int, tuple[int, ...]]
    complete: bool
    following: int
    overlapping: bool = False


def refusal(reason: str, message: str) -> ImageError:
    return ImageError("", reason, message)


def too_many(format_name: str, parts: str) -> ImageError:
    return refusal("unsupported", f"The {format_name} is cut into too many {parts}.")


def cut(format_name: str) -> ImageError:
    return refusal("truncated", f"The file ends before the {format_name} image does.")


# ---------------------------------------------------------------- which format


def sniff(data: bytes) -> str:
    """The format that the first bytes show, whatever the file is called; everything off the list is refused."""
    if not data:
        raise refusal("empty", "The file is empty.")
    for signature, format_name in SIGNATURES:
        if data.startswith(signature):
            return format_name
        if len(data) < len(signature) and len(data) > 1 and signature.startswith(data):
            raise cut(format_name)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:2] == b"BM" and len(data) >= 18 and struct.unpack_from("<I", data, 14)[0] in BMP_HEADERS:
        return "BMP"
    raise not_listed(data)


def not_listed(data: bytes) -> ImageError:
    """What a file without one of our signatures is, as far as its first bytes say."""
    start = data[:1024].lstrip().lower()
    foreign = next((name for offset, signature, name in FOREIGN if data.startswith(signature, offset)), "")
    if foreign or b"<svg" in start:
        return refusal("unsupported", f"{foreign or 'SVG'} is not one of the formats read: {', '.join(FORMATS)}.")
    if start.startswith((b"<!doctype html", b"<html")):
        return refusal("not-an-image", "The file is a web page, not an image.")
    return refusal("not-an-image", "The content is not an image.")


# ---------------------------------------------------------------- whether it is complete


def check_jpeg(data: bytes) -> None:
    """The segments up to the first scan; whether the scans are complete is the strict decoder's business."""
    for _ in jpeg_spans(data):
        pass


def jpeg_spans(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of the payload of every segment before the first scan."""
    at = 2
    for _ in range(SEGMENTS):
        at = jpeg_marker(data, at)
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == JPEG_SCAN:
            return
        if length < 2 or marker == JPEG_END:
            raise refusal("corrupt", "The JPEG has no image in it.")
        yield marker, at + 4, min(len(data), at + 2 + length)
        at += 2 + length
    raise too_many("JPEG", "segments")


def jpeg_marker(data: bytes, at: int) -> int:
    """Where the marker that stands at ``at``, led by any number of fill bytes, begins."""
    if at + 4 > len(data):
        raise cut("JPEG")
    if data[at] != 0xFF:
        raise refusal("corrupt", "The JPEG has bytes where a marker should stand.")
    if data[at + 1] == 0xFF:
        found = NOT_FILL.search(data, at)
        if found is None or found.start() + 3 > len(data):
            raise cut("JPEG")
        return found.start() - 1
    return at


def jpeg_scan(data: bytes) -> int:
    """Where the marker of the first scan stands."""
    return jpeg_marker(data, max((end for _, _, end in jpeg_spans(data)), default=2))


def jpeg_frame(data: bytes) -> Frame | None:
    """What the frame header says; None where it stands behind the first scan or is damaged."""
    spans = list(jpeg_spans(data))
    for marker, start, end in spans:
        if marker in JPEG_FRAMES and end - start >= 6:
            count = data[start + 5]
            factors = [(data[at] >> 4, data[at] & 15) for at in range(start + 7, min(end, start + 6 + 3 * count), 3)]
            areas = [across * down for across, down in factors]
            whole = max((across for across, _ in factors), default=1) * max((down for _, down in factors), default=1)
            first = jpeg_marker(data, spans[-1][2])
            kept = marker in JPEG_PROGRESSIVE or data[first + 4 : first + 5] != bytes([count])  # scan by scan
            last = data.find(b"\xff\xd9", first) if kept else first + 2  # libjpeg refuses a second scan of the others
            scans = data.count(b"\xff\xda", first, len(data) if last < 0 else last)
            marked = kept or any(other == JPEG_RESTARTS for other, _, _ in spans)
            return Frame(sum(areas) / max(1, whole), scans, kept, None if marked else start + 1)
    return None


@dataclass(frozen=True)
class Frame:
    """Of a JPEG: samples for each pixel, how many scans are read, whether all coefficients are kept until the last."""

    samples: float
    scans: int
    kept: bool
    height_at: int | None  # the place of its height, where rows follow rows with nothing between them


def check_png(data: bytes) -> None:
    """Every chunk up to IEND is there, and those that make the pixels have the checksum that they state."""
    view, kinds = memoryview(data), set()
    for kind, start, end in png_spans(data):
        kinds.add(kind)
        # A capital first letter marks the chunks without which the picture is another one.
        if kind[:1].isupper() and kind not in PNG_CRITICAL:
            raise refusal("unsupported", "The PNG has a chunk that is no part of the standard.")
        if kind[:1].isupper() and zlib.crc32(view[start - 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise refusal("corrupt", "A checksum of the PNG is wrong.")
    if not {b"IHDR", b"IDAT"} <= kinds:
        raise refusal("corrupt", "The PNG has no image in it.")


def png_spans(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start, end) of the content of every chunk up to IEND."""
    at, kind = len(PNG_SIGNATURE), b""
    for _ in range(CHUNKS):
        if kind == b"IEND":
            return
        if at + 12 > len(data):
            raise cut("PNG")
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if not kind.isalpha():
            raise refusal("corrupt", "The PNG has bytes where a chunk should stand.")
        if at + 12 + length > len(data):
            raise cut("PNG")
        yield kind, at + 8, at + 8 + length
        at += 12 + length
    raise too_many("PNG", "chunks")


def check_webp(data: bytes) -> None:
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise cut("WebP")
    for _ in webp_chunks(data):
        pass


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of every chunk; the first bytes of it, which say the size, where it holds pixels."""
    at, count = 12, 0
    while at + 8 <= len(data):
        if (count := count + 1) > CHUNKS:
            raise too_many("WebP", "chunks")
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        kind = data[at : at + 4]
        yield kind, data[at + 8 : at + 8 + (min(length, 64) if kind in WEBP_PIXELS else length)]
        at += 8 + length + length % 2


def webp_size(data: bytes) -> tuple[int, int]:
    """(width, height) of the canvas, for Pillow makes it on opening; (0, 0) where the first chunk is not known."""
    kind, body = next(webp_chunks(data), (b"", b""))
    if kind == b"VP8X" and len(body) >= 10:
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 " and len(body) >= 10:
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    return 0, 0


def check_bmp(data: bytes) -> None:
    """The pixels begin inside the file; whether they end there the decoder finds."""
    if struct.unpack_from("<I", data, 10)[0] >= len(data):
        raise cut("BMP")


def run_lengths(data: bytes) -> bool:
    """Whether the pixels of a BMP are compressed."""
    return struct.unpack_from("<I", data, 14)[0] >= 40 and data[30:34] in {b"\1\0\0\0", b"\2\0\0\0"}


def check_gif(data: bytes) -> None:
    if gif_frames(data) == 0:
        raise refusal("corrupt", "The GIF has no image in it.")


def gif_frames(data: bytes) -> int:
    """The number of frames, read from the first block to the trailer."""
    return sum(kind == GIF_FRAME for kind, _, _ in gif_blocks(data))


def gif_blocks(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(kind, start, end) of every frame and extension, up to the trailer."""
    try:
        at, count = 13 + gif_palette(data[10]), 0
        while data[at] != GIF_TRAILER:
            start, kind = at, data[at]
            if kind == GIF_FRAME:
                at += 11 + gif_palette(data[at + 9])  # descriptor, palette, code size
            elif kind == GIF_EXTENSION:
                at += 2
            else:
                raise refusal("corrupt", "The GIF has bytes where a block should stand.")
            while data[at]:
                at += 1 + data[at]
                if (count := count + 1) > BLOCKS:
                    raise too_many("GIF", "blocks")
            at += 1
            count += 1
            yield kind, start, at
    except IndexError:
        raise cut("GIF") from None


def gif_palette(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def check_tiff(data: bytes) -> None:
    """The first directory and the strips or tiles that it names lie inside the file."""
    check_inside(data, tiff_directory(data))


def check_inside(data: bytes, found: Directory) -> None:
    """A directory is whole, and the strips or tiles that it names lie inside the file."""
    ends = [
        start + length
        for starts, lengths in ((STRIPS, STRIP_BYTES), (TILES, TILE_BYTES))
        for start, length in zip(found.tags.get(starts, ()), found.tags.get(lengths, ()), strict=False)
    ]
    if found.overlapping:
        raise refusal("corrupt", "The TIFF has a directory that is larger than the file.")
    if math.prod(found.tags.get(tag, (1,))[0] for tag in TILE_SHAPE) > TILE_NUMBERS:
        raise refusal("too-large", "The TIFF has tiles that are larger than pictures are.")
    if not found.complete or max(ends, default=0) > len(data):
        raise cut("TIFF")


def tiff_entries(data: bytes, start: int) -> Iterator[bytes]:
    """The entries of 12 bytes of the directory at ``start``, as many as are there."""
    order = "<" if data[:2] == b"II" else ">"
    count = struct.unpack_from(order + "H", data, start)[0]
    for at in range(start + 2, start + 2 + 12 * min(count, ENTRIES), 12):
        if at + 12 > len(data):
            return
        yield data[at : at + 12]


def tiff_directory(data: bytes, start: int | None = None) -> Directory:
    """The directory at ``start`` of a TIFF or of an EXIF block, None for the first; as much of it as is there.

    Of two entries with one tag the first counts. A directory whose values would fill more than the file is overlapping.
    """
    order = "<" if data[:2] == b"II" else ">"
    tags: dict[int, tuple[int, ...]] = {}
    complete, total = True, 0
    try:
        start = struct.unpack_from(order + "I", data, 4)[0] if start is None else start
        count = struct.unpack_from(order + "H", data, start)[0]
        for entry in tiff_entries(data, start):
            tag, kind, length = struct.unpack_from(order + "HHI", entry)
            size = TIFF_BYTES.get(kind, 0) * length
            source, at = (entry, 8) if size <= 4 else (data, struct.unpack_from(order + "I", entry, 8)[0])
            total += size
            if at + size > len(source):
                complete = False
            elif length > VALUES and tag in LAYOUT:
                raise too_many("TIFF", "strips or tiles")
            elif kind in TIFF_INTEGERS and tag not in tags and length <= VALUES:
                tags[tag] = struct.unpack_from(f"{order}{length}{TIFF_INTEGERS[kind]}", source, at)
        following = struct.unpack_from(order + "I", data, start + 2 + 12 * count)[0]
    except struct.error:
        return Directory(tags, complete=False, following=0, overlapping=total > len(data))
    return Directory(tags, complete, following, overlapping=total > len(data) or count > ENTRIES)


CHECKS: Mapping[str, Callable[[bytes], None]] = {
    "JPEG": check_jpeg, "PNG": check_png, "WEBP": check_webp,
    "BMP": check_bmp, "GIF": check_gif, "TIFF": check_tiff,
}  # fmt: skip


# ---------------------------------------------------------------- which side is up, how many frames


def orientation(format_name: str, data: bytes) -> int:
    """EXIF's 1 to 8; 1 (upright) where nothing sensible is stated."""
    value = tiff_directory(exif_block(format_name, data)).tags.get(ORIENTATION, (1,))
    return value[0] if len(value) == 1 and 1 <= value[0] <= 8 else 1


def exif_block(format_name: str, data: bytes) -> bytes:
    """The EXIF block, itself a small TIFF; empty where there is none."""
    if format_name == "TIFF":
        return data
    blocks: Iterator[bytes] = iter(())
    if format_name == "JPEG":
        segments = (data[start:end] for marker, start, end in jpeg_spans(data) if marker == JPEG_EXIF)
        blocks = (body for body in segments if body.startswith(b"Exif\0\0"))
    elif format_name == "PNG":
        blocks = (data[start:end] for kind, start, end in png_spans(data) if kind == b"eXIf")
    elif format_name == "WEBP":
        blocks = (body for kind, body in webp_chunks(data) if kind == b"EXIF")
    return next(blocks, b"").removeprefix(b"Exif\0\0")


def several_frames(format_name: str, data: bytes) -> bool:
    """Whether there is more than the first picture: an animation, or further pages of a TIFF."""
    if format_name == "PNG":
        frames = (data[start : start + 4] for kind, start, _ in png_spans(data) if kind == b"acTL")
        return any(int.from_bytes(count, "big") > 1 for count in frames)
    if format_name == "WEBP":
        return sum(kind == b"ANMF" for kind, _ in webp_chunks(data)) > 1
    if format_name == "GIF":
        return gif_frames(data) > 1
    first = int.from_bytes(data[4:8], "little" if data[:2] == b"II" else "big")
    return format_name == "TIFF" and tiff_directory(data).following not in {0, first}
