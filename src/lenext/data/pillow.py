"""Pictures as Pillow reads them: one plugin at a time, silent, and converted some rows at once."""

from __future__ import annotations

import ctypes
import io
import logging
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lenext.data import container
from lenext.data.container import refusal
from lenext.data.essentials import essentials
from lenext.data.limits import BAND, bands, check_cost, check_size

if TYPE_CHECKING:
    from PIL.Image import Image

_NOWHERE = logging.NullHandler()  # or the logger of last resort would write to stderr

WEBP_BYTES = 15  # a pixel: of two canvases, the frame, Pillow's picture and ours


def opened(data: bytes, format_name: str) -> Image:
    """The header, and the size checked."""
    picture = header(data, format_name)
    check_size(*picture.size)
    return picture


def header(data: bytes, format_name: str) -> Image:
    """The header, read by the one plugin that the content asks for; its size is the caller's to check."""
    from PIL import Image, UnidentifiedImageError

    silence_pillow()
    silence_libtiff()
    if format_name == "WEBP":
        width, height = (side or 1 for side in container.webp_size(data))
        check_size(width, height)
        check_cost(width, height, WEBP_BYTES, len(data))
    try:
        picture = Image.open(io.BytesIO(essentials(format_name, data)), formats=[format_name])
    except UnidentifiedImageError:
        if format_name == "TIFF":
            raise refusal("unsupported", "This kind of TIFF is not supported, or its header is damaged.") from None
        raise refusal("corrupt", f"The {format_name} header is damaged.") from None
    return picture


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


def loaded(data: bytes, format_name: str) -> Image:
    picture = header(data, format_name)
    picture.load()
    return picture


def in_bands(picture: Image) -> Iterator[tuple[slice, Image]]:
    """The rows of a picture of at most 8 bits, some at a time where it is large."""
    from PIL import Image

    width, height = picture.size
    deep, tags = picture.mode[0] in "IF", getattr(picture, "tag_v2", {})
    for rows in bands(height, width) if width * height > 4 * BAND else [slice(0, height)]:
        part = picture if rows.stop - rows.start == height else picture.crop((0, rows.start, width, rows.stop))
        yield rows, Image.fromarray(deep_grey(part, tags)) if deep else part


def array(
    parts: Iterable[tuple[slice, Image]], shape: tuple[int, int, int], background: int
) -> NDArray[np.uint8]:  # H W C
    """The rows of a picture put together, grey, in colour, or with opacity."""
    pixels = np.empty(shape, dtype=np.uint8)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[shape[2]]
    for rows, part in parts:
        shown = part if mode == "RGBA" and part.has_transparency_data else flatten(part, background)
        shown = shown if shown.mode == mode else shown.convert(mode)
        pixels[rows] = np.asarray(shown).reshape(part.height, part.width, shape[2])
    return pixels


def flatten(picture: Image, background: int) -> Image:
    """An opaque 8-bit picture, grey or in colour."""
    from PIL import Image

    if picture.has_transparency_data:
        shown = picture.convert("RGBA")
        canvas = Image.new("RGB", picture.size, (background,) * 3)
        canvas.paste(shown, mask=shown.getchannel("A"))
        return canvas
    return picture if picture.mode in {"L", "RGB"} else picture.convert("L" if picture.mode == "1" else "RGB")


def deep_grey(picture: Image, tags: Any) -> NDArray[np.uint8]:  # H W
    """Grey of more than 8 bits, scaled so that its white becomes 255; ``tags``: of a TIFF."""
    if picture.mode == "I":
        raise refusal("unsupported", "The image has 32-bit or signed pixels, whose white is not stated.")
    grey = scaled(np.asarray(picture), int(tags.get(258, (16,))[0]))  # BitsPerSample: 12 or 16, or 32 of mode F
    return np.invert(grey) if tags.get(262) == 0 else grey  # PhotometricInterpretation: WhiteIsZero, which Pillow skips


def scaled(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Numbers of ``bits`` bits so that their white becomes 255; floating-point ones where all lie in 0..1."""
    if values.dtype.kind == "f":
        if not (values.min() >= 0 and values.max() <= 1):  # False of what is not a number
            raise refusal("unsupported", "The image has floating-point pixels outside 0..1.")
        return np.asarray(np.rint(values * 255), dtype=np.uint8)
    if bits == 8:
        return np.asarray(values, dtype=np.uint8)
    found = np.empty(values.shape, dtype=np.uint8)
    for rows in bands(len(values), values[0].size):
        found[rows] = to_eight(bits)[values[rows]]
    return found


@cache
def to_eight(bits: int) -> NDArray[np.uint8]:
    """For each number of at most 16 bits the nearest of 8."""
    white = 2 ** min(bits, 16) - 1
    return np.asarray((np.arange(white + 1, dtype=np.uint32) * 255 + white // 2) // white, dtype=np.uint8)
