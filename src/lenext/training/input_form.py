"""A recipe fitted to inputs of another form than its paper's: no square, the whole image, other channels than RGB."""

from __future__ import annotations

from dataclasses import replace

from lenext.errors import UsageError
from lenext.recipes import (
    Augmentation,
    AutoAugment,
    ChannelMean,
    ColourJitter,
    FixedChannels,
    PCAColour,
    PixelMean,
    RandAugment,
    RandomCrop,
    RandomResizedCrop,
    Recipe,
    ShortSide,
    SingleCrop,
    TensorFlowColour,
)
from lenext.training.fitting import Fitted, to_image_size

CROP, SQUASH, LETTERBOX = FITS = ("crop", "squash", "letterbox")
# Defined on RGB, all but the first on grey too.
COLOUR_STEPS = (PCAColour, ColourJitter, TensorFlowColour, AutoAugment, RandAugment)

Size = int | tuple[int, ...]


def to_size(recipe: Recipe, size: Size) -> Fitted:
    """For inputs of another size: one number is the side of a square, two are height and width.

    Lengths go with the height; rectangles take the place of squares in augmentation and view. A mean image, which is a
    square, becomes the mean of each channel.
    """
    height, width = (size, size) if isinstance(size, int) else size
    before = recipe.view.shape
    if height == width:
        return to_image_size(recipe, height)
    recipe = to_image_size(recipe, height).recipe
    fitted = replace(
        recipe,
        augment=tuple(_widened(step, width / height) for step in recipe.augment),
        view=replace(recipe.view, width=width),
    )
    rule = f"image size {by(before)} -> {by((height, width))}: rectangles of this aspect in augment and view"
    if isinstance(recipe.normalise, PixelMean):
        fitted = replace(fitted, normalise=ChannelMean(unit_variance=False))
        rule += "; the mean of each channel in place of a mean image, which is a square"
    return Fitted(fitted, rule)


def _widened(step: Augmentation, aspect: float) -> Augmentation:
    match step:
        case ShortSide():
            return replace(step, aspect=aspect)
        case RandomCrop() | RandomResizedCrop():
            return replace(step, width=max(1, round(step.size * aspect)))
        case SingleCrop():
            return replace(step, width=max(1, round(step.crop * aspect)))
        case _:
            return step


def by(shape: tuple[int, int]) -> str:
    """Height and width as one writes them; one number for a square."""
    return f"{shape[0]}x{shape[1]}" if shape[0] != shape[1] else f"{shape[0]}"


def to_fit(recipe: Recipe, fit: str) -> Fitted:
    """With the whole image in the view, squashed or letterboxed; or its middle alone, cropped.

    In training the whole image is fitted so first, at the size that the view's images are scaled to, and what the
    recipe then does begins with that.
    """
    view = recipe.view
    augment: tuple[Augmentation, ...] = tuple(
        _fitted(step, fit) if isinstance(step, SingleCrop) else step for step in recipe.augment
    )
    if fit != CROP and not any(isinstance(step, SingleCrop) for step in augment):
        tall, wide = view.scaled
        first = replace(view, crop=tall, width=wide if view.width else None)
        augment = (_fitted(first, fit), *augment)
    fitted = replace(recipe, augment=augment, view=_fitted(view, fit))
    if fit == CROP:
        return Fitted(fitted, "fit: the middle of the image is cut out" if fitted != recipe else "")
    done = "squashed" if fit == SQUASH else "letterboxed"
    rule = f"fit: the whole image is {done} to {by(fitted.view.shape)} in view, and first of all in augment"
    return Fitted(fitted, rule if fitted != recipe else "")


def _fitted(view: SingleCrop, fit: str) -> SingleCrop:
    """The view of the whole image; where it was scaled to more than its size, to its size."""
    resize = view.resize if fit == CROP else min(view.resize, view.crop)
    return replace(
        view,
        resize=resize,
        crop_first=view.crop_first and fit == CROP,
        squash=fit == SQUASH,
        letterbox=fit == LETTERBOX,
    )


def to_channels(recipe: Recipe, channels: int) -> Fitted:
    """For images of other than three channels: constants for as many, and no step that changes colours.

    Grey images keep the steps that are defined on grey.
    """
    rules = []
    normalise = recipe.normalise
    if isinstance(normalise, FixedChannels) and len(normalise.mean) != channels:
        mean, std = (sum(constants) / len(constants) for constants in (normalise.mean, normalise.std))
        recipe = replace(recipe, normalise=FixedChannels(mean=(mean,) * channels, std=(std,) * channels))
        rules.append(f"normalise: in each of the {channels} channels the mean of the recipe's constants")
    kept = tuple(step for step in recipe.augment if not needs_colour(step, channels))
    if kept != recipe.augment:
        left = [type(step).__name__ for step in recipe.augment if step not in kept]
        recipe = replace(recipe, augment=kept)
        rules.append(f"{', '.join(left)} left out of augment: not defined on {channels} channels")
    return Fitted(recipe, "; ".join(rules))


def needs_colour(step: Augmentation, channels: int) -> bool:
    """Whether the step is not defined on so many channels."""
    defined = {3} if isinstance(step, PCAColour) else {1, 3}
    return isinstance(step, COLOUR_STEPS) and channels not in defined


def check_channels(recipe: Recipe, channels: int) -> None:
    """Refuse a recipe whose settings ask for colours where there are none. Raises ``UsageError``."""
    for step in recipe.augment:
        if needs_colour(step, channels):
            raise UsageError(
                f"{type(step).__name__} is not defined on {channels} channels.",
                "Take it out of the recipe with --set augment=..., or train with --channels 3.",
            )


def check_form(size: object, fit: str | None) -> None:
    """Refuse a size or fit that no input has. Raises ``UsageError``."""
    sides = size if isinstance(size, tuple | list) else (size, size)
    good = len(sides) == 2 and all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in sides)
    if size is not None and not good:
        raise UsageError(
            f"--image-size is {size!r}.", "Give whole numbers above zero: 224, or 96x160 for height x width."
        )
    if fit is not None and fit not in FITS:
        raise UsageError(f"There is no fit {fit!r}.", f"Give one of {', '.join(FITS)}.")


def to_form(recipe: Recipe, size: Size | None, fit: str | None, channels: int) -> tuple[Recipe, list[str]]:
    """The recipe for inputs of this form, where None leaves it as it is, and the rules by which it was changed."""
    rules = []
    if size is not None:
        recipe, rule = to_size(recipe, size)
        rules.append(rule)
    if fit is not None:
        recipe, rule = to_fit(recipe, fit)
        rules.append(rule)
    recipe, rule = to_channels(recipe, channels)
    return recipe, [rule for rule in (*rules, rule) if rule]
