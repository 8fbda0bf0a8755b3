"""Recipes by name or from a file, as a run folder stores them; what no run can follow is refused."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from lenext.data.listing import Listing, short_sides
from lenext.errors import UsageError, did_you_mean
from lenext.models import entry, line, model_file
from lenext.protocol import SingleCrop
from lenext.recipes import PixelMean, RandomCrop, RandomResizedCrop, Recipe, ShortSide
from lenext.training.optim import build_optimizer
from lenext.training.practical import practical, practical_size
from lenext.values import decode, encode, fields, once

CHARACTERS = ("digits", "mnist")  # built-in sets whose mirror images are other characters or none

# What a number of a recipe may be at least and at most, by its field's name, or by its kind's too where one name has
# several meanings; others are not negative.
BOUNDS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("batch_size", "epochs", "iterations", "patience", "samples"), (1, math.inf)),
    **dict.fromkeys(("views", "strengths", "scales"), (1e-6, math.inf)),
    "Recipe.epochs": (0, math.inf),
    **dict.fromkeys(("size", "crop", "resize", "low", "high", "side", "width"), (1, math.inf)),
    **dict.fromkeys(("std", "aspect"), (1e-6, math.inf)),  # divided by, or under a logarithm
    **dict.fromkeys(("every", "eps", "clip", "cut"), (1e-12, math.inf)),  # zero stands for nothing
    **dict.fromkeys(("p", "switch", "label_smoothing", "area", "dropout", "drop_path"), (0, 1)),
    "BalancedSampling.power": (0, 1),
    "beta": (0, 1 - 1e-9),  # the weights divide by its distance from 1
    **dict.fromkeys(("decay", "layer_decay", "Cosine.warmup", "Cosine.final"), (0, 1)),
    **dict.fromkeys(("brightness", "contrast", "saturation"), (0, 1)),  # 1 +- this is a factor
    **dict.fromkeys(("RandAugment.std", "PCAColour.std"), (0, math.inf)),  # of noise, which may be none
    **dict.fromkeys(("scale", "squeeze"), (0, 0.99)),  # a share by which an image also shrinks
    "magnitude": (0, 30),
    "hue": (0, 0.5),  # half the circle to either side is all of it
    "fill": (0, 255),
    **dict.fromkeys(("mean", "bias"), (-math.inf, math.inf)),
}


def named_recipe(name: str, recipe: str | None, listing: Listing, image_size: int | None = None) -> Recipe:
    """A recipe by the name that the command line gives it; ``image_size`` decides what is practical."""
    known = entry(model_file(name).RECIPES, name)
    variant = recipe or "practical"
    if variant.endswith(".json"):
        return read_recipe(Path(variant))
    key = variant.removeprefix("paper:")
    if key in known:
        found: Recipe = known[key]
        return found
    if variant == "practical":
        return practical(image_size or usual_size(name, listing), mirror=listing.name not in CHARACTERS)
    names = dict.fromkeys(("practical", *known))
    raise UsageError(f"{name} has no recipe {variant!r}.", did_you_mean(key, names) or f"It has: {', '.join(names)}.")


def as_stored(recipe: Recipe) -> Recipe:
    """The recipe as a run folder gives it back, so that a resumed run finds the same (5 degrees are stored as 5.0)."""
    stored: Recipe = decode(Recipe, encode(recipe), "recipe")
    return stored


def read_recipe(path: Path) -> Recipe:
    """A recipe from the JSON that a run folder holds."""
    try:
        document = once(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"The recipe {path} cannot be read: {error}.", "Give a recipe.json of a run folder.") from None
    found: Recipe = decode(Recipe, document, "recipe")
    return found


def check_recipe(recipe: Recipe) -> None:
    """Refuse a recipe that no run can follow. Raises UsageError."""
    check_numbers(recipe)
    if recipe.epochs == 0 and recipe.transfer is None:
        raise UsageError("The recipe has 0 epochs.", "Give 1 or more; only a transfer may stop before the first step.")
    build_optimizer(recipe.optimizer, torch.nn.Linear(1, 1))
    shape = training_shape(recipe)
    if shape[0] * recipe.view.shape[1] != shape[1] * recipe.view.shape[0]:
        raise UsageError(
            f"The training images have {shape[0]} x {shape[1]} pixels, the view {recipe.view.crop} x "
            f"{recipe.view.shape[1]}: another aspect.",
            "Give the last crop of augment and the view the same width, or say it with --image-size HxW.",
        )
    side = shape[0]
    normalise = recipe.normalise
    if isinstance(normalise, PixelMean):
        if shape[0] != shape[1]:
            raise UsageError(
                f"A mean image is a square, the training images have {shape[0]} x {shape[1]} pixels.",
                "Take the mean of each channel, with --set normalise=ChannelMean.",
            )
        mean = normalise.side or recipe.view.crop
        if mean < recipe.view.crop or (mean != side and not normalise.before_crop):
            raise UsageError(
                f"The mean image has {mean} pixels a side, the training images {side}, the view {recipe.view.crop}.",
                "Give the last crop of augment, the view and normalise.side the same size.",
            )


def check_numbers(value: Any, where: str = "") -> None:
    """Refuse numbers out of their bounds, in every part of a frozen value."""
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        several = isinstance(content, tuple)
        for number, item in enumerate(content if several else (content,)):
            place = f"{where}{field.name}" + (f".{number}" if several else "")
            if dataclasses.is_dataclass(item):
                check_numbers(item, f"{place}.")
            elif isinstance(item, int | float):
                check_number(item, f"{type(value).__name__}.{field.name}", place)


def check_number(number: float, field: str, place: str) -> None:
    """Refuse a number out of the bounds of its field, given as Kind.name."""
    low, high = BOUNDS.get(field) or BOUNDS.get(field.partition(".")[2], (0, math.inf))
    if not low <= number <= high:
        limit = f"{low:g} or more" if number < low else f"{high:g} or less"
        raise UsageError(f"The recipe's {place} is {number!r}.", f"Give {limit}.")


def training_shape(recipe: Recipe) -> tuple[int, int]:
    """Height and width of what the augmentation makes. Raises UsageError when it leaves images of many sizes."""
    shape = None
    for step in recipe.augment:
        match step:
            case RandomCrop() | RandomResizedCrop() | SingleCrop():
                shape = step.shape
            case ShortSide():
                shape = None
    if shape is None:
        raise UsageError(
            "The recipe's augment leaves images of many sizes, which make no batch.",
            "Cut them last with RandomCrop, RandomResizedCrop or SingleCrop.",
        )
    return shape


def usual_size(name: str, listing: Listing) -> int:
    """The input size that fits network and images: the paper's at most, less for small images."""
    largest = int(line()[name]["input"][-1])
    return practical_size(short_sides(listing), largest)


def changes(before: Recipe, after: Recipe) -> tuple[str, ...]:
    """The fields that differ, as "field: before -> after"."""
    old, new = dict(fields(before)), dict(fields(after))
    return tuple(
        f"{name}: {old.get(name, 'not there')} -> {new.get(name, 'not there')}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )
