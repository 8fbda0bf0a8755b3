"""What an image file says before any pixel is made: its format, whether it is complete, which side is up.

Nothing here trusts a length that the file states: every read is checked against the bytes that are there. A refusal is
an ``ImageError`` without a path; ``decode`` knows the name and adds it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from lenext.errors import ImageError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")

SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"), (b"GIF87a", "GIF"), (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"),
)  # fmt: skip

# Images and documents that we know and refuse: offset, signature, the name that a user knows.
FOREIGN = (
    (4, b"ftypavi", "AVIF"), (4, b"ftyphe", "HEIC"), (4, b"ftypmif1", "HEIF"), (4, b"ftypqt", "QuickTime"),
    (4, b"ftyp", "MP4"), (0, b"II+\0", "BigTIFF"), (0, b"MM\0+", "BigTIFF"), (0, b"8BPS", "Photoshop"),
    (0, b"%PDF", "PDF"), (0, b"\xff\x0a", "JPEG XL"), (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"), (0, b"\xff\x4f\xff\x51", "JPEG 2000"), (0, b"\0\0\1\0", "icon"),
    (0, b"v/1\1", "OpenEXR"), (0, b"qoif", "QOI"), (0, b"DDS ", "DDS"),
    (0, b"P2\n", "PGM"), (0, b"P3\n", "PPM"), (0, b"P5\n", "PGM"), (0, b"P6\n", "PPM"),
)  # fmt: skip

BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # lengths that the header after the 14 bytes of the file can have
ORIENTATION, STRIPS, STRIP_BYTES, TILES, TILE_BYTES = 274, 273, 279, 324, 325  # tags of TIFF 6.0 and EXIF
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


def refusal(reason: str, message: str) -> ImageError:
    return ImageError("", reason, message)


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
    for _ in jpeg_segments(data):
        pass


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, payload) of every segment before the first scan."""
    at = 2
    while True:
        if at + 4 > len(data):
            raise cut("JPEG")
        if data[at] != 0xFF:
            raise refusal("corrupt", "The JPEG has bytes where a marker should stand.")
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xFF:  # a marker may be led by any number of fill bytes
            at += 1
        elif marker == 0xDA:
            return
        elif length < 2 or marker == 0xD9:
            raise refusal("corrupt", "The JPEG has no image in it.")
        else:
            yield marker, data[at + 4 : at + 2 + length]
            at += 2 + length


def check_png(data: bytes) -> None:
    """Every chunk up to IEND is there, and those that make the pixels have the checksum that they state."""
    kinds = {kind for kind, _ in png_chunks(data)}
    if not {b"IHDR", b"IDAT"} <= kinds:
        raise refusal("corrupt", "The PNG has no image in it.")


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    view, at, kind = memoryview(data), 8, b""
    while kind != b"IEND":
        if at + 12 > len(data):
            raise cut("PNG")
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 8 + length
        if not kind.isalpha():
            raise refusal("corrupt", "The PNG has bytes where a chunk should stand.")
        if end + 4 > len(data):
            raise cut("PNG")
        # A capital first letter marks the chunks without which the picture is another one.
        if kind[:1].isupper() and zlib.crc32(view[at + 4 : end]) != int.from_bytes(data[end : end + 4], "big"):
            raise refusal("corrupt", "A checksum of the PNG is wrong.")
        yield kind, data[at + 8 : end] if kind != b"IDAT" else b""
        at = end + 4


def check_webp(data: bytes) -> None:
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise cut("WebP")


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
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


def check_gif(data: bytes) -> None:
    if gif_frames(data) == 0:
        raise refusal("corrupt", "The GIF has no image in it.")


def gif_frames(data: bytes) -> int:
    """The number of frames, read from the first block to the trailer."""
    try:
        at, frames = 13 + gif_palette(data[10]), 0
        while data[at] != 0x3B:
            if data[at] == 0x2C:
                frames += 1
                at += 11 + gif_palette(data[at + 9])  # descriptor, palette, code size
            elif data[at] == 0x21:
                at += 2
            else:
                raise refusal("corrupt", "The GIF has bytes where a block should stand.")
            while data[at]:
                at += 1 + data[at]
            at += 1
    except IndexError:
        raise cut("GIF") from None
    return frames


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
    if not found.complete or max(ends, default=0) > len(data):
        raise cut("TIFF")


def tiff_directory(data: bytes, start: int | None = None) -> Directory:
    """The directory at ``start`` of a TIFF or of an EXIF block, None for the first; as much of it as is there."""
    order = "<" if data[:2] == b"II" else ">"
    tags: dict[int, tuple[int, ...]] = {}
    complete = True
    try:
        start = struct.unpack_from(order + "I", data, 4)[0] if start is None else start
        count = struct.unpack_from(order + "H", data, start)[0]
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, length = struct.unpack_from(order + "HHI", data, entry)
            size = TIFF_BYTES.get(kind, 0) * length
            at = entry + 8 if size <= 4 else struct.unpack_from(order + "I", data, entry + 8)[0]
            if at + size > len(data):
                complete = False
            elif kind in TIFF_INTEGERS:
                tags[tag] = struct.unpack_from(f"{order}{length}{TIFF_INTEGERS[kind]}", data, at)
        following = struct.unpack_from(order + "I", data, start + 2 + 12 * count)[0]
    except struct.error:
        return Directory(tags, complete=False, following=0)
    return Directory(tags, complete, following)


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
    chunks: Iterator[tuple[int | bytes, bytes]] = iter(())
    if format_name == "JPEG":
        chunks = ((marker, body) for marker, body in jpeg_segments(data) if body.startswith(b"Exif\0\0"))
        wanted: int | bytes = 0xE1
    elif format_name == "PNG":
        chunks, wanted = ((kind, body) for kind, body in png_chunks(data)), b"eXIf"
    elif format_name == "WEBP":
        chunks, wanted = ((kind, body) for kind, body in webp_chunks(data)), b"EXIF"
    else:
        return b""
    return next((body.removeprefix(b"Exif\0\0") for kind, body in chunks if kind == wanted), b"")


def several_frames(format_name: str, data: bytes) -> bool:
    """Whether there is more than the first picture: an animation, or further pages of a TIFF."""
    if format_name == "PNG":
        return any(kind == b"acTL" and int.from_bytes(body[:4], "big") > 1 for kind, body in png_chunks(data))
    if format_name == "WEBP":
        return sum(kind == b"ANMF" for kind, _ in webp_chunks(data)) > 1
    if format_name == "GIF":
        return gif_frames(data) > 1
    return format_name == "TIFF" and tiff_directory(data).following != 0
