"""``lenext.export``: a network as a folder that other programs run, with proof that it answers as the network does."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenext.api.data import left_out, ready
from lenext.api.options import read_options
from lenext.api.trained.answers import choose, positions
from lenext.api.trained.exporting import Shown, made, write
from lenext.api.trained.model import open_model
from lenext.data.item import TRAIN
from lenext.data.listing import part
from lenext.data.loader import Loader
from lenext.engines.artefact import FORMATS
from lenext.errors import UsageError
from lenext.exports import quantise
from lenext.training.watch import Silent, Watcher
from lenext.weights.card import Model

LIMIT = {"fp32": 0.001, "int8": 0.02}  # ours: the share of labels that may change; one in a thousand for ties
MOST = 1000  # images of the validation set that are compared; all are where there are fewer


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """How to export.

    to: "onnx", "openvino" or "torch"; out: the folder, which must not be there; weights: for a network's name which
    published ones; int8: eight bits, with the help of images of ``calibrate``; data: images on which network and file
    are compared, those that did not train (by default those of ``calibrate``, else made pictures); limit: the share of
    labels that may change, by default 0.001, with int8 0.02; data_root: where the files of built-in sets lie.
    """

    to: str = "onnx"
    out: str | None = None
    weights: str | None = None
    int8: bool = False
    calibrate: str | None = None
    data: str | None = None
    limit: float | None = None
    data_root: str | None = None
    workers: int = 2


def export(model: str | Path, *, watcher: Watcher | None = None, **asked: Any) -> dict[str, Any]:
    """Export a network: a folder with graph (pixels in, probabilities out), classes, preprocessing and a parity report.

    model: as for ``predict``; asked: the fields of ``ExportOptions``. Returns what ``lenext export --json`` prints.
    Raises Failed, and leaves nothing behind, where more labels change than the limit allows.
    """
    options, watcher = read_options(ExportOptions, asked, "lenext.export"), watcher or Silent()
    check(options)
    loaded = open_model(model, options.weights, watcher)
    out = Path(options.out or default_folder(model, options))
    if out.exists():
        raise UsageError(f"{out} is already there.", "Name another folder with --out, or remove it.")
    scales = None
    if options.calibrate is not None:
        scales = sample(loaded, options.calibrate, options, watcher, train=True).views
        if not quantise.enough(scales):
            raise UsageError("The images of --calibrate are all of one colour.", "Give images as the network will see.")
    data = options.data or options.calibrate
    shown = made(loaded) if data is None else sample(loaded, data, options, watcher, train=False)
    watcher.message(f"Exporting {loaded.card.network} to {out}.")
    limit = LIMIT["int8" if options.int8 else "fp32"] if options.limit is None else options.limit
    artefact, reports = write(loaded, options.to, out, shown, scales=scales, limit=limit)
    return {
        "out": str(out),
        "format": artefact.format,
        "precision": artefact.precision,
        "files": {name: (out / name).stat().st_size for name in artefact.files},
        "limit": limit,
        "unreadable": list(shown.unreadable),
        "parity": [report.document() for report in reports],
        "lines": [report.line() for report in reports],
    }


def check(options: ExportOptions) -> None:
    """Refuse what cannot be meant."""
    if options.to not in FORMATS:
        raise UsageError(f"There is no format {options.to!r}.", f"Give --to one of {', '.join(FORMATS)}.")
    if options.int8 and options.calibrate is None:
        raise UsageError(
            "--int8 needs images that set its scales.", "Give --calibrate DATA: some of the training data."
        )
    if options.calibrate is not None and not options.int8:
        raise UsageError("--calibrate is for --int8.", "Add --int8, or compare on images with --data.")
    if options.int8 and options.to == "torch":
        raise UsageError("Eight bits are for ONNX and OpenVINO.", "Give --to onnx or --to openvino.")
    if options.limit is not None and not 0 <= options.limit <= 1:
        raise UsageError("--limit is a share of labels, from 0 to 1.", "Give --limit 0.01 for one in a hundred.")


def default_folder(model: str | Path, options: ExportOptions) -> Path:
    """Beside the weight file, in the run; of published weights here."""
    word, name = os.fspath(model), f"{options.to}{'-int8' if options.int8 else ''}"
    if os.path.isdir(word):
        return Path(word) / name
    return Path(word).with_suffix("") / name if os.path.isfile(word) else Path(f"{word.replace(':', '-')}-{name}")


def sample(model: Model, data: str, options: ExportOptions, watcher: Watcher, *, train: bool) -> Shown:
    """Views of training images, or of images that did not train; every so manieth where there are many."""
    preprocessing = model.card.preprocessing
    listing = ready(
        data, data_root=options.data_root, workers=options.workers, on_bad="skip", watcher=watcher, least=1,
        channels=[preprocessing.channels],
    )  # fmt: skip
    if train:
        images, words = part(listing, TRAIN if TRAIN in listing.splits else None), "training images"
    else:
        images, words = choose(listing, [model.card], None)
    few = images.some(quantise.MOST if train else MOST)
    labels = None if train else positions(listing, model.card)[few.labels]
    loader = Loader(few, preprocessing.channels, preprocessing.background, options.workers)
    views = np.concatenate([batch.numpy() for batch in loader.views(preprocessing.view, 32)])
    named = words if len(few) == len(images) else f"{len(few):,} of the {len(images):,} images of {words}"
    return Shown(views, labels, named, tuple(left_out(listing)))
