"""Images with any number of labels: what a run, a network and a command need for them, or why they cannot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from lenext.data.listing import Listing, Part
from lenext.errors import DataError, UsageError
from lenext.evaluation.thresholds import half
from lenext.layers.network import Network
from lenext.protocol import MULTICLASS, MULTILABEL
from lenext.recipes import BalancedSampling, BinaryCrossEntropy, Recipe
from lenext.training import fitting
from lenext.weights.card import Card


def suited_to(listing: Listing, recipe: Recipe) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe with a loss for the data, and the rule of that change, if any."""
    if listing.task == MULTICLASS:
        return recipe, ()
    suited, rule = fitting.to_labels(recipe)
    return suited, (rule,) if rule else ()


def check_task(recipe: Recipe, listing: Listing, error_target: float | None) -> None:
    """Refuse what is for one class an image where there are labels. Raises UsageError."""
    if listing.task == MULTICLASS:
        return
    if error_target is not None:
        raise UsageError(
            "--error-target is for networks that may say `unknown`, and these images may have several labels.",
            "Leave it out: where no label reaches its threshold, the answer has none.",
        )
    if not isinstance(recipe.loss, BinaryCrossEntropy):
        raise UsageError(
            f"The loss {type(recipe.loss).__name__} wants one class an image, and these may have several labels.",
            "Leave the loss out of --set, or give BinaryCrossEntropy.",
        )
    if isinstance(recipe.balance, BalancedSampling):
        raise UsageError(
            "--balance sampling shows whole images more often, with every label that they have.",
            "Use --balance weights, where a rare label counts more by itself.",
        )


def check_outputs(network: Network, listing: Listing) -> None:
    """Refuse a network for labels whose outputs cannot be both above and below zero. Raises UsageError."""
    if listing.task == MULTILABEL and type(network.get_classifier()) is not nn.Linear:
        raise UsageError(
            f"{network.name} does not end in a linear layer: it can rank classes, but not say yes or no to each.",
            "Name another with --model, as resnet20_cifar for small pictures or resnet18 for others.",
        )


def same_task(listing: Listing, card: Card) -> None:
    """Refuse to measure answers to another question than the data pose. Raises DataError."""
    if listing.task == card.task:
        return
    if card.task == MULTILABEL:
        raise DataError(
            f"The network gives an image any number of labels, and {listing.name} names one class of each.",
            "Give a CSV with a column labels, where an image that lacks a label is known to lack it.",
        )
    raise DataError(
        f"The network answers with one class, and an image of {listing.name} may have several labels.",
        "Train one on such data, or give a CSV with one class a row in a column label.",
    )


def refuse_labels(card: Card, what: str, remedy: str) -> None:
    """Refuse what is for networks with one answer an image. Raises UsageError."""
    if card.task == MULTILABEL:
        raise UsageError(f"{what}, and this network gives an image any number of labels.", remedy)


def cuts_of(card: Card) -> tuple[float, ...] | None:
    """The thresholds of a network's labels; None of one that answers with a class."""
    return None if card.task == MULTICLASS else card.thresholds or half(len(card.classes))


def truths(images: Part, places: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """The labels of some images in a network's order; places: where each class of the data stands among ``classes``.

    A label that the data do not know is one that no image has.
    """
    if images.labels.ndim == 1:
        return places[images.labels]
    found = np.zeros((len(images), classes), dtype=np.int64)
    found[:, places] = images.labels
    return found
