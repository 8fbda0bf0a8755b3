"""``lenext.predict``: classes and probabilities of image files, in the order given, a bad file never hiding another."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lenext.api.doubt import rule_to_predict
from lenext.api.labels import cuts_of
from lenext.api.model import open_model
from lenext.api.options import read_options
from lenext.data.decode import read_image
from lenext.data.folder import entries, files_below
from lenext.data.geometry import single_crop
from lenext.data.item import Problem
from lenext.data.loader import read_ahead
from lenext.errors import ImageError, UsageError
from lenext.evaluation.features import seen
from lenext.evaluation.inference import Compute, probabilities
from lenext.evaluation.trust import Doubt, Rule
from lenext.training.watch import Silent, Watcher
from lenext.weights.card import Model

UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """top: classes to name; weights: for a network's name which published ones; workers: threads that read images.

    unknown: share of wrong answers that is allowed, None to answer always.
    """

    top: int = 5
    weights: str | None = None
    batch_size: int = 32
    device: str = "auto"
    precision: str = "fp32"
    workers: int = 2
    unknown: float | None = None


@dataclass(frozen=True)
class Shown:
    """One file read: its test view (uint8 1 C H W), or why there is none."""

    path: str
    view: Tensor | None
    error: dict[str, str] | None


def predict(
    model: str | Path, paths: str | Path | Iterable[str | Path], *, watcher: Watcher | None = None, **asked: Any
) -> Iterator[dict[str, Any]]:
    """For each image ``{"path", "predictions": [{"class", "probability"}], "error"}``, as it is computed.

    model: a run folder, a weight file, or a network's name for its published ImageNet weights; paths: files, folders
    (searched through) and globs; asked: ``PredictOptions``. A file that cannot be read has no predictions and an error
    ``{"kind", "message"}``. A network that gives any number of labels names them under ``labels``, each with its
    probability, None for a file that cannot be read. With ``unknown`` there are an ``answer`` (a class or
    "unknown") and the ``doubt`` that decided it.
    """
    options = read_options(PredictOptions, asked, "lenext.predict")
    if options.top < 1 or options.batch_size < 1:
        raise UsageError("--top and --batch-size count from 1.", "Give a whole number above zero.")
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    loaded = open_model(model, options.weights, watcher or Silent())
    compute = Compute.choose(options.device, options.precision)
    compute.place(loaded.network)
    rule = None if options.unknown is None else rule_to_predict(loaded, options.unknown)
    files = [file for path in given for file in expand(os.fspath(path))]
    if not files:
        raise UsageError("No image was named.", "Give files, folders or globs, or - for a list on standard input.")
    return answers(loaded, files, options, compute, rule)


def answers(
    model: Model, files: Sequence[str], options: PredictOptions, compute: Compute, rule: Rule | None
) -> Iterator[dict[str, Any]]:
    """The answers, batch by batch."""
    shown_as, cuts = model.card.preprocessing, cuts_of(model.card)

    def show(path: str) -> Shown:
        try:
            image = read_image(path, channels=shown_as.channels, background=shown_as.background)
        except ImageError as error:
            return Shown(path, None, {"kind": error.reason, "message": error.message})
        return Shown(path, single_crop(image[None], shown_as.view), None)

    def read(start: int) -> list[Shown]:
        return [show(path) for path in files[start : start + options.batch_size]]

    for batch in read_ahead(read, range(0, len(files), options.batch_size), options.workers):
        views = [shown.view for shown in batch if shown.view is not None]
        with nullcontext() if rule is None else seen(model.network) as caught:
            inputs = [torch.cat(views)] if views else []
            found = probabilities(
                model.network,
                model.statistics,
                inputs,
                compute,
                temperature=model.temperature,
                activation=model.card.activation,
            )
        scores = iter(found.tolist())
        doubts = iter(rule.doubts(caught.logits(), caught.features()) if rule and caught and views else ())
        for shown in batch:
            given = [] if shown.view is None else next(scores)
            predictions = ranked(given, model.card.classes, options.top)
            answer = {"path": shown.path, "predictions": predictions, "error": shown.error}
            if cuts is not None:
                answer["labels"] = None if shown.view is None else reached(given, model.card.classes, cuts)
            if rule is not None:
                answer |= decided(predictions, None if shown.view is None else next(doubts))
            yield answer


def decided(predictions: Sequence[Mapping[str, Any]], doubt: Doubt | None) -> dict[str, Any]:
    """The best class, or "unknown" where there is a reason to doubt; both None for a file that cannot be read."""
    if doubt is None:
        return {"answer": None, "doubt": None}
    return {"answer": UNKNOWN if doubt.reasons else predictions[0]["class"], "doubt": doubt.document()}


def ranked(scores: Sequence[float], classes: Sequence[str], top: int) -> list[dict[str, Any]]:
    """The ``top`` most probable classes, the first of equals first."""
    order = sorted(range(len(scores)), key=lambda index: -scores[index])[:top]
    return [{"class": classes[index], "probability": scores[index]} for index in order]


def reached(scores: Sequence[float], classes: Sequence[str], cuts: Sequence[float]) -> list[dict[str, Any]]:
    """The labels whose probability is their threshold or more, the most probable first."""
    chosen = {name for name, score, cut in zip(classes, scores, cuts, strict=True) if score >= cut}
    return [one for one in ranked(scores, classes, len(classes)) if one["class"] in chosen]


def expand(path: str) -> list[str]:
    """The files that a path means: all below a folder, the matches of a glob, itself."""
    if os.path.isdir(path):
        root, passed_over = Path(path), list[Problem]()
        folders, files = entries(root, "", passed_over)
        below = [file for folder in folders for file in files_below(root, folder, passed_over)]
        return [os.path.join(path, file) for file in (*files, *below)]
    if glob.has_magic(path) and not os.path.exists(path):
        matches = sorted(glob.glob(path, recursive=True))
        return [file for match in matches for file in expand(match)]
    return [path]
