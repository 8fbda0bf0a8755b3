"""Runs as the tests of the report need them: one of real digits, one whose names try to act."""

from __future__ import annotations

import numpy as np
import pytest
from sample_runs import HOSTILE, HOSTILE_FILE, noisy_evaluation, record, softmax

from lenext.evaluation.measure import measure
from lenext.evaluation.record import DataFacts, PicturedMistake, Record, Usage


@pytest.fixture(scope="session")
def digits():
    """A fifth of scikit-learn's digits: pictures N x 8 x 8, labels, and what nearest neighbours answer."""
    from sklearn.datasets import load_digits

    data = load_digits()
    fit = np.arange(len(data.target)) % 5 != 0
    held = ~fit
    distances = ((data.data[held][:, None] - data.data[fit][None]) ** 2).sum(axis=2)
    nearest = np.stack([distances[:, data.target[fit] == digit].min(axis=1) for digit in range(10)], axis=1)
    pictures = np.clip(data.images[held] * 16, 0, 255).astype(np.uint8)
    return pictures, data.target[held].astype(np.int64), softmax(-nearest / 60)


@pytest.fixture(scope="session")
def digits_record(digits) -> Record:
    pictures, labels, probabilities = digits
    classes = [str(digit) for digit in range(10)]
    test = measure(
        probabilities,
        labels,
        names=[f"digits/{row:04}" for row in range(len(labels))],
        classes=classes,
        protocol="single",
        views=1,
    )
    return record(
        classes,
        {"validation": noisy_evaluation(classes, 288, split="val"), "test": test},
        title="digits with lenet5",
        mistakes=[
            PicturedMistake(
                name=mistake.name,
                truth=mistake.truth,
                answer=mistake.answer,
                probability=mistake.probability,
                picture=pictures[mistake.index][:, :, None],
            )
            for mistake in test.mistakes
        ],
    )


@pytest.fixture(scope="session")
def hostile_record() -> Record:
    """Three classes and files whose names try to act: markup, quotes, line breaks, turned writing, broken bytes."""
    classes = [HOSTILE, "}}{{ 7*7 }}</td>\u202egnihton", "猫と犬"]
    rng = np.random.default_rng(1)
    file = {"path": HOSTILE_FILE, "kind": "truncated", "message": f"ends early {HOSTILE}", "action": "left out"}
    evaluation = noisy_evaluation(classes, 60, sureness=1.0)
    picture = rng.integers(0, 255, (300, 200, 3), dtype=np.uint8)
    return record(
        classes,
        {"validation": evaluation},
        title=f"run {HOSTILE}",
        data=DataFacts(
            name=HOSTILE_FILE, classes=classes, counts={"train": dict.fromkeys(classes, 20)}, problems=[file]
        ),
        mistakes=[
            PicturedMistake(name=HOSTILE_FILE, truth=classes[0], answer=classes[1], probability=0.9, picture=picture)
        ],
        deviations=[HOSTILE],
        recipe=[("name", HOSTILE)],
        usage=Usage(shell=f"lenext predict '{HOSTILE}'", python=f"# {HOSTILE}"),
    )
