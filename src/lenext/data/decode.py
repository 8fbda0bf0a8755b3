"""The one decoder: from a file or bytes to pixels, for training, test, prediction and service alike.

The content decides the format, never the name: JPEG, PNG, WebP, BMP, GIF (first frame) and TIFF (first page, or all its
channels). EXIF orientation is applied; transparent pixels show the stated background, unless opacity is asked for as a
fourth channel; 16-bit grey is scaled, not clipped; CMYK becomes RGB. Floating-point pixels are read where all lie in
0..1 and refused elsewhere, as are 32-bit integers, for nothing in the file says what white is. A damaged file is
refused, never filled up with grey. ``ImageError`` is all that comes out.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from lenext.data import container, jpeg_rows, pillow, planes, png_rows
from lenext.data.container import refusal
from lenext.data.enough import reduction
from lenext.data.limits import LIMITS, bands, check_cost, check_scans, check_size
from lenext.data.remarks import name_remarks
from lenext.errors import ImageError

if TYPE_CHECKING:
    from torch import Tensor

GREY, COLOUR, TRANSPARENT = (1, 3, 4), (3, 1, 4), (3, 4, 1)  # numbers of channels that each can be read with
START = 1 << 18  # bytes that are read at once: all of most pictures
Cut = Callable[[int, int], tuple[int, int, int, int]]  # of a height and width: top, left, height, width of a part
TINY, LARGE, EXTREME_ASPECT = 16, 40_000_000, 6  # pixels of the shorter side, pixels, longer to shorter side


@dataclass(frozen=True)
class Description:
    """What a file's header says: format name, upright size in pixels, Pillow's mode, kinds of remarks.

    channels: the numbers of channels that it can be read with, its own first.
    """

    format: str
    width: int
    height: int
    mode: str
    remarks: tuple[str, ...]
    channels: tuple[int, ...] = COLOUR


# ---------------------------------------------------------------- front doors


def read_image(path: str | Path, *, channels: int = 3, background: int = 255, least: int = 0) -> Tensor:
    """The image in a file as uint8 C H W, upright; channels 1 (luminance, ITU-R 601), 3 (RGB) or 4 (RGB, opacity).

    Other numbers, and 3 and 4 too, are those of a TIFF of as many channels. background: grey level that shows through
    transparent pixels of which the opacity is not asked. least: a JPEG may be scaled down by 2, 4 or 8 as it is
    decoded, so that its shorter side keeps so many pixels; 0: never. Memory order is channels-last, which decoding
    gives and resizing wants. Raises ``ImageError`` only.
    """
    return decode(read_file(path), str(path), channels=channels, background=background, least=least)


def decode(
    data: bytes, name: str, *, channels: int = 3, background: int = 255, least: int = 0, part: Cut | None = None
) -> Tensor:
    """As ``read_image``, from bytes; ``name`` stands in the error.

    part: only this is made, and damage that shows below it not seen, for bytes that were decoded whole before.
    """
    import torch  # who reads pixels for an exported network does without

    pixels = decode_pixels(data, name, channels=channels, background=background, least=least, part=part)
    return torch.from_numpy(pixels).permute(2, 0, 1)


def read_pixels(path: str | Path, *, channels: int = 3, background: int = 255) -> NDArray[np.uint8]:  # H W C
    """As ``read_image``, as an array and without torch."""
    return decode_pixels(read_file(path), str(path), channels=channels, background=background)


def decode_pixels(
    data: bytes, name: str, *, channels: int, background: int, least: int = 0, part: Cut | None = None
) -> NDArray[np.uint8]:  # H W C
    """As ``read_pixels``, from bytes."""
    try:
        pixels = upright_pixels(data, channels, background, least, part)
        if part is None:
            return pixels
        top, left, height, width = part(*pixels.shape[:2])
        return pixels[top : top + height, left : left + width]
    except Exception as error:  # noqa: BLE001  (decoders raise what they like; one type leaves this module)
        raise as_image_error(error, name) from None


def describe(data: bytes, name: str) -> Description:
    """What the header says; no pixel is made. Raises ``ImageError`` only."""
    try:
        return read_header(data, name)
    except Exception as error:  # noqa: BLE001  (as above)
        raise as_image_error(error, name) from None


def read_file(path: str | Path) -> bytes:
    """The bytes of a regular file of at most ``LIMITS.file_bytes`` that begins as an image does.

    Anything else raises ``ImageError``. A FIFO without a writer is opened without waiting, recognised and refused.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ImageError(path, "special-file", "This is not a regular file.")
            size = min(found.st_size, LIMITS.file_bytes)
            data = os.read(descriptor, min(size + 1, START))
            if data:
                container.sniff(data)  # a large file that is no image is not read
            if len(data) != found.st_size == size:
                with open(descriptor, "rb", closefd=False) as file:
                    file.seek(0)
                    data = file.read(size + 1)
        finally:
            os.close(descriptor)
    except ImageError as error:
        error.path = str(path)
        raise
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in {errno.ENXIO, errno.ENODEV}:  # a socket, a dead device
            raise ImageError(path, "special-file", "This is not a regular file.") from None
        why = (error.strerror if isinstance(error, OSError) else None) or "its name is not allowed"
        raise ImageError(path, "unreadable", f"The file cannot be read ({why}).") from None
    if found.st_size > LIMITS.file_bytes:
        raise ImageError(path, "too-large", f"The file has more than {LIMITS.file_bytes >> 20} MiB.")
    if not data:
        raise ImageError(path, "empty", "The file is empty.")
    if len(data) != found.st_size:
        raise ImageError(path, "unreadable", "The file changed while it was read.")
    return data


# ---------------------------------------------------------------- errors

TRUNCATED = ("truncated", "premature end of jpeg", "eof", "no more images", "not enough")
UNSUPPORTED = ("unsupported", "not supported", "not implemented", "unrecognized", "unknown", "precision")


def as_image_error(error: Exception, name: str) -> ImageError:
    """What a decoder raised, as the one error type, with the reason that its words give away."""
    if isinstance(error, ImageError):
        error.path = name
        return error
    words = f"{type(error).__name__} {error}".lower()
    if isinstance(error, MemoryError) or "decompressionbomb" in words:
        return ImageError(name, "too-large", "The image does not fit into memory.")
    if any(word in words for word in TRUNCATED):
        return ImageError(name, "truncated", "The file ends before the image does.")
    if any(word in words for word in UNSUPPORTED) and "marker" not in words:  # an unknown marker is damage
        return ImageError(name, "unsupported", "The image uses a feature of its format that is not supported.")
    return ImageError(name, "corrupt", "The image data are damaged.")


# ---------------------------------------------------------------- pixels

# EXIF orientation -> (swap rows and columns, then mirror top and bottom, mirror left and right).
TURNS = {
    1: (False, False, False), 2: (False, False, True), 3: (False, True, True), 4: (False, True, False),
    5: (True, False, False), 6: (True, False, True), 7: (True, True, True), 8: (True, True, False),
}  # fmt: skip


def upright_pixels(
    data: bytes, channels: int, background: int, least: int, part: Cut | None = None
) -> NDArray[np.uint8]:  # H W C
    """The whole image; what lies below ``part`` may be anything."""
    format_name = container.sniff(data)
    container.CHECKS[format_name](data)
    found = planes.find(data) if format_name == "TIFF" else None
    own = found is not None and found.count == channels
    stated = container.orientation(format_name, data)
    if found is not None and own:
        pixels = plane_pixels(data, found)
    elif channels not in GREY:
        raise refusal("channels", f"The image does not have the {channels} channels that are asked for.")
    elif format_name == "JPEG" and (header := jpeg_header(data)) is not None:
        pixels = jpeg_pixels(data, header, channels, turned=stated != 1, least=least, part=part)
    else:
        pixels = pillow_pixels(data, format_name, channels, background, turned=stated != 1)
    swap, up_down, left_right = TURNS[1 if format_name == "TIFF" and not own else stated]  # Pillow turns a TIFF
    if swap:
        pixels = pixels.transpose(1, 0, 2)
    pixels = pixels[:: -1 if up_down else 1, :: -1 if left_right else 1]
    # A mirrored line of one pixel passes for contiguous in numpy, with a stride below zero that torch refuses.
    return pixels.copy() if up_down or left_right else np.ascontiguousarray(pixels)


def plane_pixels(data: bytes, found: planes.Planes) -> NDArray[np.uint8]:  # H W C
    """A TIFF of as many channels as it has, each of 8 bits or scaled to them."""
    check_planes(found)
    parts = []
    for page, (grey, beside) in zip(cycle(found.pages), planes.grey_files(data, found), strict=False):
        picture = pillow.header(grey, "TIFF")
        picture.load()
        values = np.asarray(picture).reshape(found.height, found.width, beside)
        parts.append(pillow.scaled(planes.undone(values, page), found.bits))
    pixels = np.concatenate(parts, axis=2)
    return np.invert(pixels) if planes.white_is_zero(found) else pixels


def check_planes(found: planes.Planes) -> None:
    """The size of an image of many channels: all of them together may have as many numbers as a grey one."""
    check_size(found.width, found.height)
    if found.width * found.height * found.count > LIMITS.pixels:
        raise refusal("too-large", f"The image has more than {LIMITS.pixels // 10**6} million numbers in its channels.")
    check_cost(found.width, found.height, found.count * (found.bits / 4 + 2), 0)  # read, copied, scaled, put together


def jpeg_pixels(
    data: bytes, header: tuple[int, int, str], channels: int, *, turned: bool, least: int = 0, part: Cut | None = None
) -> NDArray[np.uint8]:  # H W C
    """Strictly decoded pixels; ``header`` as ``jpeg_header`` found it, for the rare sampling of None Pillow reads."""
    height, width, colours = header
    inked = colours in {"CMYK", "YCCK"}
    frame = check_jpeg_cost(data, height, width, (4 if inked else 0) + (7 if channels == 4 else 3) * (1 + turned))
    if inked:
        from PIL import Image

        inks = simplejpeg.decode_jpeg(data, "CMYK")
        # Adobe's convention, which every writer of such files keeps: 255 is no ink.
        parts = ((rows, Image.fromarray(255 - inks[rows], "CMYK")) for rows in bands(height, width))
        return pillow.array(parts, (height, width, channels), 255)
    factor = reduction(height, width, least)
    colour_space, size = "GRAY" if channels == 1 else "RGB", (-(-height // factor), -(-width // factor))
    pixels = None
    if part is not None and not turned and frame is not None and frame.height_at is not None:
        top, _, tall, _ = part(*size)
        pixels = jpeg_rows.first_rows(data, frame.height_at, colour_space, size, top + tall, factor)
    if pixels is None:
        pixels = simplejpeg.decode_jpeg(data, colour_space, min_height=size[0], min_width=size[1])
    return np.pad(pixels, ((0, 0), (0, 0), (0, 1)), constant_values=255) if channels == 4 else pixels


def check_jpeg_cost(data: bytes, height: int, width: int, bytes_a_pixel: float) -> container.Frame | None:
    """What is made of it, the coefficients where all of them are kept, and how often the decoder goes over them; the
    frame that says so.
    """
    check_size(width, height)
    frame = container.jpeg_frame(data)
    if frame is not None:
        check_scans(width, height, frame)
        bytes_a_pixel += 2 * frame.samples if frame.kept else 0
    check_cost(width, height, bytes_a_pixel, len(data))
    return frame


def jpeg_header(data: bytes) -> tuple[int, int, str] | None:
    """(height, width, colour space), or None where libjpeg-turbo's simple interface does not know the sampling."""
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    return height, width, colours


# Bytes a pixel that Pillow takes: of its picture by mode (4 of others), and of what its decoder makes besides.
BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
BESIDES = {"WEBP": 8, "GIF": 1}


def pillow_pixels(
    data: bytes, format_name: str, channels: int, background: int, *, turned: bool
) -> NDArray[np.uint8]:  # H W C
    picture = pillow.opened(data, format_name)
    width, height = picture.size
    if width * height > LIMITS.slow_pixels:
        most = f"at most {LIMITS.slow_pixels // 10**6} megapixels are read of a {format_name}"
        raise refusal("too-large", f"The image has {width} x {height} pixels; {most}.")
    cut = format_name == "PNG" and width * height > LARGE and png_rows.samples(data) > 0
    made, out = BYTES.get(picture.mode, 4), max(3, channels) * (1 + (turned and format_name != "TIFF"))
    copies = 2 if format_name == "TIFF" else 1
    turns = made if turned and format_name == "TIFF" else 0
    check_cost(width, height, (0 if cut else made + BESIDES.get(format_name, 0) + turns) + out, copies * len(data))
    if format_name == "JPEG":
        check_jpeg_cost(data, height, width, made + out)
    if format_name == "BMP" and len(data) > LIMITS.run_length_bytes and container.run_lengths(data):
        raise refusal("too-large", "The BMP has more run lengths than are read.")
    if cut:
        parts = png_rows.pieces(data, lambda piece: pillow.loaded(piece, "PNG"))
        return pillow.array(parts, (height, width, channels), background)
    picture.load()
    if format_name == "PNG" and (data[28] or picture.crop((0, height - 1, width, height)).getbbox() is None):
        png_rows.check_rows(data)
    width, height = picture.size  # a TIFF may have been turned
    return pillow.array(pillow.in_bands(picture), (height, width, channels), background)


# ---------------------------------------------------------------- header


def read_header(data: bytes, name: str) -> Description:
    format_name = container.sniff(data)
    container.CHECKS[format_name](data)
    layers = planes.find(data) if format_name == "TIFF" else None  # in the order of decoding, for the same refusals
    turned = container.orientation(format_name, data)
    (width, height), mode, channels = own_size(data, format_name)
    short, long = sorted((width, height))
    several = container.several_frames(format_name, data)
    pages = layers is not None and len(layers.pages) > 1
    found = {
        "exif": turned != 1,
        "grey16": mode.startswith("I;16") or (layers is not None and layers.bits == 16),
        "pages": pages,
        "animated": several and not pages,
        "transparency": channels == TRANSPARENT,
        "cmyk": mode == "CMYK",
        "tiny": short < TINY,
        "large": width * height > LARGE,
        "extreme-aspect": long > EXTREME_ASPECT * short,
    }
    if TURNS[turned][0] and (format_name != "TIFF" or not mode):  # else Pillow has swapped them already
        width, height = height, width
    if layers is not None:
        channels = tuple(dict.fromkeys((layers.count, *channels)))
    remarks = (*name_remarks(name, format_name), *(kind for kind, true in found.items() if true))
    return Description(format_name, width, height, mode, remarks, channels)


def own_size(data: bytes, format_name: str) -> tuple[tuple[int, int], str, tuple[int, ...]]:
    """Width and height, Pillow's mode and the numbers of channels; no mode and none for what Pillow does not read."""
    header = jpeg_header(data) if format_name == "JPEG" else None
    if header is not None:
        height, width, colours = header
        mode = {"Gray": "L", "CMYK": "CMYK", "YCCK": "CMYK"}.get(colours, "RGB")
        check_size(width, height)
        return (width, height), mode, GREY if mode == "L" else COLOUR
    try:
        picture = pillow.opened(data, format_name)
    except ImageError as error:
        found = planes.find(data) if format_name == "TIFF" and error.reason == "unsupported" else None
        if found is None:
            raise
        check_planes(found)
        return (found.width, found.height), "", ()
    grey = GREY if picture.mode in {"1", "L"} or picture.mode[0] in "IF" else COLOUR
    return picture.size, picture.mode, TRANSPARENT if picture.has_transparency_data else grey
