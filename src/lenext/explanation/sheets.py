"""Filters and activations as sheets: many small pictures in rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lenext.errors import UsageError

MOST = 256  # pictures of a sheet
TILE = 48  # pixels that a picture of a sheet has at least
GAP = 2


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """pixels: uint8 H W 3; drawn, of: how many of how many are on it."""

    pixels: NDArray[np.uint8]
    drawn: int
    of: int


def filters(network: nn.Module, channels: int) -> Sheet:
    """The filters of the first layer that sees the picture (its ``channels``), each on its own scale: grey is zero.

    Three channels are drawn as colours; of other numbers each filter's channels stand side by side in grey.
    Raises UsageError where no layer has such filters.
    """
    kernels = (
        weight.detach().float().cpu()
        for module in network.modules()
        if isinstance(weight := getattr(module, "weight", None), Tensor) and weight.dim() == 4
    )
    weight = next((kernel for kernel in kernels if kernel.shape[1] == channels), None)
    if weight is None:
        raise UsageError("The network has no filters on the picture itself.", "Use --method activations.")
    tops = weight.abs().amax((1, 2, 3), keepdim=True).clamp_min(1e-12)
    tiles = 0.5 + weight / (2 * tops)  # N C h w
    if channels not in (1, 3):
        tiles = tiles.permute(0, 2, 1, 3).flatten(2)[:, None]
    return sheet(tiles, len(weight))


def activations(maps: Tensor) -> Sheet:  # features h w
    """The strongest maps of one image, the strongest first, all on one scale: black is zero or less."""
    strength = maps.amax((1, 2))
    order = strength.sort(descending=True, stable=True).indices[:MOST]
    top = strength.max().clamp_min(1e-12)
    return sheet((maps[order] / top).clamp(0, 1)[:, None].cpu(), len(maps))


def sheet(tiles: Tensor, of: int) -> Sheet:  # N C h w in 0..1
    """The tiles in rows, enlarged with hard edges, on white."""
    tiles = tiles[:MOST]
    times = max(1, math.ceil(TILE / max(tiles.shape[2:])))
    pixels = (tiles * 255).round().to(torch.uint8).repeat_interleave(times, 2).repeat_interleave(times, 3)
    pixels = pixels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1)
    height, width = pixels.shape[1] + GAP, pixels.shape[2] + GAP
    columns = max(1, round(math.sqrt(len(pixels) * height / width)))
    rows = math.ceil(len(pixels) / columns)
    page = np.full((rows * height + GAP, columns * width + GAP, 3), 255, dtype=np.uint8)
    for number, tile in enumerate(pixels.numpy()):
        y, x = GAP + number // columns * height, GAP + number % columns * width
        page[y : y + height - GAP, x : x + width - GAP] = tile
    return Sheet(pixels=page, drawn=len(pixels), of=of)
