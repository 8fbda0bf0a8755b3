"""What is kept of a picture so that its copies are found: a thumbnail of its decoded pixels, and their checksum."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

SIDE = 32  # of a thumbnail; smaller pictures are kept as they are
COLOUR_SIDE = 8  # of the two colour planes, as coarse against the grey as the eye sees them
SAMPLES = 96  # rows and columns of a large picture that its thumbnail is made of, at least: its mean needs no more


@dataclass(frozen=True)
class Sketch:
    """A picture in a kilobyte; sketches of pictures that are equal to the pixel are equal, whatever the format.

    grey: uint8, height x width, at most ``SIDE`` each; colour: Cb and Cr, uint8, 2 x 8 x 8, empty where all is grey;
    aspect: width by height of the picture itself; checksum: CRC-32 of its size and pixels.
    """

    height: int
    width: int
    grey: bytes
    colour: bytes
    aspect: float
    checksum: int


def sketch(pixels: NDArray[np.uint8]) -> Sketch:  # H W 3
    """The sketch of a decoded picture."""
    from PIL import Image

    height, width = pixels.shape[:2]
    whole = np.ascontiguousarray(pixels)
    step = max(1, min(height, width) // SAMPLES)
    sampled = np.ascontiguousarray(whole.view("V3")[::step, ::step, 0])  # a pixel at once: twice as fast
    rows, columns = sampled.shape
    picture = Image.fromarray(sampled.view(np.uint8).reshape(rows, columns, 3))
    # The box is quicker, and as good where many pixels become one.
    smooth = Image.Resampling.BOX if min(rows, columns) >= SAMPLES else Image.Resampling.BILINEAR
    small = picture.resize((min(width, SIDE), min(height, SIDE)), smooth).convert("YCbCr")
    planes = np.asarray(small.resize((COLOUR_SIDE, COLOUR_SIDE), Image.Resampling.BOX))[..., 1:]
    coloured = bool((np.abs(planes.astype(np.int16) - 128) > 1).any())
    return Sketch(
        height=small.height,
        width=small.width,
        grey=small.getchannel("Y").tobytes(),
        colour=planes.transpose(2, 0, 1).tobytes() if coloured else b"",
        aspect=width / height,
        checksum=zlib.crc32(whole.data, zlib.crc32(f"{height} {width}".encode())),
    )


def thumbnails(sketches: Sequence[Sketch]) -> Tensor:
    """All greys at the size that most of them have, so that those keep their pixels: uint8 N H W."""
    sizes: dict[tuple[int, int], list[int]] = {}
    for index, one in enumerate(sketches):
        sizes.setdefault((one.height, one.width), []).append(index)
    usual = max(sizes, key=lambda size: len(sizes[size]))
    if min(usual) < SIDE // 2:
        usual = (SIDE, SIDE)
    found = torch.empty(len(sketches), *usual, dtype=torch.uint8)
    for (height, width), indices in sizes.items():
        rows = np.frombuffer(b"".join(sketches[index].grey for index in indices), np.uint8)
        pixels = torch.from_numpy(rows.reshape(-1, 1, height, width).copy())
        for start in range(0, len(indices), 4096):
            part = pixels[start : start + 4096]
            if (height, width) != usual:
                part = F.interpolate(part.float(), size=usual, mode="bilinear", antialias=True)
                part = part.round().clamp(0, 255).byte()
            found[torch.tensor(indices[start : start + 4096])] = part[:, 0]
    return found


def colours(sketches: Sequence[Sketch]) -> Tensor:
    """All colour planes, float, N 2 8 8, 0 for grey."""
    grey = bytes([128]) * (2 * COLOUR_SIDE**2)
    rows = np.frombuffer(b"".join(one.colour or grey for one in sketches), np.uint8)
    return torch.from_numpy(rows.reshape(-1, 2, COLOUR_SIDE, COLOUR_SIDE).copy()).float() - 128
