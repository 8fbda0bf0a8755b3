"""The practical recipe for a run that starts from trained weights: their input is kept, the rest is ours."""

from __future__ import annotations

from dataclasses import replace

from lenext.protocol import Preprocessing, SingleCrop
from lenext.recipes import (
    AdamW,
    Augmentation,
    Cosine,
    CrossEntropy,
    FixedChannels,
    RandomCrop,
    RandomFlip,
    RandomResizedCrop,
    Recipe,
    Transfer,
)
from lenext.recipes.transfer import DISCRIMINANT, EVERYTHING, LOWER, NOTHING
from lenext.training.practical import SMALL

MANY = 2000  # ours: with fewer training images the lower stages keep what a million images taught them
FEW = 500  # ours: with fewer, steps after the fit of the classifier do harm: 0.891 against 0.908 on 190 images
LARGEST = 256  # ours: for weights of larger inputs a larger one still costs more than it gives
SCALES = (1.0, 0.667, 0.5, 0.417)  # ours: 384, 256, 192 and 160 pixels, from half to twice what the weights have seen


def transfer(
    shown: Preprocessing, *, images: int, mirror: bool = True, steps: bool = True, any_size: bool = True
) -> Recipe:
    """The recipe for weights that want images as ``shown``; ``mirror`` is wrong for letters and digits.

    images: how many train; steps: whether any follow the fit of the classifier; any_size: of images is seen.
    """
    size, width, method = shown.view.crop, shown.view.width, shown.view.interpolation
    whole = SingleCrop(resize=size, crop=size, width=width, interpolation=method, squash=True)
    moved: tuple[Augmentation, ...]
    if size <= SMALL:
        moved = (whole, RandomCrop(size=size, width=width, pad=size // 8))  # ours: as practical
    else:
        part = RandomResizedCrop(size=size, width=width, area=(0.35, 1.0), interpolation=method)  # ours: as practical
        moved = (part,)
    several = any_size and mirror and width is None and SMALL < size <= LARGEST
    return Recipe(
        name="transfer",
        epochs=5 if steps else 0,  # ours: the head is good before the first step; a laptop takes minutes
        batch_size=16,  # ours: few images must give enough steps
        optimizer=AdamW(lr=3e-4, weight_decay=0.05, layer_decay=0.75),  # ours: what is near the input changes least
        schedule=Cosine(warmup=0.1, final=0.01),  # ours: as practical
        loss=CrossEntropy(label_smoothing=0.1),  # ours: as practical
        augment=(*moved, RandomFlip()) if mirror else moved,  # ours: as practical
        normalise=FixedChannels(mean=shown.mean, std=shown.std),  # ours: what the weights were trained on
        # ours: a crop cuts off what fills its picture; frozen features: 0.906 against 0.882
        view=enlarged(whole) if several and not steps else whole,
        transfer=before_steps(images) if steps else alone(several=several),
    )


def before_steps(images: int) -> Transfer:
    """A head from which steps go on, which want its logits."""
    return Transfer(freeze=NOTHING if images >= MANY else LOWER, views=3)  # ours: the plain view, two moved ones


def alone(*, several: bool) -> Transfer:
    """A head that stays as it is fitted, on several scales or on one."""
    return Transfer(
        freeze=EVERYTHING,
        classifier=DISCRIMINANT,  # ours: 0.930 against 0.922 of a linear support vector machine, ten divisions each
        strengths=(0.4,),  # ours: as good from 0.2 to 0.5; so few images cannot choose
        scales=SCALES if several else (),  # ours: 0.930 against 0.917 of one
    )


def enlarged(whole: SingleCrop) -> SingleCrop:
    """The largest scale: larger than the weights' own, for random parts showed them things larger."""
    side = round(whole.crop * 12 / 7 / 32) * 32  # ours: 384 for 224
    return replace(whole, resize=side, crop=side)
