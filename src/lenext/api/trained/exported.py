"""Exported networks in use; ONNX Runtime and OpenVINO need no torch, and nothing here imports it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lenext.api.options import PredictOptions
from lenext.data.array_view import array_view
from lenext.data.decode import read_pixels
from lenext.engines.artefact import Artefact, agree, read_artefact, verify
from lenext.engines.engine import AUTO, COMPILED, ONNXRUNTIME, Engine, Floats, Graph, Pixels
from lenext.engines.opening import CAN, FOUR, in_pieces, open_graph, quickest_precision
from lenext.errors import Failed, LenextError, UsageError
from lenext.evaluation.memory import ran_out
from lenext.training.watch import Watcher

if TYPE_CHECKING:
    from lenext.evaluation.trust import Doubt


class Exported:
    """A folder of ``lenext export``, ready to be shown files."""

    grows = True
    cuts = None

    def __init__(self, folder: Path, options: PredictOptions, watcher: Watcher, *, many: bool = False) -> None:
        """many: more than a few files will be shown, so that they may go through together."""
        if options.weights is not None:
            raise UsageError(f"{folder} has its own weights, so {options.weights!r} cannot be used.", "Leave them out.")
        if options.unknown is not None:
            raise UsageError("--unknown looks inside the network, and an exported one is closed.", "Name its run.")
        self.artefact, self.engine = open_artefact(
            folder, options.engine, options.precision, options.device, options.batch_size, watcher, many=many
        )
        self.classes: Sequence[str] = self.artefact.classes

    def show(self, path: str) -> Pixels:  # H W C
        """See ``Recogniser``."""
        shown_as = self.artefact.preprocessing
        pixels = read_pixels(path, channels=shown_as.channels, background=shown_as.background)
        return array_view(pixels, shown_as.view)

    def recognise(self, views: Sequence[Pixels]) -> tuple[Floats, Sequence[Doubt] | None]:
        """See ``Recogniser``."""
        return self.engine.predict(np.stack(views).transpose(0, 3, 1, 2)), None


def open_artefact(
    folder: Path, engine: str | None, precision: str, device: str, batch: int, watcher: Watcher, *, many: bool
) -> tuple[Artefact, Engine]:
    """What is in the folder, and an engine that runs it; its files are checked while the engine starts.

    many: images go through in fours, up to a fifth faster than one by one, where one alone would take as long as four.
    Raises WeightFileError for a damaged folder, UsageError for what this machine or format cannot do.
    """
    if device not in ("auto", "cpu"):
        raise UsageError(f"An exported network runs on the CPU, not on {device!r}.", "Use --device cpu, or its run.")
    artefact = read_artefact(folder)
    if precision == AUTO:
        precision = quickest_precision(artefact.format, engine)
    with ThreadPoolExecutor(1) as pool:
        sound = pool.submit(verify, folder, artefact)
        if engine == AUTO:
            sound.result()
            return artefact, InWords(folder, fastest(folder, artefact, precision, batch, watcher))
        try:
            piece = min(FOUR, batch) if many else 1
            found = open_graph(folder, artefact.format, engine, precision, batch, piece)
        except LenextError:
            raise
        except Exception as error:  # noqa: BLE001  (engines raise what they like; the file is to blame if it changed)
            sound.result()
            raise Failed(
                f"{folder / artefact.graph} is whole, and cannot be opened here ({reason(error)}).",
                "Free memory, or export it again with the versions that are installed here.",
            ) from None
        sound.result()
    agree(folder, artefact, found.shape)
    return artefact, InWords(folder, found)


class InWords:
    """The engine of a folder, whose errors are ours."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self.name, self._folder, self._engine = engine.name, folder, engine

    def predict(self, batch: Pixels) -> Floats:
        """See ``Engine``. Raises MemoryError where memory ends, Failed for whatever else an engine says."""
        try:
            return self._engine.predict(batch)
        except Exception as error:  # noqa: BLE001  (engines raise what they like)
            if ran_out(error):
                raise MemoryError(reason(error)) from None
            raise Failed(
                f"The engine {self.name} does not run the network in {self._folder} ({reason(error)}).",
                "Try another --engine, or export it again with the versions that are installed here.",
            ) from None


def reason(error: Exception) -> str:
    """The last line of what an engine says; OpenVINO's first ones name places in its source."""
    return next(filter(None, map(str.strip, reversed(str(error).splitlines()))), repr(error))


def fastest(folder: Path, artefact: Artefact, precision: str, batch: int, watcher: Watcher) -> Engine:
    """The engine that is quickest here of those that run the format."""
    from lenext.engines.choice import choose

    def candidate(name: str, piece: int) -> Graph:
        single = "fp32" if name == ONNXRUNTIME else precision
        found = open_graph(folder, artefact.format, name, single, batch, piece)
        agree(folder, artefact, found.shape)
        return found

    candidates: dict[str, Callable[[], Engine]] = {
        name: partial(candidate, engine, piece)
        for name, (engine, piece) in in_pieces(CAN[artefact.format], batch).items()
        if engine != COMPILED
    }
    pixels = np.random.default_rng(0).integers(0, 256, (batch, *artefact.shape[:3]), np.uint8)
    key = {"files": dict(artefact.files), "precision": precision, "batch": batch}
    choice, engine = choose(key, candidates, pixels.transpose(0, 3, 1, 2))
    watcher.message(choice.line())
    return engine
