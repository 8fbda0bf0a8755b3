"""An engine for a network of torch: exported into the cache where it needs a file, compared, chosen by measurement."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from lenext import __version__
from lenext.api.labels import cuts_of
from lenext.api.trained.exporting import made, write
from lenext.data.cache_folder import UNFINISHED, cache_folder, thin, used
from lenext.engines.artefact import is_artefact, read_artefact, verify
from lenext.engines.choice import choose
from lenext.engines.eager import Compiled, Eager
from lenext.engines.engine import AUTO, COMPILED, EAGER, ONNXRUNTIME, OPENVINO, Engine
from lenext.engines.opening import check_precision, in_pieces, open_graph
from lenext.errors import Failed, LenextError, UsageError
from lenext.evaluation.inference import Compute
from lenext.exports.graph import Deployed
from lenext.exports.parity import made_pictures
from lenext.exports.quick_layers import own_format
from lenext.training.compiling import compiler_missing
from lenext.training.watch import Watcher
from lenext.values import encode
from lenext.weights.card import Model, digest

READS = {ONNXRUNTIME: "onnx", OPENVINO: "openvino"}  # that an engine reads best
FEW = 16  # made pictures on which a file in the cache is compared with its network


def compute_of(device: str, precision: str, engine: str | None) -> Compute:
    """Where and in which precision an engine is asked to compute; "auto" is fp32 for ONNX Runtime, which has no other.

    Raises UsageError for a device or word that is none.
    """
    return Compute.choose(device, "fp32" if (precision, engine) == (AUTO, ONNXRUNTIME) else precision)


def engine_of(model: Model, name: str, compute: Compute, batch: int, watcher: Watcher) -> Engine:
    """The engine ``name`` for the network, or with "auto" the fastest here, which one line explains.

    Raises UsageError for a device or precision that it does not have, Failed where its answers are others.
    """
    if cuts_of(model.card) is not None:
        raise UsageError("Engines run networks of one class, and this one gives labels.", "Leave --engine out.")
    if compute.device.type != "cpu":
        if name != AUTO:
            raise UsageError(f"The engine {name} computes on the CPU here.", "Add --device cpu, or leave --engine out.")
        watcher.message(f"Engine eager: the others compute on the CPU, not on {compute.device}.")
        return eager(model, compute)
    if name != AUTO:
        return opened(model, name, compute, batch, watcher)
    # A short precision is leave, no order: ONNX Runtime, which has none, is quicker all the same where all is small.
    single = replace(compute, precision="fp32")
    names = [EAGER, *with_files(model, watcher), *([] if compiler_missing(compute.device) else [COMPILED])]
    candidates: dict[str, Callable[[], Engine]] = {
        one: partial(opened, model, engine, single if engine == ONNXRUNTIME else compute, batch, watcher, piece)
        for one, (engine, piece) in in_pieces(names, batch).items()
    }
    preprocessing = model.card.preprocessing
    pictures = made_pictures(preprocessing.channels, *preprocessing.view.shape)[:batch]
    key = {"network": mark(model), "precision": compute.precision, "batch": batch}
    choice, engine = choose(key, candidates, pictures)
    watcher.message(choice.line())
    return engine


def with_files(model: Model, watcher: Watcher) -> list[str]:
    """The engines that need a file, which is written before any of them is timed; not those whose cannot be."""
    readers: dict[str, list[str]] = {}
    for name, form in READS.items():
        readers.setdefault(own_format(model.network, form), []).append(name)
    found = []
    for form, names in readers.items():
        try:
            in_cache(model, form, watcher)
        except LenextError as error:
            watcher.message(f"Without {' and '.join(names)}: {error}")
        else:
            found += names
    return found


def opened(model: Model, name: str, compute: Compute, batch: int, watcher: Watcher, piece: int = 1) -> Engine:
    """The engine of that name; piece: as of ``open_graph``."""
    if name == EAGER:
        return eager(model, compute)
    check_precision(name, compute.precision)
    if name == COMPILED:
        preprocessing = model.card.preprocessing
        shape = (*preprocessing.view.shape, preprocessing.channels)
        compute.place(model.network)
        deployed = Deployed(model.network, model.statistics, model.temperature, shape)
        return Compiled(deployed.eval(), (*shape, len(model.card.classes)), compute.precision, batch)
    form = own_format(model.network, READS[name])
    return open_graph(in_cache(model, form, watcher), form, name, compute.precision, batch, piece)


def eager(model: Model, compute: Compute) -> Engine:
    return Eager(model.network, model.statistics, compute, model.temperature)


def in_cache(model: Model, form: str, watcher: Watcher) -> Path:
    """The network as a folder of a format, written and compared when it is first asked for."""
    folder = cache_folder() / "exported" / f"{mark(model)}-{form}"
    if is_artefact(folder):
        try:
            verify(folder, read_artefact(folder))
        except LenextError:  # damaged: written anew
            import shutil

            shutil.rmtree(folder, ignore_errors=True)
        else:
            used(folder)
            return folder
    watcher.message(f"Exporting {model.card.network} to {form} once; what comes of it is kept in {folder}.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=folder.parent, suffix=UNFINISHED) as own:
            write(model, form, Path(own) / form, made(model, FEW))
            with suppress(OSError):  # another process was first
                (Path(own) / form).rename(folder)
    except (OSError, Failed) as error:
        why = error.message if isinstance(error, Failed) else f"{folder.parent}: {error.strerror or error}."
        raise Failed(why, "Use --engine eager, or name a folder with room in $LENEXT_CACHE.") from None
    thin([folder.parent])
    return folder


def mark(model: Model) -> str:
    """What a network with its input is, in short."""
    card = model.card
    told = [__version__, card.network, card.reading, encode(card.preprocessing), model.temperature, dict(card.options)]
    tensors = dict(model.network.state_dict())
    if model.statistics.pixel_mean is not None:
        tensors["pixel_mean"] = model.statistics.pixel_mean
    return hashlib.sha256((json.dumps(told, default=str) + digest(tensors)).encode()).hexdigest()[:32]
