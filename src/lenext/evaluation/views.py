"""The views of a test: whole images cut and scaled as a protocol says, as pixels and nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.data.geometry import centre, resize, short_side, single_crop
from lenext.data.statistics import Statistics
from lenext.protocol import Dense, MultiCrop, SingleCrop, SquareCrops, TenCrop

Crops = SingleCrop | TenCrop | SquareCrops | MultiCrop


def views(image: Tensor, protocol: Crops, statistics: Statistics | None = None) -> Tensor:
    """All views of one image, each followed, as a group, by its mirror image; black surrounds too small an image.

    From uint8 1 C H W to V C crop crop: uint8, or float where the mean image of ``statistics`` has the size of the
    square that ten crops are cut from. Each pixel then loses the mean of its own place, as in training (AlexNet).
    """
    match protocol:
        case SingleCrop():
            return single_crop(image, protocol)
        case TenCrop():
            return ten_crop(image, protocol, statistics)
        case SquareCrops():
            return torch.cat([with_mirror(six_views(square, protocol)) for square in squares(image, protocol)])
        case MultiCrop():
            return torch.cat([with_mirror(crops) for crops in grids(image, protocol)])


def whole_images(image: Tensor, protocol: Dense) -> list[Tensor]:  # uint8 1 C H W -> V C h w for each scale
    """The uncut image at each scale of a dense test, and its mirror image where the protocol asks for it."""
    scaled = [short_side(image, scale, protocol.interpolation) for scale in protocol.scales]
    return [with_mirror(one) for one in scaled] if protocol.mirror else scaled


def ten_crop(image: Tensor, protocol: TenCrop, statistics: Statistics | None) -> Tensor:
    """Corners and centre from the top left, line by line, then the mirror images of all five."""
    scaled = short_side(image, protocol.resize, protocol.interpolation)
    if protocol.square:
        scaled = centre(scaled, protocol.resize, 0)
        if statistics is not None and statistics.side == protocol.resize:
            scaled = statistics.subtract(scaled)
    return with_mirror(five_crops(scaled, protocol.crop))


def squares(image: Tensor, protocol: SquareCrops) -> Iterator[Tensor]:
    """The squares along the longer side at every scale: both ends and between, or the middle alone."""
    for scale in protocol.scales:
        scaled = short_side(image, scale, protocol.interpolation)
        if protocol.places == 1:
            yield centre(scaled, scale, 0)
            continue
        tops, lefts = (spread(side - scale, protocol.places) for side in scaled.shape[2:])
        yield from (cut(scaled, top, left, scale) for top, left in zip(tops, lefts, strict=True))


def six_views(square: Tensor, protocol: SquareCrops) -> Tensor:
    """Corners, centre and the whole square scaled to the size of a crop."""
    side = protocol.crop
    return torch.cat([five_crops(square, side), resize(square, side, side, protocol.interpolation)])


def grids(image: Tensor, protocol: MultiCrop) -> Iterator[Tensor]:
    """At every scale the crops of a regular grid from edge to edge, line by line."""
    for scale in protocol.scales:
        scaled = surrounded(short_side(image, scale, protocol.interpolation), protocol.crop)
        tops, lefts = (spread(side - protocol.crop, protocol.grid) for side in scaled.shape[2:])
        yield torch.cat([cut(scaled, top, left, protocol.crop) for top in tops for left in lefts])


def spread(room: int, count: int) -> list[int]:
    """``count`` places at equal distances from 0 to ``room``, to the nearest pixel (the even one of two)."""
    return [int(place) for place in np.rint(np.linspace(0, room, count))]


def five_crops(image: Tensor, size: int) -> Tensor:
    """The four corners, line by line, and the centre."""
    image = surrounded(image, size)
    bottom, right = (side - size for side in image.shape[2:])
    corners = [cut(image, top, left, size) for top in (0, bottom) for left in (0, right)]
    return torch.cat([*corners, centre(image, size, 0)])


def surrounded(image: Tensor, size: int) -> Tensor:
    """The image in the middle of black, where one of its sides is shorter than ``size``."""
    missing_y, missing_x = (max(0, size - side) for side in image.shape[2:])
    top, left = missing_y // 2, missing_x // 2
    return F.pad(image, (left, missing_x - left, top, missing_y - top)) if missing_y or missing_x else image


def cut(image: Tensor, top: int, left: int, size: int) -> Tensor:
    return image[:, :, top : top + size, left : left + size]


def with_mirror(images: Tensor) -> Tensor:
    """The images, then their mirror images in the same order."""
    return torch.cat([images, images.flip(3)])
