"""From what was asked to a job: the recipe with its deviations, the network, the constants of its input."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lenext.api.options import TrainOptions
from lenext.data.item import TRAIN
from lenext.data.listing import Listing, part
from lenext.data.loader import Loader, batch_cuts
from lenext.data.split import with_validation
from lenext.data.statistics import Statistics, gather
from lenext.errors import UsageError, did_you_mean
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.models import build_options, canonical, create_model, entry, line, model_file
from lenext.protocol import SingleCrop
from lenext.recipes import FixedScale, PCAColour, PixelMean, RandomCrop, RandomResizedCrop, Recipe, ShortSide
from lenext.training.optim import build_optimizer
from lenext.training.practical import practical, practical_size, shortened, with_image_size
from lenext.values import assign, decode, encode, fields

VALIDATION = 0.1  # share of the training images held out where the data have no validation split
CHARACTERS = ("digits", "mnist")  # built-in sets whose mirror images are other characters or none

# What a number of a recipe may be at least and at most, by its field's name; others are not negative.
BOUNDS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("batch_size", "epochs", "iterations", "patience"), (1, math.inf)),
    **dict.fromkeys(("size", "crop", "resize", "low", "high"), (1, math.inf)),
    **dict.fromkeys(("std", "aspect"), (1e-6, math.inf)),  # divided by, or under a logarithm
    **dict.fromkeys(("p", "label_smoothing", "warmup", "area"), (0, 1)),
    "scale": (0, 0.99),  # a share by which an image also shrinks
    "fill": (0, 255),
    "mean": (-math.inf, math.inf),
}


@dataclass(frozen=True)
class Job:
    """A run that is fully decided. deviations: each field that differs from the recipe as it stands in its file."""

    model: str
    reading: str
    options: Mapping[str, Any]
    recipe: Recipe
    deviations: tuple[str, ...]
    seed: int
    precision: str
    validation: float


def decide(asked: TrainOptions, listing: Listing) -> Job:
    """Choose recipe and options for the data. Raises UsageError for unknown names, settings and sizes."""
    if asked.model is None:
        raise UsageError("No network was named.", "Name one with --model; `lenext models` lists them.")
    name = canonical(asked.model)
    seed = asked.seed or 0
    if not 0 <= seed < 2**63:
        raise UsageError(f"The seed is {seed}.", "Give a whole number from 0 to 2**63 - 1.")
    validation = VALIDATION if asked.validation is None else asked.validation
    as_written = as_stored(named_recipe(name, asked.recipe, listing, asked.image_size))
    recipe = as_written
    if asked.image_size is not None:
        recipe = with_image_size(recipe, asked.image_size)
    if asked.batch_size is not None:
        recipe = replace(recipe, batch_size=asked.batch_size)
    if asked.epochs is not None:
        images = training_images(listing, validation, seed)
        recipe = shortened(recipe, asked.epochs, len(batch_cuts(images, recipe.batch_size)) - 1)
    for setting in asked.settings:
        recipe = assign(recipe, setting)
    recipe = as_stored(recipe)
    check_recipe(recipe)
    options = dict(asked.options or {})
    if "image_size" in build_options(name) and recipe.view.crop != line()[name]["input"][-1]:
        options.setdefault("image_size", recipe.view.crop)
    return Job(
        model=name,
        reading=asked.reading or "paper",
        options=options,
        recipe=recipe,
        deviations=changes(as_written, recipe),
        seed=seed,
        precision=asked.precision or "fp32",
        validation=validation,
    )


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
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"The recipe {path} cannot be read: {error}.", "Give a recipe.json of a run folder.") from None
    found: Recipe = decode(Recipe, document, "recipe")
    return found


def training_images(listing: Listing, validation: float, seed: int) -> int:
    """How many images train, once those for validation are set aside."""
    return len(part(with_validation(listing, fraction=validation, seed=seed), TRAIN))


def check_recipe(recipe: Recipe) -> None:
    """Refuse a recipe that no run can follow. Raises UsageError."""
    check_numbers(recipe, "")
    build_optimizer(recipe.optimizer, torch.nn.Linear(1, 1))
    side = training_size(recipe)
    normalise = recipe.normalise
    if isinstance(normalise, PixelMean) and not normalise.before_crop and side != recipe.view.crop:
        raise UsageError(
            f"The mean image has {recipe.view.crop} pixels a side, the training images have {side}.",
            "Give the last crop of augment and the view the same size.",
        )


def check_numbers(value: Any, where: str) -> None:
    """Refuse numbers out of their bounds, in every part of a frozen value."""
    for field in dataclasses.fields(value):
        content = getattr(value, field.name)
        several = isinstance(content, tuple)
        for number, item in enumerate(content if several else (content,)):
            place = f"{where}{field.name}" + (f".{number}" if several else "")
            if dataclasses.is_dataclass(item):
                check_numbers(item, f"{place}.")
            elif isinstance(item, int | float):
                low, high = BOUNDS.get(field.name, (0, math.inf))
                if not low <= item <= high:
                    limit = f"{low:g} or more" if item < low else f"{high:g} or less"
                    raise UsageError(f"The recipe's {place} is {item!r}.", f"Give {limit}.")


def training_size(recipe: Recipe) -> int:
    """The side of the squares that the augmentation makes. Raises UsageError when it leaves images of many sizes."""
    side = None
    for step in recipe.augment:
        match step:
            case RandomCrop() | RandomResizedCrop():
                side = step.size
            case SingleCrop():
                side = step.crop
            case ShortSide():
                side = None
    if side is None:
        raise UsageError(
            "The recipe's augment leaves images of many sizes, which make no batch.",
            "Cut them last with RandomCrop, RandomResizedCrop or SingleCrop.",
        )
    return side


def usual_size(name: str, listing: Listing) -> int:
    """The input size that fits network and images: the paper's at most, less for small images."""
    largest = int(line()[name]["input"][-1])
    sides = [min(content.width, content.height) for content in listing.contents]
    if not sides:  # a built-in set: all images are of one size
        sides = [min(listing.images.read(0, 1, 255).shape[1:])]
    return practical_size(sides, largest)


def changes(before: Recipe, after: Recipe) -> tuple[str, ...]:
    """The fields that differ, as "field: before -> after"."""
    old, new = dict(fields(before)), dict(fields(after))
    return tuple(
        f"{name}: {old.get(name, 'not there')} -> {new.get(name, 'not there')}"
        for name in {**old, **new}
        if old.get(name) != new.get(name)
    )


def build(job: Job, listing: Listing) -> Network:
    """The network with its initial weights, a function of the seed alone."""
    if "num_classes" in job.options:
        raise UsageError("num_classes is not an option of a run.", "Leave it out; the data say how many there are.")
    if "reading" in job.options:
        raise UsageError("reading is not an --option.", "Give it as --reading.")
    torch.manual_seed(job.seed)
    network = create_model(job.model, num_classes=len(listing.classes), reading=job.reading, **job.options)
    if job.recipe.init is not None:
        initialise(network, job.recipe.init)
    for size in {job.recipe.view.crop, training_size(job.recipe)}:
        check_input(network, size)
    if min(job.recipe.batch_size, len(part(listing, TRAIN))) == 1:
        check_single(network, training_size(job.recipe))
    return network


def check_input(network: Network, size: int) -> None:
    """Refuse an input size that the network's layers cannot take, before anything is written."""
    network.eval()
    try:
        with torch.inference_mode():
            network(torch.zeros(1, network.input_size[0], size, size))
    except RuntimeError as error:
        usual = network.input_size[-1]
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"{network.name} cannot take images of {size} x {size} pixels ({reason}).", f"Use --image-size {usual}."
        ) from None


def check_single(network: Network, size: int) -> None:
    """Refuse batches of one image where a layer normalises over the batch and its maps are one pixel."""
    probe = copy.deepcopy(network).train()  # whose running means may change
    try:
        with torch.no_grad():
            probe(torch.zeros(1, network.input_size[0], size, size))
    except ValueError:
        raise UsageError(
            f"{network.name} normalises over the batch, and cannot learn from one image of {size} x {size} at a time.",
            "Give at least two training images, and --batch-size 2 or more.",
        ) from None


def statistics(job: Job, loader: Loader) -> Statistics:
    """The constants of the input, from a pass over the training images where the recipe needs one."""
    recipe = job.recipe
    needed = not isinstance(recipe.normalise, FixedScale) or any(isinstance(step, PCAColour) for step in recipe.augment)
    views: Iterator[Tensor] = loader.views(recipe.view, 256) if needed else iter(())
    return gather(recipe.normalise, views, loader.channels)
