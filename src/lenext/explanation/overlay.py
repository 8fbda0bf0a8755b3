"""Heat maps drawn: a transparent layer to lay on a picture, and the picture with it."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lenext.evaluation.pages import as_image
from lenext.explanation.judgement import HOTTEST

Pixels = NDArray[np.uint8]

LEVELS = 24  # of heat that are told apart
LINE, SHADE, VEIL = LEVELS + 1, LEVELS + 2, LEVELS + 3  # the outline, dark beside it, and what the network is not shown
ANCHORS = ((70, 20, 120), (190, 40, 90), (245, 130, 30), (255, 245, 150))  # cold to hot, ever lighter: for print too
OPAQUE = 205  # of 255, where it is hottest


@cache
def palette() -> tuple[bytes, bytes]:
    """The colours of the levels, the line and the veil (RGB each), and how opaque each is."""
    heat = np.linspace(0, 1, LEVELS + 1)
    ramp = np.stack([np.interp(heat, np.linspace(0, 1, len(ANCHORS)), c) for c in zip(*ANCHORS, strict=True)], axis=1)
    colours = np.concatenate([ramp, [(255, 255, 255), (0, 0, 0), (128, 128, 128)]])
    opacity = np.concatenate([OPAQUE * heat**0.7, [255, 150, 150]])
    return colours.astype(np.uint8).tobytes(), opacity.astype(np.uint8).tobytes()


def drawn_size(height: int, width: int, least: int, most: int) -> tuple[int, int]:
    """Height and width at which a picture is drawn: its own, unless the longer side is below or above these bounds.

    What is too small is enlarged by a whole number.
    """
    longer = max(height, width)
    if longer < least:
        times = -(-least // longer)
        return height * times, width * times
    scale = min(1.0, most / longer)
    return max(1, round(height * scale)), max(1, round(width * scale))


def levels(heat: NDArray[np.float32], shown: NDArray[np.bool_]) -> Pixels:
    """Each pixel's number in the palette: its heat, an outline around the hottest tenth, a veil where nothing was
    ``shown`` to the network."""
    top = float(heat.max(initial=0.0))
    numbers = np.zeros(heat.shape, dtype=np.uint8)
    if top > 0:
        numbers = np.rint(np.clip(heat / top, 0, 1) * LEVELS).astype(np.uint8)
        count = max(1, round(HOTTEST * int(shown.sum())))
        warm = np.where(shown, np.rint(heat / top * 1000), -1)  # on a plateau, rounding errors would draw speckles
        hot = warm >= max(np.partition(warm.ravel(), -count)[-count], 1)
        numbers[grown(hot) & ~hot & shown] = SHADE
        numbers[hot & grown(~hot)] = LINE
    numbers[~shown] = VEIL
    return numbers


def grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask and its four neighbours."""
    wider = mask.copy()
    wider[1:] |= mask[:-1]
    wider[:-1] |= mask[1:]
    wider[:, 1:] |= mask[:, :-1]
    wider[:, :-1] |= mask[:, 1:]
    return wider


def layer(heat: NDArray[np.float32], shown: NDArray[np.bool_]) -> bytes:
    """A PNG file with transparency, of the map's size, to lay on the picture."""
    from PIL import Image

    colours, opacity = palette()
    image = Image.fromarray(levels(heat, shown))
    image.putpalette(colours)
    file = io.BytesIO()
    image.save(file, format="PNG", transparency=opacity, optimize=True)
    return file.getvalue()


def overlay(picture: Pixels, heat: NDArray[np.float32], shown: NDArray[np.bool_]) -> bytes:
    """A PNG file: the picture (H W C, C 1 or 3) at the map's size with the map on it."""
    from PIL import Image

    height, width = heat.shape
    method = Image.Resampling.NEAREST if height > picture.shape[0] else Image.Resampling.LANCZOS
    below = as_image(picture).convert("RGB").resize((width, height), method).convert("RGBA")
    with Image.open(io.BytesIO(layer(heat, shown))) as above:
        below.alpha_composite(above.convert("RGBA"))
    return png(np.asarray(below.convert("RGB")))


def png(picture: Pixels) -> bytes:
    """A PNG file of H W C."""
    file = io.BytesIO()
    as_image(picture).save(file, format="PNG")
    return file.getvalue()
