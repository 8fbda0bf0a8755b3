"""Where a random part of an image lies: the rules of ``RandomResizedCrop.drawn``, each as its code has it.

torchvision's (transforms.RandomResizedCrop), GoogLeNet's text (arXiv 1409.4842, 6), fb.resnet.torch's (RandomSizedCrop
in datasets/transforms.lua), TensorFlow's (sample_distorted_bounding_box) and EfficientNet's (preprocessing.py) differ
in the aspect, in the size and in what is taken where every try fails.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lenext.recipes import RandomResizedCrop

Box = tuple[int, int, int, int]  # top, left, height, width

TRIES = 10  # as in every code but Inception's, which has 100; TensorFlow's fit unless the image is a long strip
BY_HEIGHT = ("tensorflow", "efficientnet")  # the others draw the area, and then know both sides
LEAST = 0.1  # TensorFlow: of the object, which is the image where nobody says what it shows (min_object_covered)
AROUND = 32  # EfficientNet: pixels around the central square, as in its test (CROP_PADDING)


def area_box(height: int, width: int, tries: NDArray[np.float64], step: RandomResizedCrop) -> Box:
    """The first rectangle that fits in the image; ``tries`` has a number for size, aspect, top and left of each."""
    own = step.shape[1] / step.shape[0]
    by_height = step.drawn in BY_HEIGHT
    for size, shape, y, x in tries:
        h, w = (heights if by_height else areas)(height, width, size, own * aspect(shape, step), step.area)
        if step.drawn == "efficientnet" and (h, w) == (height, width):
            break  # it tells a failure by the whole image
        if 0 < w <= width and 0 < h <= height:
            last = 0 if by_height else 1  # TensorFlow never takes the last place
            return int(y * max(1, height - h + last)), int(x * max(1, width - w + last)), h, w
    return otherwise(height, width, own, step)


def aspect(number: float, step: RandomResizedCrop) -> float:
    """Width over height, from a number in [0, 1)."""
    low, high = step.aspect
    if step.drawn == "torchvision":
        low, high = math.log(low), math.log(high)
        return math.exp(low + number * (high - low))
    if step.drawn == "fb.resnet.torch":  # its sides then change places with probability 1/2: the number's first bit
        exchanged, number = divmod(2 * number, 1)
        found = low + number * (high - low)
        return 1 / found if exchanged else found
    return low + number * (high - low)


def areas(height: int, width: int, number: float, ratio: float, area: tuple[float, float]) -> tuple[int, int]:
    """Height and width of a rectangle whose area is uniform; it may be larger than the image."""
    target = height * width * (area[0] + number * (area[1] - area[0]))
    return round(math.sqrt(target / ratio)), round(math.sqrt(target * ratio))


def heights(height: int, width: int, number: float, ratio: float, area: tuple[float, float]) -> tuple[int, int]:
    """Height and width of a rectangle whose height is uniform among those that fit; nothing where none does."""
    least, most = (share * height * width for share in area)
    low, high = (round(math.sqrt(pixels / ratio)) for pixels in (least, most))
    if round(high * ratio) > width:
        high = int((width + 0.5) / ratio)
        high -= round(high * ratio) > width
    high = min(high, height)
    low = min(low, high)
    h = low + int(number * (high - low + 1))
    h += h * round(h * ratio) < least  # a rounding carried it over a bound
    h -= h * round(h * ratio) > most
    w = round(h * ratio)
    return (h, w) if max(least, LEAST * height * width) <= h * w <= most else (0, 0)


def otherwise(height: int, width: int, own: float, step: RandomResizedCrop) -> Box:
    """What is taken of an image in which no try fits; ``own`` is the aspect of the result."""
    low, high = step.aspect
    match step.drawn:
        case "tensorflow":
            return 0, 0, height, width
        case "efficientnet":
            part = step.size / (step.size + AROUND)
            h, w = max(1, int(part * min(height, width / own))), max(1, int(part * min(width, height * own)))
            return (height - h + 1) // 2, (width - w + 1) // 2, h, w
        case "fb.resnet.torch":  # the central square
            low, high = 1.0, 1.0
    w = min(width, max(1, round(height * own * high)))
    h = min(height, max(1, round(width / (own * low))))
    return (height - h) // 2, (width - w) // 2, h, w


def mean_area(step: RandomResizedCrop) -> float:
    """The mean share of an image in which every try fits."""
    low, high = step.area
    return (low + math.sqrt(low * high) + high) / 3 if step.drawn in BY_HEIGHT else (low + high) / 2
