"""``lenext.check``: what is wrong with a data set before it trains anything; nothing is changed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lenext.api.data import HARMLESS, counts
from lenext.api.labels import refuse_labels, same_task
from lenext.api.options import read_options
from lenext.api.trained.answers import Reading, answers, positions
from lenext.api.trained.model import open_model
from lenext.api.trained.protocols import SINGLE, choose_protocols
from lenext.data.cache import Cache
from lenext.data.consistency import inconsistencies
from lenext.data.duplicates import Twins, look_alikes, problems, to_leave_out
from lenext.data.item import LEFT_OUT, REMARK, Problem
from lenext.data.listing import Listing, find, part, with_problems
from lenext.data.scan import scan
from lenext.errors import UsageError
from lenext.evaluation.confident import DoubtfulLabel, doubtful_labels
from lenext.evaluation.inference import Compute
from lenext.training.watch import Silent, Watcher

MANY = 0.1  # share of labels that no sound set has wrong; a model that doubts more is itself in doubt


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """How to check.

    model: a run folder or weight file that knows the classes, by which doubtful labels are found; workers: threads that
    read images; data_root: where the files of built-in sets lie; device: on which the model computes.
    """

    model: str | Path | None = None
    workers: int = 2
    data_root: str | None = None
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """listing: what can be used, with every problem; pairs: pictures there twice; doubts: rows are item numbers."""

    listing: Listing
    pairs: Sequence[Twins]
    doubts: Sequence[DoubtfulLabel]
    answers: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """What ``lenext check --json`` prints."""
        items, sizes = self.listing.items, part(self.listing, None).sizes(len(self.listing.classes))
        return {
            "images": len(items),
            "task": self.listing.task,
            "classes": dict(zip(self.listing.classes, sizes.tolist(), strict=True)),
            "splits": counts(self.listing),
            "problems": [vars(problem) for problem in self.listing.problems],
            "pairs": [
                {
                    "paths": [items[pair.first].path, items[pair.second].path],
                    "kinds": list(pair.kinds),
                    "exact": pair.exact,
                    "difference": round(pair.difference, 6),
                }
                for pair in self.pairs
            ],
            "leave_out": self.leave_out(),
        }

    def leave_out(self) -> list[str]:
        """Paths that a set without these faults would not have: what cannot be read, pictures that are there twice."""
        bad = {p.path for p in self.listing.problems if p.action == LEFT_OUT and p.kind not in HARMLESS}
        return sorted(bad | {self.listing.items[index].path for index in to_leave_out(self.listing, self.pairs)})


def check(data: str | Path, *, watcher: Watcher | None = None, **asked: Any) -> dict[str, Any]:
    """The document of ``lenext check --json`` for a data set (as for ``train``); every file is read, none is changed.

    asked: the fields of ``CheckOptions``. ``{"images", "classes", "splits", "problems": [{"path", "kind", "message",
    "action"}], "pairs": [{"paths", "kinds", "exact", "difference"}], "leave_out"}``. Raises the errors of
    ``lenext.errors``.
    """
    if not isinstance(data, str | os.PathLike):
        raise UsageError(f"The data are {data!r}.", "Give a built-in name, or the path of a folder or CSV file.")
    return checked(os.fspath(data), read_options(CheckOptions, asked, "lenext.check"), watcher or Silent()).document()


def checked(data: str, asked: CheckOptions, watcher: Watcher) -> Checked:
    """The check itself."""
    if asked.workers < 1:
        raise UsageError(f"--workers is {asked.workers}.", "Give one thread or more.")
    found = find(data, data_root=asked.data_root)
    with Cache() as cache:
        listing = scan(found, workers=asked.workers, progress=watcher.scan, cache=cache)
    pairs = look_alikes(listing)
    doubts, words = doubtful(listing, asked, watcher) if asked.model is not None else ([], ())
    remarks = [*listing.problems, *inconsistencies(listing), *problems(listing, pairs)]
    remarks += [doubt_problem(listing, doubt, words) for doubt in doubts]
    return Checked(listing=with_problems(listing, remarks), pairs=pairs, doubts=doubts, answers=words)


def doubtful(listing: Listing, asked: CheckOptions, watcher: Watcher) -> tuple[list[DoubtfulLabel], tuple[str, ...]]:
    """Doubts about the items of a listing by a trained network, and the names of the network's classes."""
    assert asked.model is not None
    model = open_model(asked.model, None, watcher)
    refuse_labels(model.card, "--model looks for images in a wrong class", "Leave it out of this check.")
    same_task(listing, model.card)
    (chosen,) = choose_protocols([model], SINGLE)
    images = part(listing, None)
    labels = positions(listing, model.card)[images.labels]
    watcher.message(f"Asking {asked.model} about {len(images):,} images.")
    reading = Reading(compute=Compute.choose(asked.device), batch_size=64, workers=asked.workers)
    found = answers(model, images, chosen, reading, watcher)
    doubts = doubtful_labels(found.tested.probabilities, labels)
    if len(doubts) > MANY * len(images):
        watcher.message(
            f"The model doubts {len(doubts):,} of {len(images):,} labels, which says more of the model than of the "
            "labels; only the first few are worth a look."
        )
    return doubts, tuple(model.card.classes)


def doubt_problem(listing: Listing, doubt: DoubtfulLabel, words: Sequence[str]) -> Problem:
    item = listing.items[doubt.row]
    message = (
        f"The label {item.label!r} is doubtful: the model says {words[doubt.answer]!r} "
        f"(probability {doubt.probability:.3f}, for the label {doubt.given:.3f})."
    )
    return Problem(item.path, "label", message, REMARK)
