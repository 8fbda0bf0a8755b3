"""Runs to be disturbed: their command lines, their data, and what of them must be equal to the bit."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import safetensors.numpy
from PIL import Image

from lenext.training.watch import Silent
from lenext.weights.durable import read_folder

JOURNAL = Path(__file__).parent / "journal.py"
MIXED = 'mixing={"kind": "Mixing", "mixup": 1, "cutmix": 1}'
AVERAGED = 'average={"kind": "Average", "decay": 0.9, "rising": true}'
COSINE = 'schedule={"kind": "Cosine", "warmup": 0.1}'

# Between them crops, flips, mixing, dropout, stochastic depth, batch normalisation, averages, passes, cosine.
RECIPES = {
    "resnet": ("--model", "resnet20_cifar", "--epochs", "3", "--batch-size", "8", "--micro-batch", "5",
               "--set", MIXED, "--set", AVERAGED, "--set", "clip=1", "--set", "exact_statistics=40"),
    "lenet": ("--model", "lenet5", "--epochs", "12", "--batch-size", "6", "--set", COSINE, "--set", AVERAGED),
    "efficientnet": ("--model", "efficientnet_b0", "--image-size", "32", "--epochs", "2", "--batch-size", "10",
                     "--set", COSINE, "--set", "drop_path=0.3"),
    "densenet": ("--model", "densenet40_k12_cifar", "--option", "dropout=0.2", "--epochs", "2", "--batch-size", "12",
                 "--micro-batch", "7", "--set", COSINE),
    "balanced": ("--model", "plain20_cifar", "--epochs", "3", "--batch-size", "8", "--balance", "sampling",
                 "--patience", "5", "--set", AVERAGED, "--set", MIXED),
    "recomputed": ("--model", "resnet20_cifar", "--epochs", "2", "--batch-size", "8", "--save-memory",
                   "--set", COSINE, "--set", MIXED, "--precision", "bf16"),
}  # fmt: skip
USUAL = ("--seed", "7", "--threads", "1", "--json")


class Heard(Silent):
    """What a run said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


def photos(folder: Path, count: int = 24) -> Path:
    """Three classes of small pictures that differ in colour and grain."""
    numbers = np.random.default_rng(0)
    for label, colour in {"brick": (180, 90, 70), "grass": (80, 150, 60), "water": (60, 90, 170)}.items():
        (folder / label).mkdir(parents=True)
        for index in range(count):
            noise = numbers.integers(-60, 60, (36, 33, 3))
            picture = Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))
            picture.save(folder / label / f"{index:02}.png")
    return folder


def command(data: Path, out: Path, recipe: str, *more: str) -> list[str]:
    """The command line of a run, whose used samples are written into a journal beside ``out``."""
    start = [sys.executable, str(JOURNAL), str(out.with_suffix(".journal")), "train", str(data), "--out", str(out)]
    return [*start, *RECIPES[recipe], *USUAL, "--save-every", "0.02", "--resume", *more]


def finished(arguments: list[str]) -> dict:
    """The document of a run that is let alone."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bits(out: Path) -> dict[str, object]:
    """What of a finished run must be equal: tensors, the state of the schedule, the log, the chosen weights."""
    last = max((out / "checkpoints").glob("epoch-*"))
    files = read_folder(last)
    assert files is not None
    progress = {name: value for name, value in json.loads(files.pop("progress.json")).items() if name != "seconds"}
    chosen = safetensors.numpy.load_file(out / "model.safetensors")
    return {
        **files,
        "progress": progress,
        "log": (out / "metrics.jsonl").read_bytes(),
        "chosen": {name: tensor.tobytes() for name, tensor in sorted(chosen.items())},
    }


def saved(out: Path) -> list[str]:
    return sorted(path.name for path in (out / "checkpoints").glob("epoch-*"))


def wait_for(condition, seconds: float = 120) -> bool:
    """Whether ``condition`` came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def used(out: Path) -> list[tuple[int, tuple[int, ...]]]:
    """(epoch, rows) of every step that the finished run stands on: of what was done again, the last time."""
    steps: list[tuple[int, tuple[int, ...]]] = []
    for line in out.with_suffix(".journal").read_text().splitlines():
        if not line.endswith("]"):
            continue  # a kill in the middle of the line: its step was not saved
        step, epoch, rows = json.loads(line)
        assert step <= len(steps), "a step is missing"
        steps[step:] = [(epoch, tuple(rows))]
    return steps
