"""A step of training with its input, against the loops that torchvision and timm document; images a second.

``make bench-training``. LeNet-5 on MNIST (batch 128), ResNet-20 on pictures of CIFAR's size (128), ResNet-50 on JPEG
files of 500x375 pixels (32). Each side in a process of its own, in turns. On one thread the CPU time of all its threads
counts, on more the clock, in samples that others did not disturb. Ours twice: step by step as by default, and compiled
as ``--compile auto`` does where a run is long enough.

torchvision: the loop of references/classification/train.py (cross-entropy, SGD with momentum, a DataLoader of PIL
images and transforms v2, a metric logger that asks for the loss at every step). timm: its create_transform, a
DataLoader and its optimizer ``sgd`` as train.py sets them up on a CPU. Both in fp32 and without workers, for one
process's time is measured; both train our network of that name where they have none of their own.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from result import RESULTS, command, head, write
from torch import nn
from torch.utils.data import DataLoader, Dataset

from lenext.benchmark.timing import Sample, in_turns, ratios, sample
from lenext.benchmark.worker import Worker
from lenext.data.augment import Pipeline
from lenext.data.decoded import DecodedImages
from lenext.data.enough import enough
from lenext.data.images import ArrayImages, FileImages
from lenext.data.listing import Part, find, part
from lenext.data.loader import Loader
from lenext.data.statistics import Statistics
from lenext.evaluation.inference import Compute
from lenext.models import create_model
from lenext.protocol import SingleCrop
from lenext.recipes import SGD, Cosine, FixedScale, RandomCrop, RandomFlip, RandomResizedCrop, Recipe
from lenext.training.optim import build_optimizer
from lenext.training.task import Task
from lenext.training.totals import Totals
from lenext.weights.adapters.operators import library

OURS = ("lenext", "lenext, compiled")  # step by step as by default, and as with ``--compile on``
RIVALS = ("torchvision", "timm")
RATE = SGD(lr=0.01, momentum=0.9, weight_decay=1e-4)
# Network, batch, augmentation, test view, mean and deviation of a pixel.
WORK: dict[str, tuple] = {
    "lenet5": (128, (SingleCrop(resize=28, crop=32),), SingleCrop(resize=28, crop=32), 0.1307, 0.3081),
    "resnet20_cifar": (128, (RandomCrop(size=32, pad=4), RandomFlip()), SingleCrop(resize=32, crop=32), 0.5, 0.25),
    "resnet50": (32, (RandomResizedCrop(size=224), RandomFlip()), SingleCrop(resize=256, crop=224), 0.45, 0.225),
}
STEPS = {"lenet5": 40, "resnet20_cifar": 5, "resnet50": 1}  # of one sample


def pictures(name: str, data_root: str | None, folder: Path) -> Part:
    """The training images of a network: MNIST; noise of CIFAR's size; JPEG files of blurred noise."""
    if name == "lenet5":
        return part(find("mnist", data_root=data_root), "train")
    numbers = np.random.default_rng(0)
    if name == "resnet20_cifar":
        images: Any = ArrayImages(numbers.integers(0, 256, (5000, 32, 32, 3), dtype=np.uint8), "noise")
        labels = numbers.integers(0, 10, 5000)
    else:
        names = []
        for index in range(64):
            coarse = Image.fromarray(numbers.integers(0, 256, (60, 80, 3), dtype=np.uint8))
            names.append(str(folder / f"{index:03d}.jpg"))
            if not Path(names[-1]).exists():
                coarse.resize((500, 375), Image.Resampling.BICUBIC).save(names[-1], quality=90, subsampling=2)
        images, labels = FileImages(Path("/"), tuple(names)), numbers.integers(0, 1000, 64)
    rows = np.arange(len(labels))
    return Part(images, rows, labels.astype(np.int64), tuple(map(str, rows)))


def network(name: str) -> nn.Module:
    return create_model(name, reading="v1.5" if name == "resnet50" else "paper")


def endless(loop: Callable[[], Iterator[None]]) -> Callable[[], None]:
    """A call is a step of a loop that begins again after each epoch."""
    steps: Iterator[None] = iter(())

    def step() -> None:
        nonlocal steps
        if next(steps, "over") == "over":
            steps = loop()
            next(steps)

    return step


def ours(
    name: str, images: Part, seed: int = 0, losses: list[torch.Tensor] | None = None, *, compiled: bool = False
) -> Callable[[], None]:
    """A step of ``lenext train`` with its input; losses: takes in that of every step."""
    batch, augment, view, mean, std = WORK[name]
    compute, model = Compute.choose("cpu", "auto"), network(name)
    compute.place(model)
    channels = model.input_size[0]
    if isinstance(images.images, FileImages):
        read = DecodedImages(images.images, enough(augment, view), channels)
        images = Part(read, images.indices, images.labels, images.names)
    recipe = Recipe(name="speed", epochs=1, batch_size=batch, optimizer=RATE, schedule=Cosine(),
                    augment=augment, normalise=FixedScale(mean=mean, std=std), view=view)  # fmt: skip
    pipeline = Pipeline(augment, Statistics((mean,) * channels, (std,) * channels), seed)
    optimizer, loader = build_optimizer(RATE, model), Loader(images, channels)
    task = Task(model, optimizer, recipe, pipeline, loader, None, compute, 10, compiled=compiled)
    totals = Totals((0.0, 0.0, 0.0))
    task.train()

    def loop() -> Iterator[None]:
        order = task.order(0)
        for number, (pixels, labels) in enumerate(images_of(task, order)):
            loss, hits = task.learn((pixels, labels), (number, 0, task.cuts[number]), RATE.lr)
            totals.add(loss, hits, len(labels))
            if losses is not None:
                losses.append(loss)
            yield None

    return endless(loop)


def images_of(task: Task, order: np.ndarray) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    return task.training.training(task.pipeline, 0, order, task.cuts)


class Documented(Dataset):
    """Images as datasets.MNIST, CIFAR10 and ImageFolder give them: a PIL image through a transform."""

    def __init__(self, images: Part, transform: Callable[[Image.Image], torch.Tensor]) -> None:
        self.images, self.transform = images, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        source = self.images.images
        if isinstance(source, ArrayImages):
            picture = Image.fromarray(source.array[index])
        else:
            with Image.open(source.path(index)) as file:
                picture = file.convert("RGB")
        return self.transform(picture), int(self.images.labels[index])


def by_torchvision(name: str, images: Part, losses: list[float] | None = None) -> Callable[[], None]:
    v2: Any = library("torchvision.transforms.v2")
    batch, _, _, mean, std = WORK[name]
    channels = 1 if name == "lenet5" else 3
    finish = [
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((mean,) * channels, (std,) * channels),
    ]
    begin = {"lenet5": [v2.Pad(2)], "resnet20_cifar": [v2.RandomCrop(32, padding=4), v2.RandomHorizontalFlip()],
             "resnet50": [v2.RandomResizedCrop(224, antialias=True), v2.RandomHorizontalFlip()]}[name]  # fmt: skip
    model = library("torchvision.models").resnet50(weights=None) if name == "resnet50" else network(name)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
    return rival_loop(model, optimizer, Documented(images, v2.Compose([*begin, *finish])), batch, losses)


def by_timm(name: str, images: Part) -> Callable[[], None]:
    timm: Any = library("timm")
    data, optim = library("timm.data"), library("timm.optim")
    batch, _, _, mean, std = WORK[name]
    size, channels = (224, 3) if name == "resnet50" else (32, 1 if name == "lenet5" else 3)
    transform = data.create_transform(
        (channels, size, size), is_training=True, color_jitter=None, mean=(mean,) * channels, std=(std,) * channels,
        interpolation="bilinear", hflip=0.0 if name == "lenet5" else 0.5,
    )  # fmt: skip
    model = timm.create_model("resnet50") if name == "resnet50" else network(name)
    optimizer = optim.create_optimizer_v2(model, opt="sgd", lr=0.01, momentum=0.9, weight_decay=2e-5)
    return rival_loop(model, optimizer, Documented(images, transform), batch)


def rival_loop(
    model: nn.Module, optimizer: torch.optim.Optimizer, images: Dataset, batch: int, losses: list[float] | None = None
) -> Callable[[], None]:
    """Loss, backward, step, and a look at the loss, as both write it."""
    loader = DataLoader(images, batch_size=batch, shuffle=True, drop_last=True)
    criterion = nn.CrossEntropyLoss()
    model.train()

    def loop() -> Iterator[None]:
        for image, target in loader:
            output = model(image)
            loss = criterion(output, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            value = loss.item()
            if losses is not None:
                losses.append(value)
            yield None

    return endless(loop)


def worker(side: str, told: list[str]) -> Worker:
    """The process of a side; each of ours has lenext's memory."""
    if side in OURS:
        return Worker(OURS[0], (*told, *(["--compiled"] if side != OURS[0] else []), "--serve"))
    return Worker(side, (*told, "--serve"))


def serve(side: str, threads: int, data_root: str | None, folder: Path, *, compiled: bool) -> None:
    """One side: ``{"work": name}`` sets up, ``{"sample": name}`` takes a sample."""
    torch.set_num_threads(threads)
    make = {"lenext": partial(ours, compiled=compiled), "torchvision": by_torchvision, "timm": by_timm}[side]
    step: Callable[[], None] | None = None
    for line in sys.stdin:
        order = json.loads(line)
        if "work" in order:
            step = make(order["work"], pictures(order["work"], data_root, folder))
            step()
            step()
            answer = {}
        else:
            answer = asdict(sample(step, STEPS[order["sample"]], by_clock=threads > 1))
        print(json.dumps(answer), flush=True)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--work", nargs="+", choices=WORK, default=list(WORK))
    words.add_argument("--against", nargs="+", choices=RIVALS, default=list(RIVALS))
    words.add_argument("--threads", type=int, default=torch.get_num_threads())
    words.add_argument("--rounds", type=int, default=7)
    words.add_argument("--data-root", help="where MNIST's files lie")
    words.add_argument("--serve", choices=(OURS[0], *RIVALS), help=argparse.SUPPRESS)
    words.add_argument("--compiled", action="store_true", help=argparse.SUPPRESS)
    words.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = words.parse_args()
    if asked.serve:
        serve(asked.serve, asked.threads, asked.data_root, asked.folder, compiled=asked.compiled)
        return
    rows, found = [], []
    with tempfile.TemporaryDirectory() as folder:
        told = [__file__, "--threads", str(asked.threads), "--folder", folder]
        told += ["--data-root", asked.data_root] if asked.data_root else []
        sides = [*OURS, *asked.against]
        for name in asked.work:
            workers = {side: worker(side, told) for side in sides}
            try:
                for one in workers.values():
                    one.ask({"work": name})
                samplers = {side: lambda w=w, n=name: Sample(**w.ask({"sample": n})) for side, w in workers.items()}
                timings = in_turns(samplers, rounds=asked.rounds, by_clock=asked.threads > 1)
            finally:
                for one in workers.values():
                    one.__exit__(None, None, None)
            batch = WORK[name][0]
            for side, timing in timings.items():
                row = {"work": name, "by": side, "batch": batch, "milliseconds_a_step": round(1e3 * timing.median, 3),
                       "images_per_second": round(batch / timing.median, 1), "quiet": timing.quiet,
                       "samples": len(timing.samples), "disturbed": timing.disturbed}  # fmt: skip
                rows.append(row)
                print(json.dumps(row), flush=True)
                for mine in OURS if side not in OURS else ():
                    value, low, high = (round(figure, 3) for figure in ratios(timing, timings[mine]))
                    called = name + mine.removeprefix(OURS[0])
                    found.append({"name": called, "against": side, "value": value, "low": low, "high": high})
    precision = Compute.choose("cpu", "auto").precision
    document = {
        **head(
            "training with its input, images a second",
            command(),
            f"{asked.threads} threads",
            {side: library(side).__version__ for side in asked.against},
        ),
        "precision": precision,
        "measurements": rows,
        "ratios": found,
    }
    path = RESULTS / f"training-speed-{precision}_{platform.machine()}-{asked.threads}-threads.json"
    write(path, document)
    for one in found:
        print(f"{one['name']}: {one['value']:.2f}x of {one['against']} ({one['low']:.2f} to {one['high']:.2f})")


if __name__ == "__main__":
    main()
