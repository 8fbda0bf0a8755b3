"""The classifier's inputs, computed once for every image: what is fitted on them needs the network no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenext.data.augment import Pipeline
from lenext.data.loader import Loader, batch_cuts
from lenext.evaluation.inference import Compute
from lenext.layers.network import Network
from lenext.recipes import Recipe
from lenext.training.watch import Watcher, watched

TOGETHER = 16  # ours: images of one pass; more are no faster on a CPU
EARLY = 2**31  # ours: epochs above every one of a run; what a view draws is no epoch's augmentation


@dataclass(frozen=True)
class Views:
    """How images are seen before training: the recipe's plain view, then augmented ones."""

    recipe: Recipe
    pipeline: Pipeline

    def batches(self, loader: Loader, view: int) -> Iterator[Tensor]:
        """uint8 batches of every image of the loader, in order, for view number ``view`` (0: the plain one)."""
        if view == 0:
            yield from loader.views(self.recipe.view, TOGETHER)
            return
        order = np.arange(len(loader.part))
        for images, _ in loader.training(self.pipeline, EARLY + view, order, batch_cuts(len(order), TOGETHER)):
            yield images


def frozen_features(
    network: Network, loader: Loader, views: Views, compute: Compute, watcher: Watcher
) -> NDArray[np.float64]:
    """Features (views, images, width) of every image of the loader.

    The network is used in evaluation mode and left in it.
    """
    value = views.recipe.transfer
    assert value is not None
    network.eval()
    images = len(loader.part)
    seen = [
        watched(views.batches(loader, view), images * value.views, watcher, done=images * view)
        for view in range(value.views)
    ]
    return np.stack([of_batches(network, views, batches, compute) for batches in seen])


def of_batches(network: Network, views: Views, batches: Iterable[Tensor], compute: Compute) -> NDArray[np.float64]:
    """The classifier's inputs of every image, in order."""
    statistics, parts = views.pipeline.statistics, []
    with torch.inference_mode():
        for images in batches:
            inputs = statistics.normalise(images.to(compute.device))
            with compute.autocast():
                features = network.pooled(inputs)
            parts.append(features.double().cpu())
    return torch.cat(parts).numpy()
