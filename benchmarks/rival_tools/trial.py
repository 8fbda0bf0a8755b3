"""What the programs of ``benchmarks/rival_tools`` share: their arguments, and the file with their answers.

Imported first: the torchvision wheel of the registry is built for another torch, and declares two operators only there;
declaring them is all that its models and transforms need.
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "YOLO_OFFLINE": "1",
    "YOLO_AUTOINSTALL": "0",  # Ultralytics would call pip for what it misses
    "WANDB_MODE": "offline",
}

import torch

OPERATORS = torch.library.Library("torchvision", "DEF")
OPERATORS.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
OPERATORS.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


class Trial:
    """One training: the folder with ``train`` and ``val``, how many epochs, from which seed, where the answers go."""

    def __init__(self) -> None:
        words = argparse.ArgumentParser()
        words.add_argument("data", type=Path)
        words.add_argument("test", type=Path)
        words.add_argument("answers", type=Path)
        words.add_argument("--epochs", type=int, required=True)
        words.add_argument("--seed", type=int, default=0)
        words.add_argument("--started", type=float, required=True, help="time.time() before this process")
        asked = words.parse_args()
        self.data, self.test, self.answers = asked.data.resolve(), asked.test.resolve(), asked.answers.resolve()
        self.epochs, self.seed, self.started = asked.epochs, asked.seed, asked.started
        self.seconds = 0.0

    def trained(self) -> None:
        """The end of training: what follows is not timed."""
        self.seconds = time.time() - self.started

    def images(self) -> list[Path]:
        """The images to answer for, without their classes being told: the tool is handed paths in one order."""
        return sorted(self.test.glob("*/*.png"))

    def write(self, classes: list[str], versions: dict[str, str], **facts: object) -> None:
        """The class that was answered for every image of ``images()``, for the harness to score."""
        names = [str(path.relative_to(self.test)) for path in self.images()]
        answers = dict(zip(names, classes, strict=True))
        document = {"seconds": self.seconds, "epochs": self.epochs, "seed": self.seed, "versions": versions}
        self.answers.write_text(json.dumps({**document, **facts, "answers": answers}), encoding="utf-8")
