"""The test view of one image as Pillow makes it, without torch: at most one grey level from ``geometry.single_crop``.

Of photographs one pixel in a thousand differs by that level; on pure noise one in a million by two (docs/log.md).
Scaling down and cutting are one step: Pillow scales what will be seen, from whatever lies around it as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lenext.data.sizes import Shape, kept_and_scaled
from lenext.protocol import INTERPOLATIONS, SingleCrop

Pixels = NDArray[np.uint8]  # H W C
SMALL = 128  # ours: pixels of the scaled shorter side


def array_view(pixels: Pixels, view: SingleCrop) -> Pixels:
    """The view of an image of any size: uint8, height and width of ``view``, channels as they are."""
    kept, scaled = kept_and_scaled((pixels.shape[0], pixels.shape[1]), view)
    return window(middle(pixels, kept), scaled, view)


def middle(pixels: Pixels, kept: Shape) -> Pixels:
    """The central part of an image."""
    top, left = (max(0, side - wanted) // 2 for side, wanted in zip(pixels.shape, kept, strict=False))
    return pixels[top : top + kept[0], left : left + kept[1]]


def window(pixels: Pixels, scaled: Shape, view: SingleCrop) -> Pixels:
    """The centre of the image scaled to ``scaled``; where that is smaller than the view, its fill surrounds it."""
    shape = view.shape
    seen = (min(scaled[0], shape[0]), min(scaled[1], shape[1]))
    corner = tuple(round((whole - part) / 2) for whole, part in zip(scaled, seen, strict=True))
    if scaled == pixels.shape[:2]:
        found = pixels[corner[0] : corner[0] + seen[0], corner[1] : corner[1] + seen[1]]
    else:
        found = resized(pixels, scaled, (corner[0], corner[1]), seen, view.interpolation)
    missing = [(whole - part) for whole, part in zip(shape, seen, strict=True)]
    if not any(missing):
        return np.ascontiguousarray(found)
    around = [(lack // 2, lack - lack // 2) for lack in missing]
    return np.pad(found, (*around, (0, 0)), constant_values=view.fill)


def resized(pixels: Pixels, scaled: Shape, corner: Shape, seen: Shape, interpolation: str) -> Pixels:
    """The part ``seen`` from ``corner`` on of the image as it is when scaled to ``scaled``."""
    method = resampling(interpolation)
    top, left, bottom, right = (corner[0], corner[1], corner[0] + seen[0], corner[1] + seen[1])
    # Of small and enlarged pictures, and by filters with an edge, parts would be rounded otherwise than the whole.
    whole = min(scaled) < SMALL or scaled[0] >= pixels.shape[0] or interpolation not in INTERPOLATIONS
    if whole:
        return scale(pixels, scaled, method, None)[top:bottom, left:right]
    by = [length / whole for length, whole in zip(pixels.shape, scaled, strict=False)]
    box = (left * by[1], top * by[0], min(right * by[1], pixels.shape[1]), min(bottom * by[0], pixels.shape[0]))
    return scale(pixels, seen, method, box)


def resampling(interpolation: str) -> int:
    """Pillow's number for it; as torch does, it takes any other word for bilinear."""
    from PIL import Image

    known = {"area": Image.Resampling.BOX, "nearest": Image.Resampling.NEAREST, "bicubic": Image.Resampling.BICUBIC}
    return known.get(interpolation, Image.Resampling.BILINEAR)


def scale(pixels: Pixels, size: Shape, method: int, box: tuple[float, float, float, float] | None) -> Pixels:
    """The image, or the ``box`` of it (left, top, right, bottom), in another size."""
    from PIL import Image

    if pixels.shape[2] == 3:
        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).resize(size[::-1], method, box))
    # Plane by plane, for Pillow would weigh colours by their opacity.
    planes = [Image.fromarray(np.ascontiguousarray(pixels[:, :, plane])) for plane in range(pixels.shape[2])]
    return np.stack([np.asarray(plane.resize(size[::-1], method, box)) for plane in planes], axis=2)
