"""``lenext.compare``: a paired test between two trained networks on the same images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenext.api.caution import warn_of_imitation
from lenext.api.data import left_out
from lenext.api.evaluate import reading_of, ready_for
from lenext.api.labels import refuse_labels, same_task
from lenext.api.options import EvaluateOptions, read_options
from lenext.api.trained.answers import answers, choose, positions
from lenext.api.trained.model import open_model
from lenext.api.trained.protocols import choose_protocols
from lenext.data.listing import Listing
from lenext.evaluation.compare import Comparison, lines
from lenext.evaluation.compare import compare as compared
from lenext.evaluation.metrics import answers as most_probable
from lenext.evaluation.text import counted, visible
from lenext.training.watch import Silent, Watcher
from lenext.weights.card import Model


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A comparison; split: of which images, in words; models: A and B as given; protocol: its name."""

    comparison: Comparison
    split: str
    models: tuple[str, str]
    protocol: str
    scaled: tuple[str | None, str | None]

    def lines(self) -> list[str]:
        """The comparison for a terminal."""
        said = dict.fromkeys(text for text in self.scaled if text)
        return [*lines(self.comparison), *([""] if said else []), *map(visible, said)]

    def document(self) -> dict[str, Any]:
        """What ``lenext compare --json`` prints."""
        a, b = self.models
        how = {"protocol": self.protocol, "scaled": list(self.scaled)}
        return {"a": a, "b": b, "split": self.split, **how, **self.comparison.document()}


def compare(
    a: str | Path, b: str | Path, data: str | Path, *, watcher: Watcher | None = None, **asked: Any
) -> dict[str, Any]:
    """The document of ``lenext compare --json``: two run folders or weight files on the images that trained neither.

    asked: the fields of ``EvaluateOptions``. Classes are matched by name; each network may know more than the data
    have. Raises the errors of ``lenext.errors``.
    """
    options = read_options(EvaluateOptions, asked, "lenext.compare")
    return measured(a, b, os.fspath(data), options, watcher or Silent()).document()


def measured(a: str | Path, b: str | Path, data: str, asked: EvaluateOptions, watcher: Watcher) -> Compared:
    """The comparison itself."""
    reading = reading_of(asked)
    warn_of_imitation(reading.compute, watcher)
    models = [open_model(path, asked.weights, watcher) for path in (a, b)]
    for model in models:
        refuse_labels(
            model.card,
            "compare asks which class is right",
            "Set the documents of `lenext evaluate --json` side by side.",
        )
    chosen = choose_protocols(models, asked.protocol)
    listing = ready_for([model.card for model in models], data, asked, watcher)
    for model in models:
        same_task(listing, model.card)
    images, split = choose(listing, [model.card for model in models], asked.split)
    named = [answer_names(model, listing) for model in models]
    watcher.message(f"Comparing on {counted(len(images), 'image')} ({split}).")
    classes = list(dict.fromkeys((*listing.classes, *named[0], *named[1])))
    given = []
    for model, how, names in zip(models, chosen, named, strict=True):
        found = answers(model, images, how, reading, watcher).tested.probabilities
        place = np.array([classes.index(name) for name in names], dtype=np.int64)
        given.append(place[most_probable(found)] if len(found) else np.empty(0, dtype=np.int64))
    comparison = compared(
        given[0], given[1], images.labels, names=images.names, classes=classes, unreadable=left_out(listing)
    )
    return Compared(
        comparison=comparison,
        split=split,
        models=(str(a), str(b)),
        protocol=asked.protocol,
        scaled=(chosen[0].scaled, chosen[1].scaled),
    )


def answer_names(model: Model, listing: Listing) -> list[str]:
    """The network's classes in its order, each by the data's word for it where the data have it."""
    names = list(model.card.classes)
    for word, place in zip(listing.classes, positions(listing, model.card), strict=True):
        names[place] = word
    return names
