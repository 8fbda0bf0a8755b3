"""``lenext.evaluate``: measure a trained network on a data set, every image once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenext.api.data import left_out, ready
from lenext.api.options import read_options
from lenext.data.item import TEST, VAL
from lenext.data.listing import Listing, Part, fingerprint, part
from lenext.data.loader import Loader
from lenext.data.split import with_validation
from lenext.errors import DataError, UsageError, did_you_mean
from lenext.evaluation.inference import Compute, probabilities
from lenext.evaluation.measure import Evaluation, measure
from lenext.models import entry, model_file
from lenext.protocol import Protocol
from lenext.training.watch import Silent, Watcher
from lenext.weights.card import Card, Model, load

SINGLE = "single"
ALL = "all"


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """How to measure.

    protocol: "single" (the view that the weight file names) or a protocol of the network's paper; split: "train",
    "val", "test" or "all", and when None the test split, else the validation split (also the one that the run itself
    held out of these data), else every image; data_root: where the files of built-in sets lie; on_bad: skip or stop.
    """

    protocol: str = SINGLE
    split: str | None = None
    batch_size: int = 64
    device: str = "auto"
    precision: str = "fp32"
    workers: int = 2
    data_root: str | None = None
    on_bad: str = "skip"


def evaluate(model: str | Path, data: str | Path, *, watcher: Watcher | None = None, **asked: Any) -> dict[str, Any]:
    """The document of ``lenext evaluate --json`` for a run folder or weight file and a data set (as for ``train``).

    asked: the fields of ``EvaluateOptions``. Classes are matched by name. Raises the errors of ``lenext.errors``.
    """
    options = read_options(EvaluateOptions, asked, "lenext.evaluate")
    return document(*measured(model, os.fspath(data), options, watcher or Silent()))


def document(evaluation: Evaluation, split: str) -> dict[str, Any]:
    """What ``lenext evaluate --json`` prints: the measurement, and which images it was made on."""
    return {"split": split, **evaluation.document()}


def measured(model: str | Path, data: str, asked: EvaluateOptions, watcher: Watcher) -> tuple[Evaluation, str]:
    """The measurement itself, and which images it was made on, in words."""
    loaded = load(model)
    view = protocol_of(loaded, asked.protocol)
    compute = Compute.choose(asked.device, asked.precision)
    listing = ready(
        data, data_root=asked.data_root, workers=asked.workers, on_bad=asked.on_bad, watcher=watcher, least=1
    )
    chosen, split = choose(listing, loaded.card, asked.split)
    watcher.message(f"Measuring {len(chosen):,} images ({split}).")
    card = loaded.card
    loader = Loader(chosen, card.preprocessing.channels, card.preprocessing.background, asked.workers)
    batches = loader.views(view, asked.batch_size)
    evaluation = measure(
        probabilities(loaded.network.to(compute.device), loaded.statistics, batches, compute),
        positions(listing, card)[chosen.labels],
        names=chosen.names,
        classes=card.classes,
        protocol=asked.protocol,
        views=view.views,
        unreadable=left_out(listing),
    )
    return evaluation, split


def protocol_of(model: Model, name: str) -> Protocol:
    """A protocol by name; the weight file's own view for "single"."""
    if name == SINGLE:
        return model.card.preprocessing.view
    known = entry(model_file(model.card.network).PROTOCOLS, model.card.network)
    if name not in known:
        hint = did_you_mean(name, known) or f"It has: {', '.join({SINGLE, *known})}."
        raise UsageError(f"{model.card.network} has no protocol {name!r}.", hint)
    found: Protocol = known[name]
    return found


def choose(listing: Listing, card: Card, split: str | None) -> tuple[Part, str]:
    """The images to measure, and what they are, in words."""
    own = VAL not in listing.splits and card.data.get("fingerprint") == fingerprint(listing)
    if own:  # the very data of the run: those that it held out did not train
        listing = with_validation(listing, fraction=card.data["validation"], seed=card.data["seed"])
    if split is not None:
        if split != ALL and split not in listing.splits:
            raise UsageError(f"The data have no split {split!r}.", f"They have: {', '.join(listing.splits)}, all.")
        return part(listing, None if split == ALL else split), split
    if TEST in listing.splits:
        return part(listing, TEST), "the test split"
    if VAL in listing.splits:
        return part(listing, VAL), f"the validation split{' that the run made of these data' if own else ''}"
    return part(listing, None), "all of them"


def positions(listing: Listing, card: Card) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """For each class of the data its place in the network's answers, matched by name."""
    unknown = sorted(set(listing.classes) - set(card.classes))
    if unknown:
        hint = did_you_mean(unknown[0], card.classes)
        raise DataError(
            f"The network does not know {len(unknown)} of the data's {len(listing.classes)} classes: "
            f"{', '.join(map(repr, unknown[:5]))}.",
            hint or f"It knows: {', '.join(card.classes[:10])}.",
        )
    return np.array([card.classes.index(name) for name in listing.classes], dtype=np.int64)
