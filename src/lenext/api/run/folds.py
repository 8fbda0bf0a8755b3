"""``lenext train --folds K``: K runs, each tested on the fold that it did not see, and what they say together."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lenext.api.options import TrainOptions
from lenext.api.run.first_phase import Shelf, Sitting
from lenext.api.run.folder import under_runs
from lenext.data.folds import LEAST
from lenext.errors import UsageError
from lenext.evaluation.intervals import wilson
from lenext.evaluation.text import per_cent
from lenext.protocol import MULTILABEL
from lenext.training.watch import Watcher
from lenext.weights.durable import write_file

SUMMARY = "folds.json"

TrainOne = Callable[[str | None, TrainOptions, Watcher, Sitting], dict[str, Any]]


class Once:
    """Passes everything on, but no message again that stood before the first epoch: what all folds say of data."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher, self._said, self._begun = watcher, set[str](), False
        self.scan, self.download, self.step = watcher.scan, watcher.download, watcher.step

    def message(self, text: str) -> None:
        if text not in self._said:
            self._said |= set() if self._begun else {text}
            self._watcher.message(text)

    def epoch(self, row: Mapping[str, float]) -> None:
        self._begun = True
        self._watcher.epoch(row)


def train_folds(data: str | None, asked: TrainOptions, watcher: Watcher, train_one: TrainOne) -> dict[str, Any]:
    """Train and test every fold in a folder of its own; returns the document of ``lenext train --folds K --json``.

    train_one: trains the run of one fold. One that is finished is not trained again by a run with ``resume``.
    """
    assert asked.folds is not None
    if asked.fold is not None:
        raise UsageError("--folds trains every fold, --fold one of them.", "Give one of the two.")
    if asked.folds < LEAST:
        raise UsageError(f"--folds is {asked.folds}.", f"Give {LEAST} or more.")
    if data is None:
        raise UsageError("No data were named.", "Give a folder, a CSV file or a built-in name.")
    folder, start = folder_of(data, asked), time.monotonic()
    shelf: Shelf = {}
    watcher = Once(watcher)
    share = None if asked.seconds is None else asked.seconds / asked.folds
    documents = []
    for number in range(1, asked.folds + 1):
        fold = f"{number}/{asked.folds}"
        watcher.message(f"Fold {fold}:")
        mine = replace(asked, folds=None, fold=fold, out=folder / f"fold-{number}", time_limit=share)
        documents.append(train_one(data, mine, watcher, Sitting(time.monotonic(), shelf)))
    document = {"run": str(folder), **together(documents), "seconds": round(time.monotonic() - start, 3)}
    write_file(folder / SUMMARY, json.dumps(document, indent=1).encode())
    watcher.message(line(document))
    return document


def folder_of(data: str, asked: TrainOptions) -> Path:
    """Where the folds go: --out, or a folder under runs/ that is not there yet (to resume: the newest that is)."""
    if asked.out is not None:
        folder = Path(asked.out)
        if folder.exists() and not asked.resume and (not folder.is_dir() or any(folder.iterdir())):
            raise UsageError(
                f"{folder} already holds something.", "Add --resume to go on with it, or choose another with --out."
            )
        return folder
    return under_runs(data, f"{asked.model or 'chosen'}-{asked.folds}-folds", resume=asked.resume)


def together(documents: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The summary of the runs' documents: pooled over all images, each of which was tested once.

    Of labels, whose figures are no proportions of images, it has the mean over the folds; only whole images that are
    right can be pooled.
    """
    tests = [document["evaluations"]["test"] for document in documents]
    images = sum(test["images"] for test in tests)
    labels = documents[0]["best"].get("task") == MULTILABEL
    pooled, figure = ("exact_match", "map") if labels else ("top1", "top1")
    right = wilson(sum(round(test[pooled]["value"] * test["images"]) for test in tests), images).document()
    each = np.array([test[figure]["value"] for test in tests])
    spread = {"mean": float(each.mean()), "deviation": float(each.std(ddof=1))}
    first = documents[0]
    return {
        "model": first["model"],
        "reading": first["reading"],
        "recipe": first["recipe"],
        "images": images,
        "folds": [
            {
                "run": document["run"],
                "images": test["images"],
                figure: test[figure],
                "epochs": document["epochs"],
                "seconds": document["seconds"],
            }
            for document, test in zip(documents, tests, strict=True)
        ],
        **({"map": spread, pooled: right} if labels else {"top1": {**right, **spread}}),
        **({} if labels else {"confusion": np.sum([test["confusion"] for test in tests], axis=0).tolist()}),
        "best": {"split": "test", "images": images, pooled: right},
    }


def line(document: Mapping[str, Any]) -> str:
    """The result in words."""
    images, folds, labels = document["images"], document["folds"], "map" in document
    right = document["exact_match"] if labels else document["top1"]
    value, low, high = (per_cent(right[name], images) for name in ("value", "low", "high"))
    each = ", ".join(per_cent(fold["map" if labels else "top1"]["value"], fold["images"]) for fold in folds)
    head = f"mean average precision {100 * document['map']['mean']:.1f} %; all labels right for" if labels else "top-1"
    return (
        f"{head} {value} %, 95 % interval {low} to {high} %, on all {images:,} images, each tested by a network that "
        f"did not see it; folds: {each}.\nSummary: {os.path.join(document['run'], SUMMARY)}."
    )
