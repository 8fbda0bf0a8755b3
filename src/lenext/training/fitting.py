"""A recipe fitted to other sizes, lengths or data than its paper's; each change with its rule in words."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

from lenext.evaluation.text import counted
from lenext.recipes import (
    Augmentation,
    Average,
    BinaryCrossEntropy,
    Decay,
    EpochRates,
    EpochSteps,
    Inverse,
    PixelMean,
    Plateau,
    RandomCrop,
    RandomResizedCrop,
    Recipe,
    Schedule,
    ShortSide,
    SingleCrop,
    Steps,
    VelocitySGD,
)

SPAN = 0.2  # ours: an average over more than this share of a run would still hold the weights that were drawn


class Fitted(NamedTuple):
    """A recipe, and the rule by which it was changed; "" where it was not."""

    recipe: Recipe
    rule: str = ""


def to_image_size(recipe: Recipe, size: int) -> Fitted:
    """For another input size: every length of augmentation and view in proportion."""
    before = recipe.view.crop
    share = size / before
    normalise = recipe.normalise
    if isinstance(normalise, PixelMean) and normalise.side is not None:
        normalise = replace(normalise, side=max(size, round(normalise.side * share)))
    fitted = replace(
        recipe,
        augment=tuple(_scaled(step, share) for step in recipe.augment),
        normalise=normalise,
        view=replace(recipe.view, resize=round(recipe.view.resize * share), crop=size),
    )
    rule = f"image size {before} -> {size}: every length of augment and view times {share:.4g}"
    return Fitted(fitted, rule if fitted != recipe else "")


def _scaled(step: Augmentation, share: float) -> Augmentation:
    match step:
        case ShortSide():
            return replace(step, low=round(step.low * share), high=round(step.high * share))
        case RandomCrop():
            return replace(step, size=round(step.size * share), pad=round(step.pad * share))
        case RandomResizedCrop():
            return replace(step, size=round(step.size * share))
        case SingleCrop():
            return replace(step, resize=round(step.resize * share), crop=round(step.crop * share))
        case _:
            return step


def to_epochs(recipe: Recipe, epochs: int, steps_per_epoch: int) -> Fitted:
    """For another number of epochs: all times of the schedule in proportion, rates and factors as they are."""
    if recipe.iterations is None:
        assert recipe.epochs is not None
        share = epochs / recipe.epochs if recipe.epochs else 1.0
        fitted = in_time(replace(recipe, epochs=epochs), share)
        length = f"{recipe.epochs} -> {counted(epochs, 'epoch')}"
    else:
        iterations = epochs * steps_per_epoch
        share = iterations / recipe.iterations
        fitted = in_time(replace(recipe, iterations=iterations), share)
        length = f"{recipe.iterations:,} -> {iterations:,} iterations ({epochs} epochs)"
    moved = f": the schedule's times times {share:.4g}" if fitted.schedule != recipe.schedule else ""
    return Fitted(fitted, f"length {length}{moved}" if fitted != recipe else "")


def to_iterations(recipe: Recipe, iterations: int, steps_per_epoch: int) -> Fitted:
    """For so few iterations that they are no whole epochs."""
    before = recipe.iterations or (recipe.epochs or 0) * steps_per_epoch
    share = iterations / before
    fitted = in_time(replace(recipe, epochs=None, iterations=iterations), share)
    return Fitted(fitted, f"length {before:,} -> {iterations:,} iterations ({iterations / steps_per_epoch:.2g} epochs)")


def in_time(recipe: Recipe, share: float) -> Recipe:
    """Its schedules, that of the biases too, as those of a run that is ``share`` times as long."""
    optimizer = recipe.optimizer
    if isinstance(optimizer, VelocitySGD) and optimizer.bias_schedule is not None:
        optimizer = replace(optimizer, bias_schedule=stretched(optimizer.bias_schedule, share))
    return replace(recipe, schedule=stretched(recipe.schedule, share), optimizer=optimizer)


def stretched(schedule: Schedule, share: float) -> Schedule:  # noqa: PLR0911 - one case for each kind of schedule
    """The schedule of a run that is ``share`` times as long; shares of the run stay as they are."""
    match schedule:
        case Steps():
            drops = tuple(round(drop * share) for drop in schedule.at)
            return replace(schedule, at=drops, warmup_iterations=round(schedule.warmup_iterations * share))
        case EpochSteps():
            return replace(schedule, at=tuple(epoch * share for epoch in schedule.at))
        case EpochRates():
            return replace(schedule, until=tuple(round(epoch * share) for epoch in schedule.until))
        case Decay():
            return replace(schedule, every=schedule.every * share, warmup=schedule.warmup * share)
        case Inverse():
            return replace(schedule, gamma=schedule.gamma / share)
        case Plateau():
            return replace(schedule, patience=max(1, round(schedule.patience * share)))
        case _:
            return schedule


def to_labels(recipe: Recipe) -> Fitted:
    """For images with any number of labels: one yes or no for each."""
    if isinstance(recipe.loss, BinaryCrossEntropy):
        return Fitted(recipe)
    # ours: smoothing draws every label towards a half, and most of them are there far less often than that
    fitted = replace(recipe, loss=BinaryCrossEntropy(label_smoothing=0.0))
    was = type(recipe.loss).__name__
    return Fitted(fitted, f"loss {was} -> BinaryCrossEntropy: an image has any number of labels, each a yes or no")


def to_data(recipe: Recipe, images: int) -> Fitted:
    """For fewer training images than one batch: a batch is all of them."""
    if recipe.batch_size <= images:
        return Fitted(recipe)
    return Fitted(
        replace(recipe, batch_size=images), f"batch {recipe.batch_size:,} -> {images:,}: there are no more images"
    )


def to_steps(recipe: Recipe, steps: int) -> Fitted:
    """For a run of so few steps that the average would not forget where it started: its span is a fifth of the run."""
    average = recipe.average
    longest = max(1, math.floor(steps * SPAN))
    if average is None or average.rising or average.decay <= 1 - 1 / longest:
        return Fitted(recipe)
    shorter = Average(decay=1 - 1 / longest, rising=average.rising)
    rule = f"average over {1 / (1 - average.decay):,.0f} -> {longest:,} steps: a fifth of the run's {steps:,}"
    return Fitted(replace(recipe, average=shorter), rule)
