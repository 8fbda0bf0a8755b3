"""Records of runs as they come out of training: real digits, an honest classifier, made-up curves."""

from __future__ import annotations

import math

import numpy as np

from lenext.evaluation.measure import Evaluation, measure
from lenext.evaluation.record import DataFacts, NetworkFacts, Record, RunFacts, Usage

HOSTILE = "<img src=x onerror=alert(1)>"
HOSTILE_FILE = "a \"quoted\"\nfile\u202egnp.exe & 'more'|`x` $y$ \udcff.png"


def softmax(scores):
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)


def noisy_evaluation(classes, images, *, seed=0, sureness=4.0, split="test") -> Evaluation:
    """Random answers that are right most of the time and prefer the neighbouring class when wrong."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(classes), images)
    scores = rng.normal(size=(images, len(classes)))
    scores[np.arange(images), labels] += sureness
    scores[np.arange(images), (labels + 1) % len(classes)] += sureness / 2
    names = [f"{split}/{classes[label]}/{row:05}.jpg" for row, label in enumerate(labels)]
    return measure(softmax(scores), labels, names=names, classes=classes, protocol="single", views=1)


def curves(epochs):
    rows = []
    for epoch in range(1, epochs + 1):
        fade = math.exp(-epoch / 4)
        rows.append(
            {
                "epoch": epoch,
                "step": epoch * 23,
                "lr": 0.01,
                "loss": 0.03 + 2.3 * fade,
                "train_top1": 0.999 - 0.6 * fade,
                "val_loss": 0.06 + 2.1 * fade + 0.01 * math.sin(epoch * 2.1),
                "val_top1": 0.988 - 0.6 * fade + 0.004 * math.sin(epoch * 1.7),
            }
        )
    return rows


def record(classes, evaluations, **changes) -> Record:
    """A finished run of LeNet-5 on ``classes``."""
    given = {
        "title": "a run",
        "network": NetworkFacts(
            name="lenet5",
            reading="paper",
            paper="Gradient-Based Learning Applied to Document Recognition",
            year=1998,
            params=60_000,
            input=(1, 32, 32),
        ),
        "data": DataFacts(
            name="digits",
            classes=classes,
            counts={
                "train": {name: 110 + number % 7 for number, name in enumerate(classes)},
                "validation": {name: 28 + number % 3 for number, name in enumerate(classes)},
                "test": {name: 36 - number % 2 for number, name in enumerate(classes)},
            },
        ),
        "recipe": [
            ("name", "lenet5:practical"),
            ("epochs", "20"),
            ("batch_size", "64"),
            ("optimizer", "SGD(lr=0.01, momentum=0.9, weight_decay=0.0, nesterov=False)"),
            ("schedule", "Cosine(warmup=0.05, final=0.0)"),
            ("augment", "SingleCrop(resize=28, crop=32), RandomAffine(degrees=5, shift=0.05, scale=0.1, shear=0.1)"),
            ("loss", "RubbishClass(j=1.0)"),
        ],
        "deviations": ["mini-batches of 64 in place of one sample a step with diagonal Levenberg-Marquardt"],
        "curves": curves(20),
        "evaluations": evaluations,
        "chosen_on": "validation",
        "run": RunFacts(
            seconds=41.3,
            machine="2 cores, Linux 6.1, no GPU",
            versions={"lenext": "0.1.0", "torch": "2.13.0", "numpy": "2.3.4", "Python": "3.11.2"},
            seed=0,
            command="lenext train digits --model lenet5 --out runs/digits",
        ),
        "usage": Usage(
            shell="lenext predict runs/digits image.png --top 3\nlenext evaluate runs/digits digits",
            python='import lenext\n\nfor answer in lenext.predict("runs/digits", ["image.png"]):\n    print(answer)',
        ),
    }
    return Record(**{**given, **changes})
