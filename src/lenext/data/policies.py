"""AutoAugment and RandAugment: a few strong operations on a picture, drawn from a list, each at a level of 0 to 10."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from lenext.data.colour import Picture, brightness, contrast, from_pictures, saturation, sharpness, to_pictures
from lenext.recipes import AutoAugment, RandAugment
from lenext.recipes.augmentations import STRONGEST

Draws = NDArray[np.float64]
AUTO_DRAWS, RAND_DRAWS = 2, 5  # numbers that an operation of each draws

BILINEAR, BICUBIC, NEAREST = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.NEAREST
READS = {"bilinear": BILINEAR, "bicubic": BICUBIC, "nearest": NEAREST}
HALF = 128  # the level from which a pixel counts as light


class Level(NamedTuple):
    """How strongly: ``level`` of 0 to 10 (tpu: 30), ``sign`` -1 or 1; how a moved picture is read, what is outside it.

    place: row and column of what has a place, as shares of the picture.
    """

    level: float
    sign: int
    resampling: Image.Resampling
    fill: tuple[int, ...]
    place: tuple[float, float] = (0.5, 0.5)

    @property
    def share(self) -> float:
        return self.level / 10


Operation = Callable[[Picture, Level], Picture]


def moved(picture: Picture, level: Level, rows: tuple[float, ...]) -> Picture:
    """``rows``: from a pixel of the result to its place in the picture (Pillow's affine transform)."""
    fill = level.fill if picture.mode == "RGB" else level.fill[0]
    return picture.transform(picture.size, Image.Transform.AFFINE, rows, resample=level.resampling, fillcolor=fill)


def shear_x(picture: Picture, level: Level) -> Picture:
    return moved(picture, level, (1, level.sign * 0.3 * level.share, 0, 0, 1, 0))


def shear_y(picture: Picture, level: Level) -> Picture:
    return moved(picture, level, (1, 0, 0, level.sign * 0.3 * level.share, 1, 0))


def translate_x(picture: Picture, level: Level, share: float = 0.45) -> Picture:
    return moved(picture, level, (1, 0, level.sign * share * level.share * picture.width, 0, 1, 0))


def translate_y(picture: Picture, level: Level, share: float = 0.45) -> Picture:
    return moved(picture, level, (1, 0, 0, 0, 1, level.sign * share * level.share * picture.height))


def translate_y_by(pixels: float, picture: Picture, level: Level) -> Picture:
    """By so many pixels at level 10, whatever the picture's size (the TPU code)."""
    return moved(picture, level, (1, 0, 0, 0, 1, level.sign * pixels * level.share))


def translate_x_by(pixels: float, picture: Picture, level: Level) -> Picture:
    return moved(picture, level, (1, 0, level.sign * pixels * level.share, 0, 1, 0))


def cutout(picture: Picture, level: Level) -> Picture:
    """A square of up to 80 pixels at level 10, its centre anywhere, becomes as what is outside (the TPU code)."""
    reach = int(40 * level.share)
    row, column = (int(share * side) for share, side in zip(level.place, picture.size[::-1], strict=True))
    left, top = max(0, column - reach), max(0, row - reach)
    right, bottom = min(picture.width, column + reach), min(picture.height, row + reach)
    cut = picture.copy()
    cut.paste(level.fill if picture.mode == "RGB" else level.fill[0], (left, top, right, bottom))
    return cut


def rotate(picture: Picture, level: Level) -> Picture:
    fill = level.fill if picture.mode == "RGB" else level.fill[0]
    return picture.rotate(level.sign * 30 * level.share, resample=level.resampling, fillcolor=fill)


def posterize(picture: Picture, level: Level) -> Picture:
    """Keeps so many bits of every number: fewer at a lower level (the TPU code)."""
    return with_bits(picture, int(4 * level.share))


def posterize_more(picture: Picture, level: Level) -> Picture:
    """Fewer bits at a higher level."""
    return with_bits(picture, 4 - int(4 * level.share))


def with_bits(picture: Picture, kept: int) -> Picture:
    """Only the highest ``kept`` bits of every number; none leaves a black picture, which Pillow's own refuses."""
    return picture.point([value & ~(0xFF >> kept) for value in range(256)] * len(picture.getbands()))


def solarize(picture: Picture, level: Level) -> Picture:
    """Inverts what is above a threshold that rises with the level (the TPU code)."""
    return ImageOps.solarize(picture, min(256, int(256 * level.share)))


def solarize_more(picture: Picture, level: Level) -> Picture:
    return ImageOps.solarize(picture, 256 - min(256, int(256 * level.share)))


def solarize_add(picture: Picture, level: Level) -> Picture:
    """Makes what is dark lighter."""
    added = int(110 * level.share)
    table = [min(255, value + added) if value < HALF else value for value in range(256)]
    return picture.point(table * len(picture.getbands()))


def blended(enhance: Callable[[Picture, float], Picture], picture: Picture, level: Level) -> Picture:
    """From 0.1 at level 0 to 1.9 at level 10."""
    return enhance(picture, 0.1 + 1.8 * level.share)


def blended_more(enhance: Callable[[Picture, float], Picture], picture: Picture, level: Level) -> Picture:
    """Away from 1, which changes nothing, to either side."""
    return enhance(picture, max(0.1, 1 + level.sign * 0.9 * level.share))


def contrast_of_pixels(picture: Picture, factor: float) -> Picture:
    """From a grey that is a 256th of the count of pixels, at most white: what the TPU code takes for their mean."""
    grey = min(255, picture.width * picture.height // 256)
    return Image.blend(Image.new(picture.mode, picture.size, (grey,) * len(picture.getbands())), picture, factor)


def auto_contrast(picture: Picture, _: Level) -> Picture:
    return ImageOps.autocontrast(picture)


def equalize(picture: Picture, _: Level) -> Picture:
    return ImageOps.equalize(picture)


def invert(picture: Picture, _: Level) -> Picture:
    return ImageOps.invert(picture)


# EfficientNet's policy, from the TPU code: 25 pairs of (operation, probability, level).
V0: tuple[tuple[tuple[str, float, int], tuple[str, float, int]], ...] = (
    (("Equalize", 0.8, 1), ("ShearY", 0.8, 4)),
    (("Color", 0.4, 9), ("Equalize", 0.6, 3)),
    (("Color", 0.4, 1), ("Rotate", 0.6, 8)),
    (("Solarize", 0.8, 3), ("Equalize", 0.4, 7)),
    (("Solarize", 0.4, 2), ("Solarize", 0.6, 2)),
    (("Color", 0.2, 0), ("Equalize", 0.8, 8)),
    (("Equalize", 0.4, 8), ("SolarizeAdd", 0.8, 3)),
    (("ShearX", 0.2, 9), ("Rotate", 0.6, 8)),
    (("Color", 0.6, 1), ("Equalize", 1.0, 2)),
    (("Invert", 0.4, 9), ("Rotate", 0.6, 0)),
    (("Equalize", 1.0, 9), ("ShearY", 0.6, 3)),
    (("Color", 0.4, 7), ("Equalize", 0.6, 0)),
    (("Posterize", 0.4, 6), ("AutoContrast", 0.4, 7)),
    (("Solarize", 0.6, 8), ("Color", 0.6, 9)),
    (("Solarize", 0.2, 4), ("Rotate", 0.8, 9)),
    (("Rotate", 1.0, 7), ("TranslateY", 0.8, 9)),
    (("ShearX", 0.0, 0), ("Solarize", 0.8, 4)),
    (("ShearY", 0.8, 0), ("Color", 0.6, 4)),
    (("Color", 1.0, 0), ("Rotate", 0.6, 2)),
    (("Equalize", 0.8, 4), ("Equalize", 0.0, 8)),
    (("Equalize", 1.0, 4), ("AutoContrast", 0.6, 2)),
    (("ShearY", 0.4, 7), ("SolarizeAdd", 0.6, 7)),
    (("Posterize", 0.8, 2), ("Solarize", 0.6, 10)),
    (("Solarize", 0.6, 8), ("Equalize", 0.6, 1)),
    (("Color", 0.8, 6), ("Rotate", 0.4, 5)),
)  # fmt: skip
V0_OPERATIONS: Mapping[str, Operation] = {
    "AutoContrast": auto_contrast, "Equalize": equalize, "Invert": invert, "Rotate": rotate, "ShearX": shear_x,
    "ShearY": shear_y, "TranslateY": partial(translate_y_by, 250), "Posterize": posterize, "Solarize": solarize,
    "SolarizeAdd": solarize_add, "Color": partial(blended, saturation),
}  # fmt: skip

# timm's "increasing" set, in its order.
RANDOM_OPERATIONS: tuple[Operation, ...] = (
    auto_contrast, equalize, invert, rotate, posterize_more, solarize_more, solarize_add,
    partial(blended_more, saturation), partial(blended_more, contrast), partial(blended_more, brightness),
    partial(blended_more, sharpness), shear_x, shear_y, translate_x, translate_y,
)  # fmt: skip

# The TPU code's, in its order.
TPU_OPERATIONS: tuple[Operation, ...] = (
    auto_contrast, equalize, invert, rotate, posterize, solarize, partial(blended, saturation),
    partial(blended, contrast_of_pixels), partial(blended, brightness), partial(blended, sharpness), shear_x, shear_y,
    partial(translate_x_by, 100), partial(translate_y_by, 100), cutout, solarize_add,
)  # fmt: skip


def auto_augment(images: Tensor, draws: Draws, step: AutoAugment) -> Tensor:
    """``draws``: one for the sub-policy, then for each of its two operations whether, and to which side."""
    pictures = to_pictures(images)
    fill = (step.fill,) * 3
    for row, numbers in enumerate(draws):
        for place, (name, chance, level) in enumerate(V0[int(numbers[0] * len(V0))]):
            used, side = numbers[1 + AUTO_DRAWS * place :][:AUTO_DRAWS]
            if used < chance:
                sign = -1 if side < 0.5 else 1
                pictures[row] = V0_OPERATIONS[name](pictures[row], Level(level, sign, NEAREST, fill))
    return from_pictures(pictures)


def rand_augment(images: Tensor, draws: Draws, step: RandAugment) -> Tensor:
    """``draws``, for each operation: which, whether, how strongly, to which side, how a moved picture is read.

    The last two are the place of what has one.
    """
    operations = TPU_OPERATIONS if step.code == "tpu" else RANDOM_OPERATIONS
    pictures = to_pictures(images)
    normal = torch.special.ndtri(torch.from_numpy(draws).clamp(1e-12, 1 - 1e-12)).numpy()
    for row, numbers in enumerate(draws):
        for place in range(0, RAND_DRAWS * step.operations, RAND_DRAWS):
            which, used, _, side, read = numbers[place : place + RAND_DRAWS]
            if used >= step.p:
                continue
            level = min(STRONGEST[step.code], max(0.0, step.magnitude + step.std * normal[row, place + 2]))
            resampling = READS.get(step.interpolation, BILINEAR if read < 0.5 else BICUBIC)  # nearest is 0
            chosen = Level(level, -1 if side < 0.5 else 1, resampling, step.fill, (side, read))
            pictures[row] = operations[math.floor(which * len(operations))](pictures[row], chosen)
    return from_pictures(pictures)
