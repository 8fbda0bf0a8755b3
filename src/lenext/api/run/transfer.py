"""Where ``practical`` means a transfer: what the run keeps of the weights that it starts from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from lenext.api.options import TrainOptions
from lenext.api.run.chosen_recipe import CHARACTERS
from lenext.data.listing import Listing
from lenext.errors import UsageError
from lenext.evaluation.dense import pools_everything
from lenext.models import create_model, entry, model_file
from lenext.protocol import Preprocessing
from lenext.recipes import Recipe
from lenext.recipes.transfer import EVERYTHING
from lenext.training.transfer import FEW, transfer
from lenext.values import decode

NO_WEIGHTS = "none"
PRACTICAL = "practical"


def starts_from(asked: TrainOptions) -> str | None:
    """The weights that a run starts from, by name or path; None for random ones."""
    word = None if asked.weights is None else os.fspath(asked.weights)
    if word is not None and word.lower() == NO_WEIGHTS and not os.path.exists(word):
        return None
    return word


def transfers(asked: TrainOptions) -> bool:
    """Whether the recipe is ours for trained weights: they are given, and no other recipe is named."""
    assert asked.model is not None
    ours = asked.recipe in (None, PRACTICAL) and PRACTICAL not in entry(model_file(asked.model).RECIPES, asked.model)
    return ours and starts_from(asked) is not None


def check_transfer(asked: TrainOptions) -> None:
    """Refuse what only a transfer has, where there is none."""
    for word, given in (("--features-only", asked.features_only), ("--freeze", asked.freeze)):
        if given and starts_from(asked) is None and not asked.resume and asked.model is not None:
            raise UsageError(f"{word} needs trained weights.", "Name them: --weights imagenet, a run folder or a file.")
    if asked.features_only and asked.freeze not in (None, EVERYTHING):
        raise UsageError(
            f"--features-only trains no stage, and --freeze {asked.freeze} leaves some free.", "Give one of the two."
        )
    if asked.features_only and asked.epochs is not None:
        raise UsageError("--features-only takes no steps, so it has no --epochs.", "Give one of the two.")


def transfer_recipe(listing: Listing, shown: Preprocessing | None, images: int, asked: TrainOptions) -> Recipe | None:
    """The recipe of a transfer to ``images`` training images, from weights that want them as ``shown``; None where that
    is not known.
    """
    if shown is None or shown.pixel_mean:
        return None
    assert asked.model is not None
    return transfer(
        shown,
        images=images,
        mirror=listing.name not in CHARACTERS,
        steps=takes_steps(asked, images),
        any_size=sees_any_size(asked.model),
    )


def without_steps(recipe: Recipe, asked: TrainOptions) -> tuple[str, ...]:
    """Why a transfer ends with the fit of the classifier, where nobody asked for that, by a recipe's name either."""
    last = recipe.transfer and recipe.transfer.freeze
    if last != EVERYTHING or recipe.epochs or asked.features_only or asked.freeze or not transfers(asked):
        return ()
    return (f"with fewer than {FEW} images only the classifier is fitted; --epochs 5 goes on with steps",)


def sees_any_size(name: str) -> bool:
    """Whether the network's head takes the mean of a map of whatever size."""
    with torch.device("meta"):
        return pools_everything(create_model(name).head)


def takes_steps(asked: TrainOptions, images: int) -> bool:
    """Whether any follow the fit of the classifier: as asked, else where there are images enough to gain by them."""
    if asked.features_only or asked.freeze == EVERYTHING:
        return False
    return images >= FEW or asked.freeze is not None or asked.epochs is not None


def with_frozen(recipe: Recipe, asked: TrainOptions) -> Recipe:
    """The recipe with what is asked to be frozen. Raises UsageError for a recipe that is no transfer."""
    last = EVERYTHING if asked.features_only else asked.freeze
    if last is None:
        return recipe
    if recipe.transfer is None:
        raise UsageError(
            f"The recipe {recipe.name} is not one for transfer, so it freezes nothing.",
            "Give it a transfer: --set transfer=Transfer."
            if asked.recipe is None
            else "Leave --recipe out, or give it a transfer: --set transfer=Transfer.",
        )
    epochs = 0 if last == EVERYTHING and asked.epochs is None else recipe.epochs
    return replace(recipe, epochs=epochs, transfer=replace(recipe.transfer, freeze=last))


def shown_before(start: Mapping[str, Any] | None) -> Preprocessing | None:
    """The input of the weights that a run was started from, as its folder tells it."""
    found = (start or {}).get("preprocessing")
    shown: Preprocessing | None = None if found is None else decode(Preprocessing, found, "preprocessing")
    return shown
