"""How large an image must be read for a recipe: a photograph that is scaled down anyway need not be decoded whole."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from lenext.protocol import SingleCrop

if TYPE_CHECKING:
    from lenext.recipes import Augmentation

# ours: what is left to scale down. JPEG's own scaling is a mean of squares; a final scaling of 2 or more hides it.
AT_LEAST = 2


def enough(steps: Iterable[Augmentation], view: SingleCrop) -> int:
    """Pixels of the shorter side that training and test still scale down twice; 0 where only the whole image will do.

    A random part counts with its mean area. Decoded so, 12-megapixel photographs at 224 pixels differ by 0.2 grey
    levels in the mean from those decoded whole (``docs/log.md``).
    """
    from lenext.data.random_part import mean_area
    from lenext.recipes import RandomResizedCrop, ShortSide  # who only predicts has no recipe, and starts at once

    first = next(iter(steps), None)
    match first:
        case RandomResizedCrop():
            trained = max(first.shape) / math.sqrt(mean_area(first))
        case ShortSide():
            trained = first.high * max(1.0, first.aspect)
        case SingleCrop():
            trained = max(first.scaled)
        case _:  # a crop of the image's own pixels
            return 0
    return math.ceil(AT_LEAST * max(trained, *view.scaled))


def reduction(height: int, width: int, least: int) -> int:
    """By what an image can be scaled while it is decoded, 8, 4, 2 or 1, with ``least`` pixels left of its shorter side.

    Other scales that JPEG knows have no fast transform: 6/8 takes longer than the whole image.
    """
    if least:
        for factor in (8, 4, 2):
            if min(height, width) >= factor * least:
                return factor
    return 1
