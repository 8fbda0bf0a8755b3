"""Asynchronous SGD on digits, a small network of convolutions: what staleness costs. A study; no two runs are alike.

``python benchmarks/asynchronous.py --workers 1 2 4`` writes ``results/asynchronous_MACHINE.json``; ``--out`` elsewhere.
"""

import argparse
import platform
import time
from pathlib import Path

import torch
from result import RESULTS, head, write
from torch import nn

from lenext.api.data import ready
from lenext.data.augment import Pipeline
from lenext.data.item import TEST, TRAIN
from lenext.data.listing import part
from lenext.data.loader import Loader
from lenext.data.statistics import Statistics
from lenext.evaluation.inference import Compute
from lenext.recipes import SGD, Constant, FixedScale, Recipe, SingleCrop
from lenext.training.asynchronous import fit_asynchronously
from lenext.training.optim import build_optimizer
from lenext.training.task import Task
from lenext.training.watch import Silent

RATE, BATCH, SHARDS = 0.02, 32, 4


def digits(epochs: int) -> Task:
    """The task: a network without running statistics, and images of 8 pixels."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 16, 10),
    )  # fmt: skip
    data = ready("digits", data_root=None, workers=0, on_bad="skip", watcher=Silent())
    recipe = Recipe(
        name="asynchronous",
        epochs=epochs,
        batch_size=BATCH,
        optimizer=SGD(lr=RATE, momentum=0.9),
        schedule=Constant(),
        augment=(),
        normalise=FixedScale(mean=0.5, std=0.25),
        view=SingleCrop(resize=8, crop=8),
    )
    return Task(
        network=network,
        optimizer=build_optimizer(recipe.optimizer, network),
        recipe=recipe,
        pipeline=Pipeline((), Statistics((0.5,), (0.25,)), 0),
        training=Loader(part(data, TRAIN), 1),
        validation=Loader(part(data, TEST), 1),
        compute=Compute(torch.device("cpu")),
        classes=10,
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    asked.add_argument("--epochs", type=int, default=5)
    asked.add_argument("--out", type=Path)
    given = asked.parse_args()
    torch.set_num_threads(1)
    runs = []
    for workers in given.workers:
        rows: list[dict[str, float]] = []
        began = time.monotonic()
        fit_asynchronously(digits(given.epochs), RATE, workers, SHARDS, rows.append)
        runs.append({"workers": workers, "seconds": round(time.monotonic() - began, 2), "epochs": rows})
        print(f"{workers} workers: {rows[-1]}")
    workers = " ".join(map(str, given.workers))
    command = f"python benchmarks/asynchronous.py --workers {workers} --epochs {given.epochs}"
    document = {
        **head("asynchronous SGD on digits", command, "1 thread a worker"),
        "rate": RATE,
        "batch": BATCH,
        "shards": SHARDS,
        "measurements": runs,
    }
    write(given.out or RESULTS / f"asynchronous_{platform.machine()}.json", document)


if __name__ == "__main__":
    main()
