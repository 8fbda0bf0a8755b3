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
from lenext.recipes.transfer import LOWER, NOTHING
from lenext.training.practical import SMALL

MANY = 2000  # ours: with fewer training images the lower stages keep what a million images taught them

LARGEST = 256  # ours: for weights of larger inputs a larger one still costs more than it gives


def transfer(shown: Preprocessing, *, images: int, mirror: bool = True, steps: bool = True) -> Recipe:
    """The recipe for weights that want images as ``shown``; ``mirror`` is wrong for letters and digits.

    images: how many train; steps: whether any follow the fit of the classifier.
    """
    size, width, method = shown.view.crop, shown.view.width, shown.view.interpolation
    whole = SingleCrop(resize=size, crop=size, width=width, interpolation=method, squash=True)
    moved: tuple[Augmentation, ...]
    if size <= SMALL:
        moved = (whole, RandomCrop(size=size, width=width, pad=size // 8))  # ours: as practical
    else:
        moved = (
            RandomResizedCrop(size=size, width=width, area=(0.35, 1.0), interpolation=method),
        )  # ours: as practical
    return Recipe(
        name="transfer",
        epochs=5,  # ours: the head is good before the first step; a laptop takes minutes for some hundred images
        batch_size=16,  # ours: few images must give enough steps
        optimizer=AdamW(lr=3e-4, weight_decay=0.05, layer_decay=0.75),  # ours: what is near the input changes least
        schedule=Cosine(warmup=0.1, final=0.01),  # ours: as practical
        loss=CrossEntropy(label_smoothing=0.1),  # ours: as practical
        augment=(*moved, RandomFlip()) if mirror else moved,  # ours: as practical
        normalise=FixedChannels(mean=shown.mean, std=shown.std),  # ours: what the weights were trained on
        # ours: a crop cuts off what fills its picture; frozen features: 0.906 against 0.882
        view=whole if steps else seen(whole),
        transfer=Transfer(
            freeze=NOTHING if images >= MANY else LOWER,  # ours: see MANY
            # ours: 0.918 against 0.906 on frozen features, means of eight cross-validations; steps want logits
            classifier="logistic" if steps else "svm",
            strengths=Transfer().strengths if steps else (10.0, 100.0),  # ours: of an SVM's 1 is worse by 0.008
            views=3,  # ours: the plain one, and two that are moved and mirrored
        ),
    )


def seen(whole: SingleCrop) -> SingleCrop:
    """The whole image, larger than what the weights were trained on: random parts, which show things larger."""
    if whole.width is not None or not SMALL < whole.crop <= LARGEST:
        return whole
    side = round(whole.crop * 10 / 7 / 32) * 32  # ours: 320 for 224; 0.925 against 0.918, as above
    return replace(whole, resize=side, crop=side)
