"""The practical recipe: ours, where the paper's would take weeks."""

from __future__ import annotations

from lenext.protocol import SingleCrop
from lenext.recipes import (
    AdamW,
    Augmentation,
    Cosine,
    CrossEntropy,
    FixedScale,
    He,
    RandomCrop,
    RandomFlip,
    RandomResizedCrop,
    Recipe,
)

SMALL = 64  # ours: up to so many pixels a random part shows too little, so images are shifted instead


def practical(image_size: int, *, mirror: bool = True) -> Recipe:
    """The recipe for square inputs of ``image_size`` pixels; ``mirror`` is wrong for letters and digits."""
    resize = image_size if image_size <= SMALL else round(image_size * 8 / 7)  # ours: 256 for 224, as the papers test
    moved: tuple[Augmentation, ...]
    if image_size <= SMALL:
        fitted = SingleCrop(resize=image_size, crop=image_size)
        moved = (fitted, RandomCrop(size=image_size, pad=image_size // 8))  # ours: 4 for 32, as for CIFAR
    else:
        moved = (RandomResizedCrop(size=image_size, area=(0.35, 1.0)),)  # ours: less than a third is often background
    return Recipe(
        name="practical",
        epochs=30,  # ours: enough for a thousand images, not too many for a laptop
        batch_size=32,  # ours: small sets need many steps
        optimizer=AdamW(lr=5e-4, weight_decay=0.05),  # ours: trains every network of the line without tuning
        schedule=Cosine(warmup=0.05, final=0.01),  # ours: no drops to place, whatever the number of epochs
        loss=CrossEntropy(label_smoothing=0.1),  # ours: folders hold wrong labels, and small sets are learnt by heart
        init=He(fan="in"),  # ours: networks without batch normalisation start too
        augment=(*moved, RandomFlip()) if mirror else moved,  # ours: photographs have no writing direction
        normalise=FixedScale(mean=0.5, std=0.25),  # ours: no pass over the data, any number of channels
        view=SingleCrop(resize=resize, crop=image_size),  # ours: one view, for speed
    )


def practical_size(short_sides: list[int], largest: int) -> int:
    """An input size for images of these shorter sides: the median up to a multiple of 32, ``largest`` at most."""
    median = sorted(short_sides)[len(short_sides) // 2]
    return max(32, min(largest, -(-median // 32) * 32))
