"""The one decoder: from a file or bytes to pixels, for training, test, prediction and service alike.

The content decides the format, never the name: JPEG, PNG, WebP, BMP, GIF (first frame) and TIFF (first page, or all its
channels). EXIF orientation is applied; transparent pixels show the stated background, unless opacity is asked for as a
fourth channel; 16-bit grey is scaled, not clipped; CMYK becomes RGB. Floating-point pixels are read where all lie in
0..1 and refused elsewhere, as are 32-bit integers, for nothing in the file says what white is. A damaged file is
refused, never filled up with grey. ``ImageError`` is all that comes out.
"""

from __future__ import annotations

import ctypes
import errno
import io
import logging
import os
import stat
import warnings
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from lenext.data import container, planes
from lenext.data.container import refusal
from lenext.data.remarks import name_remarks
from lenext.errors import ImageError

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The largest image that is read; checked from the header, before pixels are made."""

    pixels: int = 178_000_000  # half a gigabyte as RGB
    side: int = 65_500  # libjpeg's own
    file_bytes: int = 512 * 2**20


LIMITS = Limits()

GREY, COLOUR, TRANSPARENT = (1, 3, 4), (3, 1, 4), (3, 4, 1)  # numbers of channels that each can be read with
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


def read_image(path: str | Path, *, channels: int = 3, background: int = 255) -> Tensor:
    """The image in a file as uint8 C H W, upright; channels 1 (luminance, ITU-R 601), 3 (RGB) or 4 (RGB, opacity).

    Other numbers, and 3 and 4 too, are those of a TIFF of as many channels. background: grey level that shows through
    transparent pixels of which the opacity is not asked. Memory order is channels-last, which decoding gives and
    resizing wants. Raises ``ImageError`` only.
    """
    return decode(read_file(path), str(path), channels=channels, background=background)


def decode(data: bytes, name: str, *, channels: int = 3, background: int = 255) -> Tensor:
    """As ``read_image``, from bytes; ``name`` stands in the error."""
    import torch  # who reads pixels for an exported network does without

    return torch.from_numpy(decode_pixels(data, name, channels=channels, background=background)).permute(2, 0, 1)


def read_pixels(path: str | Path, *, channels: int = 3, background: int = 255) -> NDArray[np.uint8]:  # H W C
    """As ``read_image``, as an array and without torch."""
    return decode_pixels(read_file(path), str(path), channels=channels, background=background)


def decode_pixels(data: bytes, name: str, *, channels: int, background: int) -> NDArray[np.uint8]:  # H W C
    """As ``read_pixels``, from bytes."""
    try:
        return upright_pixels(data, channels, background)
    except Exception as error:  # noqa: BLE001  (decoders raise what they like; one type leaves this module)
        raise as_image_error(error, name) from None


def describe(data: bytes, name: str) -> Description:
    """What the header says; no pixel is made. Raises ``ImageError`` only."""
    try:
        return read_header(data, name)
    except Exception as error:  # noqa: BLE001  (as above)
        raise as_image_error(error, name) from None


def read_file(path: str | Path) -> bytes:
    """The bytes of a regular file of at most ``LIMITS.file_bytes``; anything else raises ``ImageError``.

    A FIFO without a writer is opened without waiting, recognised and refused.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ImageError(path, "special-file", "This is not a regular file.")
            with open(descriptor, "rb", closefd=False) as file:
                data = b"" if found.st_size > LIMITS.file_bytes else file.read(LIMITS.file_bytes + 1)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in {errno.ENXIO, errno.ENODEV}:  # a socket, a dead device
            raise ImageError(path, "special-file", "This is not a regular file.") from None
        why = (error.strerror if isinstance(error, OSError) else None) or "its name is not allowed"
        raise ImageError(path, "unreadable", f"The file cannot be read ({why}).") from None
    if found.st_size > LIMITS.file_bytes or len(data) > LIMITS.file_bytes:
        raise ImageError(path, "too-large", f"The file has more than {LIMITS.file_bytes >> 20} MiB.")
    if not data:
        raise ImageError(path, "empty", "The file is empty.")
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


def check_size(width: int, height: int) -> None:
    if min(width, height) < 1:
        raise refusal("corrupt", "The image has no pixels.")
    if max(width, height) > LIMITS.side or width * height > LIMITS.pixels:
        limit = f"{LIMITS.pixels // 10**6} megapixels and {LIMITS.side} pixels a side"
        raise refusal("too-large", f"The image has {width} x {height} pixels; at most {limit} are read.")


# ---------------------------------------------------------------- pixels

# EXIF orientation -> (swap rows and columns, then mirror top and bottom, mirror left and right).
TURNS = {
    1: (False, False, False), 2: (False, False, True), 3: (False, True, True), 4: (False, True, False),
    5: (True, False, False), 6: (True, False, True), 7: (True, True, True), 8: (True, True, False),
}  # fmt: skip


def upright_pixels(data: bytes, channels: int, background: int) -> NDArray[np.uint8]:  # H W C
    format_name = container.sniff(data)
    container.CHECKS[format_name](data)
    found = planes.find(data) if format_name == "TIFF" else None
    own = found is not None and found.count == channels
    if found is not None and own:
        pixels = plane_pixels(data, found)
    elif channels not in GREY:
        raise refusal("channels", f"The image does not have the {channels} channels that are asked for.")
    else:
        pixels = picture_pixels(data, format_name, channels, background)
    # A TIFF is turned by Pillow as it loads.
    turned = 1 if format_name == "TIFF" and not own else container.orientation(format_name, data)
    swap, up_down, left_right = TURNS[turned]
    if swap:
        pixels = pixels.transpose(1, 0, 2)
    pixels = pixels[:: -1 if up_down else 1, :: -1 if left_right else 1]
    return np.ascontiguousarray(pixels)


def picture_pixels(data: bytes, format_name: str, channels: int, background: int) -> NDArray[np.uint8]:  # H W C
    """An image that is grey or in colour."""
    pixels = jpeg_pixels(data, channels) if format_name == "JPEG" else None
    return pillow_pixels(data, format_name, channels, background) if pixels is None else pixels


def plane_pixels(data: bytes, found: planes.Planes) -> NDArray[np.uint8]:  # H W C
    """A TIFF of as many channels as it has, each of 8 bits or scaled to them."""
    check_planes(found)
    parts = []
    for page, (grey, beside) in zip(cycle(found.pages), planes.grey_files(data, found), strict=False):
        picture = pillow_header(grey, "TIFF")
        picture.load()
        values = np.asarray(picture).reshape(found.height, found.width, beside)
        parts.append(scaled(planes.undone(values, page), found.bits))
    pixels = np.concatenate(parts, axis=2)
    return np.invert(pixels) if planes.white_is_zero(found) else pixels


def check_planes(found: planes.Planes) -> None:
    """The size of an image of many channels: all of them together may have as many numbers as a grey one."""
    check_size(found.width, found.height)
    if found.width * found.height * found.count > LIMITS.pixels:
        raise refusal("too-large", f"The image has more than {LIMITS.pixels // 10**6} million numbers in its channels.")


def jpeg_pixels(data: bytes, channels: int) -> NDArray[np.uint8] | None:  # H W C
    """Strictly decoded pixels, or None for the rare sampling that only Pillow reads."""
    header = jpeg_header(data)
    if header is None:
        return None
    height, width, colours = header
    check_size(width, height)
    if colours in {"CMYK", "YCCK"}:
        from PIL import Image

        inks = simplejpeg.decode_jpeg(data, "CMYK")
        # Adobe's convention, which every writer of such files keeps: 255 is no ink.
        picture = Image.fromarray(255 - inks, "CMYK").convert("RGB")
        return pillow_array(picture, channels)
    pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(data, "GRAY" if channels == 1 else "RGB")
    return np.pad(pixels, ((0, 0), (0, 0), (0, 1)), constant_values=255) if channels == 4 else pixels


def jpeg_header(data: bytes) -> tuple[int, int, str] | None:
    """(height, width, colour space), or None where libjpeg-turbo's simple interface does not know the sampling."""
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    return height, width, colours


def pillow_open(data: bytes, format_name: str) -> Image:
    """The header, and the size checked."""
    picture = pillow_header(data, format_name)
    check_size(*picture.size)
    return picture


def pillow_header(data: bytes, format_name: str) -> Image:
    """The header, read by the one plugin that the content asks for; its size is the caller's to check."""
    from PIL import Image, UnidentifiedImageError

    silence_pillow()
    silence_libtiff()
    if format_name == "WEBP":
        check_size(*(side or 1 for side in container.webp_size(data)))
    try:
        picture = Image.open(io.BytesIO(data), formats=[format_name])
    except UnidentifiedImageError:
        if format_name == "TIFF":
            raise refusal("unsupported", "This kind of TIFF is not supported, or its header is damaged.") from None
        raise refusal("corrupt", f"The {format_name} header is damaged.") from None
    return picture


_NOWHERE = logging.NullHandler()  # or the logger of last resort would write to stderr


def silence_pillow() -> None:
    """What Pillow warns of, we refuse or remark upon. The filter stands first, and stays, for threads share it."""
    first: Any = warnings.filters[0] if warnings.filters else None
    logging.getLogger("PIL").addHandler(_NOWHERE)  # adding it again does nothing
    if first is None or getattr(first[3], "pattern", None) != r"PIL\.":
        warnings.filterwarnings("ignore", module=r"PIL\.")


@cache
def silence_libtiff() -> None:
    """libtiff tells stderr about damage, and Pillow has no switch for that; the copy in Pillow's wheel can be told."""
    import PIL

    for folder in (Path(PIL.__file__).parents[1] / "pillow.libs", Path(PIL.__file__).parent / ".dylibs"):
        for library in folder.glob("libtiff*"):
            ctypes.CDLL(str(library)).TIFFSetErrorHandler(None)


def pillow_pixels(data: bytes, format_name: str, channels: int, background: int) -> NDArray[np.uint8]:  # H W C
    picture = pillow_open(data, format_name)
    picture.load()
    opacity = channels == 4 and picture.has_transparency_data
    return pillow_array(picture if opacity else flatten(picture, background), channels)


def pillow_array(picture: Image, channels: int) -> NDArray[np.uint8]:  # H W C
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    pixels: NDArray[np.uint8] = np.array(picture if picture.mode == mode else picture.convert(mode))
    return pixels.reshape(picture.height, picture.width, channels)


def flatten(picture: Image, background: int) -> Image:
    """An opaque 8-bit picture, grey or in colour."""
    from PIL import Image

    if picture.mode[0] in "IF":
        return Image.fromarray(deep_grey(picture))
    if picture.has_transparency_data:
        shown = picture.convert("RGBA")
        canvas = Image.new("RGB", picture.size, (background,) * 3)
        canvas.paste(shown, mask=shown.getchannel("A"))
        return canvas
    return picture if picture.mode in {"L", "RGB"} else picture.convert("L" if picture.mode == "1" else "RGB")


def deep_grey(picture: Image) -> NDArray[np.uint8]:  # H W
    """Grey of more than 8 bits, scaled so that its white becomes 255."""
    tags: Any = getattr(picture, "tag_v2", {})
    if picture.mode == "I":
        raise refusal("unsupported", "The image has 32-bit or signed pixels, whose white is not stated.")
    grey = scaled(np.asarray(picture), int(tags.get(258, (16,))[0]))  # BitsPerSample: 12 or 16, or 32 of mode F
    return np.invert(grey) if tags.get(262) == 0 else grey  # PhotometricInterpretation: WhiteIsZero, which Pillow skips


def scaled(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Numbers of ``bits`` bits so that their white becomes 255; floating-point ones where all lie in 0..1."""
    if values.dtype.kind == "f":
        if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
            raise refusal("unsupported", "The image has floating-point pixels outside 0..1.")
        return np.asarray(np.rint(values * 255), dtype=np.uint8)
    white = 2**bits - 1
    if bits != 8:
        values = (values.astype(np.uint32) * 255 + white // 2) // white
    return np.asarray(values, dtype=np.uint8)


# ---------------------------------------------------------------- header


def read_header(data: bytes, name: str) -> Description:
    format_name = container.sniff(data)
    container.CHECKS[format_name](data)
    (width, height), mode, channels = own_size(data, format_name)
    layers = planes.find(data) if format_name == "TIFF" else None
    turned = container.orientation(format_name, data)
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
        picture = pillow_open(data, format_name)
    except ImageError as error:
        found = planes.find(data) if format_name == "TIFF" and error.reason == "unsupported" else None
        if found is None:
            raise
        check_planes(found)
        return (found.width, found.height), "", ()
    grey = GREY if picture.mode in {"1", "L"} or picture.mode[0] in "IF" else COLOUR
    return picture.size, picture.mode, TRANSPARENT if picture.has_transparency_data else grey
