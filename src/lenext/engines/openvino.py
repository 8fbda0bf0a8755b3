"""OpenVINO on the CPU: ONNX files and its own; what it compiles is kept, so that the next process starts at once."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenext.data.cache_folder import cache_folder, keep, thin, used
from lenext.data.checksum import WORD, checksum
from lenext.engines.artefact import FILE, read_artefact, verify
from lenext.engines.engine import OPENVINO, Floats, Pixels, cores, missing, rows

CONVERTER = "openvino.tools.ovc"
REPORTER = "openvino_telemetry"  # of the converter's use to its makers, also when it is only loaded
PRECISIONS = {"fp32": "f32", "bf16": "bf16"}


class OpenVino:
    """A graph of uint8 N H W C to probabilities.

    Images go through ``piece`` by ``piece``, as many pieces at once as there are cores. One by one needs least memory
    and serves every batch; fours are up to a fifth faster where many come (docs/log.md). A single image has all cores.
    """

    name = OPENVINO

    def __init__(self, graph: Path, precision: str = "fp32", batch: int = 2, piece: int = 1) -> None:
        """precision: of the arithmetic; batch: images that come at once, as a rule; piece: that go through together."""
        openvino = runtime()
        threads = cores()
        streams = max(1, min(-(-batch // piece), threads))
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": PRECISIONS[precision],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": streams,
        }
        compiled, self._file = opened(openvino, graph, piece, settings)
        self.shape, self._piece = (*compiled.input(0).shape[1:], int(compiled.output(0).shape[1])), piece
        self._streams, self._request = streams, compiled.create_infer_request()
        self._queue = openvino.AsyncInferQueue(compiled, streams)
        self._queue.set_callback(write)  # a method of this object would keep it for ever: OpenVINO's are not traversed

    def predict(self, batch: Pixels) -> Floats:
        """See ``Engine``."""
        pixels = rows(batch)
        lacking = -len(pixels) % self._piece
        if lacking:
            pixels = np.concatenate([pixels, np.zeros((lacking, *pixels.shape[1:]), pixels.dtype)])
        found = np.empty((len(batch), self.shape[-1]), dtype=np.float32)
        for row in range(0, len(pixels), self._piece):
            inputs, place = {0: pixels[row : row + self._piece]}, found[row : row + self._piece]
            if self._streams > 1:
                self._queue.start_async(inputs, place, share_inputs=True)
            else:  # a thread that waits for another costs more than a small network
                self._request.infer(inputs, share_inputs=True, share_outputs=True)
                write(self._request, place)
        if self._streams > 1:
            self._queue.wait_all()
        return found


def opened(openvino: Any, graph: Path, piece: int, settings: Mapping[str, Any]) -> tuple[Any, Any]:
    """A graph compiled for ``piece`` images, and what must stay as long as it does.

    What was compiled is kept by what an exported folder says of its files, by OpenVINO's version and by what the
    processor can, which versions before 2026.4 need not ask; and with a sum, for none of them notices damage among the
    weights. Its own cache would first read the graph to know it again. Raises WeightFileError for a damaged folder.
    """
    told = graph.with_name(FILE)
    how = openvino.__version__, capabilities(), graph.name, piece, settings
    kept = kept_as(told.read_bytes(), *how) if told.exists() else None
    if kept is not None:
        with suppress(OSError, ValueError, RuntimeError):  # there is none, it is damaged, or it is refused
            data = whole(kept)
            return core().import_model(openvino.Tensor(data, shared_memory=True), "CPU", settings), data
    model = core().read_model(str(graph))
    model.reshape([piece, *list(model.input(0).partial_shape)[1:]])
    compiled = core().compile_model(model, "CPU", settings)
    if kept is not None:
        verify(graph.parent, read_artefact(graph.parent))  # or damage would outlive the file that had it
        data = compiled.export_model().getbuffer()
        keep(kept, data, checksum(np.frombuffer(data, np.uint8)).to_bytes(WORD, "little"))
        thin([kept.parent])
    return compiled, None


def kept_as(told: bytes, *how: Any) -> Path:
    """Where a compiled graph is kept. told: what its folder says of its files, their digests among it."""
    return cache_folder() / "openvino" / f"{hashlib.sha256(told + json.dumps(how).encode()).hexdigest()}.blob"


def whole(kept: Path) -> NDArray[np.uint8]:
    """What was kept, now used. Raises ValueError where it is damaged, OSError where there is none."""
    file = np.memmap(kept, np.uint8, "c")
    data = file[:-WORD]
    if checksum(data).to_bytes(WORD, "little") != file[-WORD:].tobytes():
        raise ValueError(kept)
    used(kept)
    return data


def write(request: Any, place: Floats) -> None:
    """Copy the probabilities of a request to their place, which is shorter where the last images were made up."""
    place[:] = request.get_output_tensor().data[: len(place)]


def runtime() -> Any:
    """The package, without its converter of other libraries' networks: half of its start, and loaded when asked for."""
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    sys.modules.setdefault(REPORTER, None)  # type: ignore[arg-type]  # the converter and NNCF do without it
    sys.modules[CONVERTER] = None  # type: ignore[assignment]  # the package begins without it where it is not there
    try:
        import openvino
    except ImportError:
        raise missing("openvino", "openvino") from None
    finally:
        del sys.modules[CONVERTER]
    openvino.__getattr__ = converter
    return openvino


@cache
def core() -> Any:
    """The one core of the process, which stays: each gives the thread a stack for signals and takes it back at its end,
    and of several that end out of turn the last gives back one that is gone. The next Ctrl-C would end in a crash.
    """
    return runtime().Core()


def converter(name: str) -> Any:
    """``openvino.convert_model`` for whoever else uses the package in this process."""
    if name != "convert_model":
        raise AttributeError(name)
    return import_module(CONVERTER).convert_model


def capabilities() -> list[str]:
    """What the processor has instructions for, as OpenVINO sees it."""
    found: list[str] = core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return found


def computes_bf16() -> bool:
    """Whether the processor has instructions for bf16."""
    return "BF16" in capabilities()
