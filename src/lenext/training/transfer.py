"""The practical recipe for a run that starts from trained weights: their input is kept, the rest is ours."""

from __future__ import annotations

from lenext.protocol import Preprocessing
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
from lenext.training.practical import SMALL


def transfer(shown: Preprocessing, *, mirror: bool = True) -> Recipe:
    """The recipe for weights that want images as ``shown``; ``mirror`` is wrong for letters and digits."""
    view = shown.view
    moved: tuple[Augmentation, ...]
    if view.crop <= SMALL:
        moved = (view, RandomCrop(size=view.crop, pad=view.crop // 8))  # ours: as practical
    else:
        moved = (RandomResizedCrop(size=view.crop, area=(0.35, 1.0), interpolation=view.interpolation),)  # ours: as practical
    return Recipe(
        name="transfer",
        epochs=10,  # ours
        batch_size=32,  # ours: as practical
        optimizer=AdamW(lr=2e-4, weight_decay=0.05, layer_decay=0.75),  # ours
        schedule=Cosine(warmup=0.1, final=0.01),  # ours
        loss=CrossEntropy(label_smoothing=0.1),  # ours: as practical
        augment=(*moved, RandomFlip()) if mirror else moved,  # ours: as practical
        normalise=FixedChannels(mean=shown.mean, std=shown.std),  # ours: what the weights were trained on
        view=view,  # ours: what the weights were trained on
        transfer=Transfer(views=4),  # ours
    )
