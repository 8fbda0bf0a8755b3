"""A small network with all that is random or remembered, a recipe with every value at once, and images for both."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lenext.data.augment import Pipeline
from lenext.data.images import ArrayImages
from lenext.data.item import Item
from lenext.data.listing import Listing, part
from lenext.data.loader import Loader
from lenext.data.statistics import Statistics
from lenext.evaluation.inference import Compute
from lenext.layers.auxiliary import AuxiliaryNetwork
from lenext.layers.drop_path import DropPath
from lenext.recipes import (
    SGD,
    Average,
    Cosine,
    CrossEntropy,
    FixedScale,
    Mixing,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    Recipe,
    SingleCrop,
)
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.log import MetricLog
from lenext.training.loop import Keeping, fit
from lenext.training.optim import build_optimizer
from lenext.training.task import Task
from lenext.training.watch import Silent

SIDE, IMAGES = 8, 40

EVERYTHING = Recipe(
    name="everything",
    epochs=4,
    batch_size=8,
    optimizer=SGD(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3, spared=("vectors",)),
    schedule=Cosine(warmup=0.1, final=0.01),
    augment=(RandomCrop(size=SIDE, pad=2), RandomFlip(), RandomErasing(p=0.5)),
    normalise=FixedScale(mean=0.5, std=0.25),
    view=SingleCrop(resize=SIDE, crop=SIDE),
    loss=CrossEntropy(label_smoothing=0.1),
    auxiliary=0.3,
    mixing=Mixing(mixup=0.8, cutmix=1.0),
    average=Average(decay=0.9, rising=True),
    clip=1.0,
    exact_statistics=24,
)

# The same without anything that a pass of its own or the order of draws could change.
PLAIN = replace(EVERYTHING, auxiliary=0.0, average=None, clip=None, mixing=None, loss=CrossEntropy())


class Branch(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.drop = nn.Conv2d(4, 4, 3, padding=1), DropPath(0.3)

    def forward(self, x):
        return x + self.drop(self.conv(x))


def network(seed=0, *, noisy=True):
    torch.manual_seed(seed)
    norm = nn.BatchNorm2d(4) if noisy else nn.Identity()
    return AuxiliaryNetwork(
        input_size=(1, SIDE, SIDE),
        stem=nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), norm, nn.ReLU()),
        stages={"one": Branch() if noisy else nn.Conv2d(4, 4, 3), "two": nn.Conv2d(4, 6, 3)},
        head={"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "drop": nn.Dropout(0.2 if noisy else 0),
              "fc": nn.Linear(6, 3)},
        auxiliary={"one": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))},
    )  # fmt: skip


def listing():
    """Three classes of noise about a level of grey each; a quarter of the images validates."""
    labels = np.arange(IMAGES) % 3
    noise = np.random.default_rng(0).integers(-40, 41, (IMAGES, SIDE, SIDE))
    pixels = (60 + 60 * labels[:, None, None] + noise).astype(np.uint8)
    items = tuple(Item(f"{n:02}", "abc"[n % 3], "val" if n % 4 == 3 else "train") for n in range(IMAGES))
    return Listing("toy", Path(), "built-in", tuple("abc"), items, ArrayImages(pixels, "toy"))


@dataclass(frozen=True)
class Dying(Loader):
    """A loader whose process is killed before batch ``dies`` of every sitting."""

    dies: int = 10**9

    def training(self, pipeline, epoch, order, cuts):
        for number, batch in enumerate(super().training(pipeline, epoch, order, cuts)):
            if number == self.dies:
                raise KeyboardInterrupt
            yield batch


def task(recipe=EVERYTHING, *, net=None, workers=0, dies=10**9, micro_batch=3, seed=5):
    data, net = listing(), net or network()
    return Task(
        network=net,
        optimizer=build_optimizer(recipe.optimizer, net),
        recipe=recipe,
        pipeline=Pipeline(recipe.augment, Statistics((0.5,), (0.25,)), seed),
        training=Dying(part(data, "train"), 1, workers=workers, dies=dies),
        validation=Loader(part(data, "val"), 1),
        compute=Compute(torch.device("cpu")),
        classes=3,
        micro_batch=micro_batch,
    )


def sit(folder, job, every=600.0):
    """One sitting of a run in ``folder``, from its newest checkpoint; returns where it stands."""
    checkpoints = Checkpoints(folder / "checkpoints")
    checkpoints.folder.mkdir(parents=True, exist_ok=True)
    found, _ = checkpoints.restore_newest(job.network, job.optimizer, job.average.kept)
    progress = found or Progress()
    log = MetricLog(folder / "metrics.jsonl", progress.log_bytes)
    try:
        fit(job, progress, Keeping(checkpoints, log, every), Silent())
    finally:
        log.close()
    return progress
