"""Where the pixels of a data set lie: arrays in memory or files on disk, read through one interface."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenext.data.decode import Cut, read_image

LUMINANCE = (19595, 38470, 7471)  # ITU-R 601 in 65536ths, as JPEG and Pillow have it


def cut_out(images: Tensor, part: Cut | None) -> Tensor:  # ... H W
    """The part of images of one size; all of them without one."""
    if part is None:
        return images
    top, left, height, width = part(*images.shape[-2:])
    return images[..., top : top + height, left : left + width]


class Images(Protocol):
    """Images by index."""

    def __len__(self) -> int: ...

    def read(self, index: int, channels: int, background: int, part: Cut | None = None) -> Tensor:
        """uint8 C H W, upright, or only that part of it; raises ``ImageError`` only."""
        ...

    def name(self, index: int) -> str:
        """The path, or what stands for it."""
        ...


@dataclass(frozen=True, eq=False)
class ArrayImages:
    """Images of one size in memory; ``array`` is uint8, N H W (grey) or N H W 3 (RGB)."""

    array: NDArray[np.uint8]
    prefix: str

    def __len__(self) -> int:
        return len(self.array)

    def read(self, index: int, channels: int, background: int, part: Cut | None = None) -> Tensor:  # noqa: ARG002  (arrays are opaque)
        return cut_out(self.batch([index], channels)[0], part)

    def name(self, index: int) -> str:
        return f"{self.prefix}/{index:05d}"

    def batch(self, indices: Sequence[int] | NDArray[np.int64], channels: int) -> Tensor:
        """Many at once: uint8 N C H W; grey is repeated for three channels, colour becomes luminance for one.

        A fourth channel is opacity, of which arrays have none to spare.
        """
        if channels == 4:
            colours = self.batch(indices, 3)
            return torch.cat([colours, colours.new_full((len(colours), 1, *colours.shape[2:]), 255)], dim=1)
        chosen = self.array[np.asarray(indices, dtype=np.int64)]
        if chosen.ndim == 4 and channels == 1:
            weighed = chosen.astype(np.uint32) @ np.array(LUMINANCE, dtype=np.uint32)
            chosen = ((weighed + (1 << 15)) >> 16).astype(np.uint8)
        pixels = torch.from_numpy(chosen)
        if pixels.dim() == 4:
            return pixels.permute(0, 3, 1, 2)
        return pixels[:, None].expand(-1, channels, -1, -1).contiguous()


@dataclass(frozen=True)
class FileImages:
    """Image files; ``paths`` are POSIX paths relative to ``root``, or absolute."""

    root: Path
    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, index: int, channels: int, background: int, part: Cut | None = None) -> Tensor:
        return cut_out(read_image(self.path(index), channels=channels, background=background), part)

    def name(self, index: int) -> str:
        return self.paths[index]

    def path(self, index: int) -> Path:
        return Path(self.place(index))

    def place(self, index: int) -> str:
        return os.path.join(self.root, self.paths[index])
