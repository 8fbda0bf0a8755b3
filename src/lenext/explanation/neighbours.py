"""The pictures that a network finds most like another: those nearest by the angle between their features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenext.data.statistics import Statistics
from lenext.evaluation.inference import Compute
from lenext.layers.network import Network


@dataclass(frozen=True)
class Neighbour:
    """row: of the pictures that were searched; distance: 1 minus the cosine of the angle, 0 to 2."""

    row: int
    distance: float


def features(
    network: Network, statistics: Statistics, batches: Iterable[Tensor], compute: Compute
) -> NDArray[np.float32]:
    """What the classifier is given of every image (uint8 N C H W), at length 1: (images, features)."""
    network.eval()
    with torch.inference_mode():
        inputs = (statistics.normalise(images.to(compute.device)) for images in batches)
        parts = [direction(network.pooled(one)).cpu() for one in inputs]
    return torch.cat(parts).numpy() if parts else np.empty((0, network.num_features), dtype=np.float32)


def direction(found: Tensor) -> Tensor:  # N features, or maps of them, whose mean is taken -> N features
    """Rows of length 1; a row of zeros stays."""
    flat = found.float().flatten(2).mean(2) if found.dim() > 2 else found.float()
    return torch.nn.functional.normalize(flat, dim=1)


def nearest(all_: NDArray[np.float32], one: NDArray[np.float32], count: int) -> list[Neighbour]:
    """The ``count`` rows of ``all_`` at the least angle to ``one`` (both of length 1), nearest first."""
    distances = np.clip(1 - all_ @ one, 0, 2)
    order = np.argsort(distances, kind="stable")[:count]
    return [Neighbour(int(row), float(distances[row])) for row in order]
