"""Options that stand for settings of the recipe, and what they ask of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lenext.api.options import TrainOptions
from lenext.data.balance import UNEVEN, imbalance
from lenext.data.item import TRAIN, VAL
from lenext.data.listing import Listing, part
from lenext.errors import UsageError, did_you_mean
from lenext.recipes import Recipe
from lenext.training.search import loaded

BALANCES: Mapping[str, str] = {"sampling": "BalancedSampling", "weights": "ClassWeights", "none": "none"}


def check_options(asked: TrainOptions) -> None:
    """Refuse values that no run can have. Raises UsageError."""
    if asked.balance is not None and asked.balance not in BALANCES:
        hint = did_you_mean(asked.balance, BALANCES) or f"Give one of {', '.join(BALANCES)}."
        raise UsageError(f"--balance is {asked.balance!r}.", hint)
    seconds = asked.seconds
    if asked.tune and seconds is not None:
        raise UsageError(
            "--tune and --time-limit cannot be given together.", "Tune first, then train --recipe RUN/recipe.json."
        )
    if asked.tune:
        loaded()  # else the first trial would tell


def with_settings(asked: TrainOptions) -> TrainOptions:
    """The short options as settings, before those that were given as such."""
    found = []
    if asked.balance is not None:
        found.append(f"balance={BALANCES[asked.balance]}")
    if asked.patience is not None:
        found.append(f"patience={asked.patience}")
    if asked.average:
        found.append("average=Average")
    return replace(asked, settings=(*found, *asked.settings))


def check_patience(recipe: Recipe, listing: Listing, validation: float) -> None:
    """Refuse to wait for a better validation where there is none. Raises UsageError."""
    if recipe.patience is not None and VAL not in listing.splits and not validation:
        raise UsageError(
            "--patience waits for a better validation, and there are no validation images.",
            "Leave it out, or give --validation 0.1.",
        )


def unevenness(listing: Listing, recipe: Recipe) -> tuple[str, ...]:
    """What is said of classes of very unequal size, where the recipe does nothing about them."""
    sizes = part(listing, TRAIN).sizes(len(listing.classes))
    ratio = imbalance(sizes)
    if ratio <= UNEVEN or recipe.balance is not None:
        return ()
    return (
        f"the largest class has {ratio:,.0f} times the images of the smallest, and they count alike: see --balance",
    )
