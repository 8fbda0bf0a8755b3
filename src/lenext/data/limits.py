"""The largest image that is read, and what decoding one may cost; all of it is known before pixels are made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lenext.data.container import Frame, refusal

BAND = 1 << 20  # pixels that are converted at once, so that a large picture is never there twice


@dataclass(frozen=True, kw_only=True)
class Limits:
    """pixels, side: of the picture; slow_pixels: of one that is no JPEG; file_bytes: of the file.

    memory: bytes of the file and of all that is made of it; pixels_a_byte: more than any picture has that was
    taken, drawn or scanned; scans, samples: of a JPEG, the latter in all of its scans together.
    """

    pixels: int = 178_000_000  # half a gigabyte as RGB
    slow_pixels: int = 120_000_000
    side: int = 65_500  # libjpeg's own
    file_bytes: int = 256 * 2**20
    memory: int = 700_000_000
    pixels_a_byte: int = 2000
    scans: int = 60
    samples: int = 2_500_000_000
    run_length_bytes: int = 4_000_000  # of a BMP, which Pillow reads byte by byte


LIMITS = Limits()


def check_size(width: int, height: int) -> None:
    if min(width, height) < 1:
        raise refusal("corrupt", "The image has no pixels.")
    if max(width, height) > LIMITS.side or width * height > LIMITS.pixels:
        limit = f"{LIMITS.pixels // 10**6} megapixels and {LIMITS.side} pixels a side"
        raise refusal("too-large", f"The image has {width} x {height} pixels; at most {limit} are read.")


def check_cost(width: int, height: int, bytes_a_pixel: float, file_bytes: int) -> None:
    """Refuse what would take too much memory, and what has more pixels than its bytes can mean."""
    memory = width * height * bytes_a_pixel + file_bytes
    if memory > LIMITS.memory:
        words = f"Decoding {width} x {height} pixels takes {memory / 1e6:.0f} MB"
        raise refusal("too-large", f"{words} in this format; at most {LIMITS.memory / 1e6:.0f} MB are used.")
    if width * height > 16 * BAND and width * height > LIMITS.pixels_a_byte * file_bytes:
        raise refusal("too-large", f"A file of {file_bytes} bytes promises {width} x {height} pixels.")


def check_scans(width: int, height: int, frame: Frame) -> None:
    """Refuse a JPEG that makes its decoder go over the whole picture again and again."""
    if frame.scans > LIMITS.scans or frame.scans * frame.samples * width * height > LIMITS.samples:
        raise refusal("too-large", f"The JPEG goes over its pixels {frame.scans} times.")


def bands(height: int, width: int) -> Iterator[slice]:
    """The rows of a picture, as many together as make a band."""
    rows = max(1, BAND // max(1, width))
    return (slice(top, min(height, top + rows)) for top in range(0, height, rows))
