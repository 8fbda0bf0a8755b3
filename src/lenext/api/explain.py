"""``lenext.explain``: why a network answers as it does, picture by picture, each explanation put to the test."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lenext.api.explained.explanation import Explained, Explainer, sheet_of_filters
from lenext.api.explained.folder import Folder, open_folder
from lenext.api.explained.nearest import search
from lenext.api.options import paths_given, read_options
from lenext.api.predict import expand, nothing_at
from lenext.api.trained.model import open_model
from lenext.data.ahead import read_ahead
from lenext.errors import UsageError, did_you_mean
from lenext.evaluation.inference import Compute
from lenext.evaluation.text import visible
from lenext.explanation.occlusion import patch_of
from lenext.training.watch import Silent, Watcher
from lenext.weights.card import Model

METHODS = ("gradcam", "occlusion", "filters", "activations")


@dataclass(frozen=True, kw_only=True)
class ExplainOptions:
    """How to explain.

    method: "gradcam", "occlusion", "filters" of the first layer (no image is needed) or "activations" of a stage;
    stage: a name of ``Network.intermediates``, by default the last whose maps are larger than one unit; target: the
    class to explain, by default each picture's most probable one; patch, stride: of occlusion, in pixels of the view;
    trials: random maps that a heat map must beat, 0 for none; neighbours: data whose training images are searched for
    the ``nearest`` ones; out: a new folder for pictures and page, None writes nothing.
    """

    method: str = "gradcam"
    stage: str | None = None
    target: str | None = None
    patch: int | None = None
    stride: int | None = None
    trials: int = 19
    neighbours: str | None = None
    nearest: int = 5
    out: str | None = None
    weights: str | None = None
    device: str = "auto"
    workers: int = 2
    data_root: str | None = None


def explain(
    model: str | Path, images: str | Path | Iterable[str | Path] = (), *, watcher: Watcher | None = None, **asked: Any
) -> Iterator[dict[str, Any]]:
    """For each image a document of ``lenext explain --json``, with its map as an array under "heat", as it is made.

    model: a run folder, a weight file, or a network's name for its published weights; images: files, folders and globs;
    asked: ``ExplainOptions``. "heat" is float32 (H, W) over the upright picture (its longer side at most
    1,024 pixels), 0 where nothing speaks for the class or the network was shown nothing; None for sheets and for files
    that cannot be read. For "gradcam" its unit is that of the logit, for "occlusion" the fall of the log odds in nats.
    Raises the errors of ``lenext.errors``.
    """
    options = read_options(ExplainOptions, asked, "lenext.explain")
    given = list(paths_given("lenext.explain", images))
    return (
        {**one.document(), "heat": one.heat} for one in explained(model, given, options, watcher or Silent()).entries
    )


@dataclass(frozen=True)
class Explanations:
    """entries: as they are made, the last of them writing the page; folder: where to, None where nothing is written."""

    entries: Iterator[Explained]
    folder: Folder | None


def explained(model: str | Path, images: Sequence[str], options: ExplainOptions, watcher: Watcher) -> Explanations:
    """Everything that can be refused is refused here; the work is done as the entries are asked for."""
    check(options)
    files = [file for path in images for file in expand(path) if isinstance(file, str)]
    if not files and options.method != "filters":
        raise nothing_at(images)
    loaded = open_model(model, options.weights, watcher)
    compute = Compute.choose(options.device, "fp32")
    compute.place(loaded.network)
    explainer = explainer_of(loaded, options, compute, watcher)
    folder = None if options.out is None else open_folder(Path(options.out))
    title = os.fspath(model)
    entries: Iterator[Explained]
    if options.method == "filters":
        entries = iter([sheet_of_filters(loaded)])
    else:
        read = read_ahead(explainer.read, files, options.workers)
        entries = (explainer.explain(seen) for seen in read)
    if folder is not None:
        entries = folder.filled(entries, title, options.method)
    return Explanations(entries, folder)


def explainer_of(model: Model, options: ExplainOptions, compute: Compute, watcher: Watcher) -> Explainer:
    """The explainer of a model. Raises UsageError for a class, stage or patch that it does not have."""
    side = min(model.card.preprocessing.view.shape)
    explainer = Explainer(
        model=model,
        compute=compute,
        method=options.method,
        stage=options.stage,
        target=class_of(model, options.target),
        patch=patch_of(side, options.patch, options.stride),
        trials=options.trials,
    )
    if options.method in ("gradcam", "activations"):
        _ = explainer.chosen  # said before a long search
    if options.neighbours is None:
        return explainer
    found = search(model, options.neighbours, compute, options.workers, options.data_root, watcher)
    return replace(explainer, pictures=found, nearest=options.nearest)


def class_of(model: Model, name: str | None) -> int | None:
    """The position of a class. Raises UsageError, with near names, for one that the network does not know."""
    classes = model.card.classes
    if name is None or name in classes:
        return None if name is None else classes.index(name)
    hint = did_you_mean(name, classes) or f"It knows: {', '.join(map(visible, classes[:10]))}."
    raise UsageError(f"The network does not know a class {name!r}.", hint)


def check(options: ExplainOptions) -> None:
    """Refuse values that say nothing."""
    if options.method not in METHODS:
        hint = did_you_mean(options.method, METHODS) or f"Give one of {', '.join(METHODS)}."
        raise UsageError(f"There is no method {options.method!r}.", hint)
    if options.stage is not None and options.method not in ("gradcam", "activations"):
        raise UsageError(f"--stage is of no use to --method {options.method}.", "Leave it out, or use gradcam.")
    if options.method != "occlusion" and (options.patch is not None or options.stride is not None):
        raise UsageError("--patch and --stride belong to occlusion.", "Add --method occlusion, or leave them out.")
    if options.target is not None and options.method in ("filters", "activations"):
        raise UsageError(f"--class is of no use to --method {options.method}.", "Leave it out: it is of no class.")
    if options.neighbours is not None and options.method == "filters":
        raise UsageError("Filters have no neighbours.", "Leave --neighbours out, or use another method.")
    if options.trials < 0 or options.nearest < 1 or options.workers < 0:
        raise UsageError("--trials and --workers count from 0, --nearest from 1.", "Give whole numbers.")
