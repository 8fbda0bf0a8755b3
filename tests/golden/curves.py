"""Twenty steps of every recipe of the line on a fixed synthetic set; run as a program it writes them anew."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from lenext.api.run.job import Job, statistics
from lenext.data.augment import Pipeline
from lenext.data.images import ArrayImages
from lenext.data.item import Item
from lenext.data.listing import Listing, part
from lenext.data.loader import Loader
from lenext.evaluation.inference import Compute
from lenext.layers.auxiliary import AuxiliaryNetwork
from lenext.layers.drop_path import DropPath
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.models import FILE_OF, create_model, entry, line, model_file
from lenext.recipes import Recipe
from lenext.training import fitting
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.log import MetricLog
from lenext.training.loop import Keeping, fit
from lenext.training.optim import build_optimizer
from lenext.training.task import Task
from lenext.training.watch import Silent

FOLDER = Path(__file__).parent
STEPS, BATCH, IMAGES, SIDE, CLASSES = 20, 8, 40, 32, 10
# Trained themselves: small and shallow. In a deep network at a paper's rate 20 steps make a last bit, which differs
# from one processor to the next, a first digit; so the other recipes train a slim network, whose losses agree to 1e-3.
WHOLE = ("lenet5:paper", "lenet5:printed", "lenet5:distortions", "lenet5:practical")
HEADER = "step  rate          loss"


def recipes() -> dict[str, tuple[str, Recipe]]:
    """File's stem -> network and recipe: each name of a recipe once, with the cheapest network that has it."""
    cheapest: dict[str, tuple[int, str, str, Recipe]] = {}
    for network, file in FILE_OF.items():
        for variant, recipe in entry(model_file(network).RECIPES, network).items():
            if not recipe.epochs and not recipe.iterations:
                continue  # a fit of features, which takes no step
            found = (line()[network]["macs"], network, f"{network}-{variant}", recipe)
            name = f"{file}/{recipe.name}"
            cheapest[name] = min(cheapest.get(name, found), found, key=lambda one: one[:2])
    return {stem: (network, recipe) for _, network, stem, recipe in cheapest.values()}


def curve(network: str, recipe: Recipe) -> list[tuple[float, float]]:
    """The rate and the loss of each of the first steps: a function of the recipe, the network and the code."""
    recipe = fitted(recipe)
    data = part(listing(), "train")
    torch.manual_seed(0)
    net = create_model(network, num_classes=CLASSES) if recipe.name in WHOLE else slim(recipe)
    if recipe.init is not None:
        initialise(net, recipe.init)
    loader = Loader(data, net.input_size[0])
    job = Job(network, "paper", {}, recipe, (), seed=0, precision="fp32", validation=0.0)
    task = Recorded(
        network=net,
        optimizer=build_optimizer(recipe.optimizer, net),
        recipe=recipe,
        pipeline=Pipeline(recipe.augment, statistics(job, loader), 0),
        training=loader,
        validation=None,
        compute=Compute(torch.device("cpu")),
        classes=CLASSES,
    )
    with tempfile.TemporaryDirectory() as folder:
        log = MetricLog(Path(folder, "metrics.jsonl"), 0)
        Path(folder, "checkpoints").mkdir()
        fit(task, Progress(), Keeping(Checkpoints(Path(folder, "checkpoints")), log, 600.0), Silent())
        log.close()
    return task.rows[:STEPS]


def fitted(recipe: Recipe) -> Recipe:
    """The recipe for the few and small images, by the rules of ``lenext train``."""
    recipe = fitting.to_image_size(recipe, SIDE).recipe
    recipe = replace(recipe, batch_size=min(recipe.batch_size, BATCH))
    batches = IMAGES // recipe.batch_size
    recipe = fitting.to_epochs(recipe, -(-STEPS // batches), batches).recipe
    return replace(fitting.to_steps(recipe, STEPS).recipe, inherit=None)


@dataclass(frozen=True)
class Recorded(Task):
    """A task that notes the rate and the loss of every step."""

    rows: list[tuple[float, float]] = field(default_factory=list)

    @property
    def gradients(self):
        computed = super().gradients

        def gradients(*batch: Tensor) -> tuple[Tensor, Tensor]:
            loss, hits = computed(*batch)
            group = self.optimizer.param_groups[0]
            self.rows.append((group["lr"] / group["scale"], float(loss)))
            return loss, hits

        return gradients


def listing() -> Listing:
    """Smooth colour patterns, one a class, 40 x 48 pixels, with a little noise."""
    draws = np.random.Generator(np.random.Philox(7))
    rows, columns = np.mgrid[0:40, 0:48] / 48
    pixels = np.empty((IMAGES, 40, 48, 3), np.uint8)
    for number in range(IMAGES):
        waves = [np.sin(2 * np.pi * ((1 + number % CLASSES) * rows + channel * columns) / 2) for channel in range(3)]
        noise = draws.integers(-20, 21, (40, 48, 3))
        pixels[number] = (128 + 80 * np.stack(waves, -1) + noise).round().clip(0, 255)
    items = tuple(Item(f"{number}", "abcdefghij"[number % CLASSES], "train") for number in range(IMAGES))
    return Listing("waves", Path(), "built-in", tuple("abcdefghij"), items, ArrayImages(pixels, "waves"))


class Branch(nn.Module):
    """A residual branch with a depthwise convolution, which training leaves out now and then."""

    def __init__(self, width: int, rate: float) -> None:
        super().__init__()
        self.conv3, self.norm = nn.Conv2d(width, width, 3, padding=1, groups=width), nn.LayerNorm((width, 8, 8))
        self.drop = DropPath(rate)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.drop(self.norm(self.conv3(x)))
        return y


def slim(recipe: Recipe) -> Network:
    """A network of every kind of layer that a recipe speaks of, small enough for a test."""
    side = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, CLASSES))
    return AuxiliaryNetwork(
        input_size=(3, SIDE, SIDE),
        stem=nn.Sequential(
            OrderedDict(conv1=nn.Conv2d(3, 8, 4, 2, 1, bias=False), bn1=nn.BatchNorm2d(8), relu1=nn.ReLU())
        ),
        stages={
            "one": nn.Sequential(OrderedDict(conv2=nn.Conv2d(8, 16, 2, 2), relu2=nn.ReLU())),
            "two": Branch(16, recipe.drop_path or 0.0),
        },
        head={
            "pool": nn.AdaptiveAvgPool2d(2), "flatten": nn.Flatten(), "fc6": nn.Linear(64, 32), "relu6": nn.ReLU(),
            "drop6": nn.Dropout(0.5 if recipe.dropout is None else recipe.dropout), "fc8": nn.Linear(32, CLASSES),
        },
        auxiliary={"one": side} if recipe.auxiliary else {},
    )  # fmt: skip


def text(network: str, recipe: Recipe, rows: list[tuple[float, float]]) -> str:
    """A curve as its file holds it: loss to six digits."""
    what = network if recipe.name in WHOLE else f"a slim network in place of {network}"
    head = f"{recipe.name}: {what}, {IMAGES} images of {SIDE} pixels, batches of {fitted(recipe).batch_size}"
    lines = [f"{step:4}  {rate:<12.6g}  {loss:.6g}" for step, (rate, loss) in enumerate(rows, 1)]
    return "\n".join([head, HEADER, *lines, ""])


def rewritten() -> Iterator[str]:
    """Write every curve, and remove those of recipes that are no more."""
    torch.set_num_threads(1)
    found = recipes()
    for path in FOLDER.glob("*.txt"):
        if path.stem not in found:
            path.unlink()
    for stem, (network, recipe) in found.items():
        path = FOLDER / f"{stem}.txt"
        path.write_text(text(network, recipe, curve(network, recipe)), encoding="utf-8")
        yield path.name


if __name__ == "__main__":
    for name in rewritten():
        print(name)  # noqa: T201
