"""Where a test view lies on the picture that it was cut from: the way back from the network's pixels to the file's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.data.sizes import kept_and_scaled
from lenext.protocol import SingleCrop


@dataclass(frozen=True)
class Axis:
    """One axis: the view's first pixel begins at ``start`` of the picture, and each of ``pixels`` is ``scale`` long.

    length: of the picture. All in the picture's pixels, edges counted from 0; where the view is larger than the
    picture, ``start`` is negative.
    """

    length: int
    pixels: int
    start: float
    scale: float

    @property
    def seen(self) -> tuple[float, float]:
        """From where to where the view shows the picture."""
        return max(0.0, self.start), min(float(self.length), self.start + self.pixels * self.scale)

    def centres(self, pixels: int) -> Tensor:
        """On the view: the middles of the picture's pixels, when the picture is drawn with so many."""
        places = (torch.arange(pixels, dtype=torch.float64) + 0.5) * (self.length / pixels)
        return (places - self.start) / self.scale


@dataclass(frozen=True)
class Placement:
    """Both axes of a view on its picture."""

    y: Axis
    x: Axis

    def lay(self, values: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
        """A map of the view (h w) laid on the picture, drawn with ``height`` x ``width`` pixels, and which it shows.

        Outside of what the view shows the map is 0 and the second tensor False.
        """
        ys, xs = self.y.centres(height), self.x.centres(width)
        inside = [(at >= 0) & (at <= axis.pixels) for at, axis in ((ys, self.y), (xs, self.x))]
        grid = [at * 2 / axis.pixels - 1 for at, axis in ((ys, self.y), (xs, self.x))]
        points = torch.stack(torch.meshgrid(grid[1].float(), grid[0].float(), indexing="xy"), dim=2)
        laid = F.grid_sample(values[None, None].float(), points[None], padding_mode="border", align_corners=False)[0, 0]
        shown = inside[0][:, None] & inside[1]
        return laid * shown, shown

    @property
    def picture(self) -> tuple[slice, slice]:
        """The rows and columns of the view that show the picture, and not what surrounds it."""
        found = []
        for axis in (self.y, self.x):
            first, last = ((edge - axis.start) / axis.scale for edge in axis.seen)
            start = min(axis.pixels - 1, max(0, round(first)))
            found.append(slice(start, max(start + 1, min(axis.pixels, round(last)))))
        return found[0], found[1]


def placement(height: int, width: int, view: SingleCrop) -> Placement:
    """Where ``single_crop`` of a picture of that size lies on it."""
    whole = (height, width)
    kept, scaled = kept_and_scaled(whole, view)
    axes = []
    for side, inner, length, pixels in zip(whole, kept, scaled, view.shape, strict=True):
        scale = inner / length
        missing = max(0, pixels - length)
        offset = -(missing // 2) if missing else round((length - pixels) / 2)
        axes.append(Axis(side, pixels, max(0, side - inner) // 2 + offset * scale, scale))
    return Placement(*axes)
