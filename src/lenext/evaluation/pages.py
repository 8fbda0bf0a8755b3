"""What all pages share: templates that let no name do anything, and pictures that lie in the page itself."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lenext.evaluation.text import cut, duration, per_cent, visible

if TYPE_CHECKING:
    from jinja2 import Environment
    from PIL import Image

TEMPLATES = Path(__file__).parent / "templates"
SIDE = 192  # pixels of a picture's longer side; larger ones are reduced
TINY = 64  # pictures smaller than this are enlarged with hard edges, so that their pixels can be seen


@dataclass(frozen=True)
class Picture:
    """A picture as an address that holds it, and whether it is tiny."""

    address: str
    tiny: bool


def environment() -> Environment:
    """Jinja's environment of the templates and what they call."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(cut=cut, per_cent=per_cent, duration=duration, above=above, scale_floor=scale_floor)
    environment.filters.update(layer=address)
    return environment


def _shown(value: Any) -> Any:
    """Every string that the page prints passes here, so that no name can break a line or turn the writing."""
    return visible(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def scale_floor(lowest: float) -> float:
    """The lower end of a scale up to 1 that shows ``lowest``: the next tenth below it."""
    return math.floor(10 * lowest) / 10 if lowest < 1 else 0.9


def above(value: float, floor: float) -> float:
    """Where ``value`` lies on the scale from ``floor`` to 1, as a fraction of its length."""
    return round((value - floor) / (1 - floor), 4)


def address(file: bytes, kind: str = "png") -> str:
    """An image file as an address that holds it."""
    return f"data:image/{kind};base64," + base64.b64encode(file).decode("ascii")


def as_image(pixels: NDArray[np.uint8]) -> Image.Image:
    """A Pillow image of H x W x C."""
    from PIL import Image

    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def shrunk(image: Image.Image, side: int) -> Picture:
    """The image with its longer side at most ``side``: JPEG, a fifth of the bytes; a tiny one is PNG."""
    image.thumbnail((side, side))
    file, tiny = io.BytesIO(), max(image.size) < TINY
    if tiny:
        image.save(file, format="PNG", optimize=True)
        return Picture(address(file.getvalue()), tiny)
    image.convert("L" if image.mode == "L" else "RGB").save(file, format="JPEG", quality=85)
    return Picture(address(file.getvalue(), "jpeg"), tiny)


def picture(source: NDArray[np.uint8] | bytes) -> Picture:
    """``source`` (uint8 H x W x C, or a PNG file) for a page, its longer side at most ``SIDE``.

    Of more channels than a picture has the first three are shown as red, green and blue, of two the first as grey.
    """
    from PIL import Image

    if isinstance(source, bytes):
        with Image.open(io.BytesIO(source)) as image:
            return shrunk(image, SIDE)
    shown = source if source.shape[2] in {1, 3, 4} else source[..., : 3 if source.shape[2] > 3 else 1]
    return shrunk(as_image(shown), SIDE)
