"""The first phase of a transfer: the classifier, fitted on features of the network as it came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lenext.errors import UsageError
from lenext.layers.network import Network
from lenext.recipes.transfer import EVERYTHING
from lenext.training.features import Views, frozen_features
from lenext.training.linear import Linear
from lenext.training.task import Task
from lenext.training.watch import Watcher

Features = NDArray[np.float64]  # views, images, width
Source = Callable[[Task, Watcher], Features]  # the features of the task's training images


@dataclass(frozen=True)
class FittedHead:
    """What the first phase found: the classifier, and its loss and accuracy on what it was fitted on."""

    linear: Linear
    loss: float
    accuracy: float


def fits(network: nn.Module) -> bool:
    """Whether the network's classifier is a linear layer with a bias, which a linear model can become."""
    if not isinstance(network, Network):
        return False
    classifier = network.get_classifier()
    return type(classifier) is nn.Linear and classifier.bias is not None


def check_head(network: Network, freeze: str) -> None:
    """Refuse a transfer of features where there is no linear classifier to become. Raises UsageError."""
    if freeze == EVERYTHING and not fits(network):
        raise UsageError(
            f"{network.name} does not end in a linear layer, so no linear model can be its classifier.",
            "Train its classifier by steps: --freeze with the name of its last stage.",
        )


def training_features(task: Task, watcher: Watcher) -> Features:
    """Features of the task's training images, in the order of its part."""
    assert isinstance(task.network, Network)
    return frozen_features(task.network, task.training, Views(task.recipe, task.pipeline), task.compute, watcher)


def fit_head(task: Task, watcher: Watcher, source: Source) -> FittedHead:
    """Fit the classifier and put it into the network."""
    value, labels = task.recipe.transfer, task.training.part.labels
    assert value is not None
    assert isinstance(task.network, Network)
    watcher.message(
        f"The classifier is fitted on frozen features of {len(labels):,} images"
        + (f" in {value.views} views" if value.views > 1 else "")
        + (f", the mean of {len(value.scales)} scales, each mirrored too." if value.scales else ".")
    )
    features = source(task, watcher)
    linear = task.goal.fit(features, labels, task.classes, value)
    put(task.network, linear)
    said = [f"{strength:g}: {score:.4f}" for strength, score in zip(value.strengths, linear.scores, strict=True)]
    if len(said) > 1:
        watcher.message(f"  strength {linear.strength:g} is best within the training images ({', '.join(said)})")
    return FittedHead(linear, *task.goal.judged(linear.logits(features), labels))


@torch.no_grad()
def put(network: Network, linear: Linear) -> None:
    """Make the linear model the network's classifier."""
    classifier = network.get_classifier()
    for name, values in {"weight": linear.weight, "bias": linear.bias}.items():
        parameter: Tensor = getattr(classifier, name)
        parameter.copy_(torch.from_numpy(values))
