"""A network with all that belongs to it as one graph: pixels in, probabilities out."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lenext.data.geometry import window
from lenext.data.statistics import Statistics
from lenext.engines.engine import missing
from lenext.engines.openvino import core, runtime
from lenext.errors import Failed

INPUT, OUTPUT = "pixels", "probabilities"
ONE_FILE = 1_500_000_000  # bytes of weights that an ONNX file can hold; protobuf ends at two thousand million

Shape = tuple[int, int, int]  # height, width, channels


class Deployed(nn.Module):
    """Normalisation, network, temperature and softmax: uint8 N H W C to float32 N classes.

    Pixels are normalised a row of N H W*C at a time, as they lie, for that leaves engines nothing to move: a network
    that computes N H W C then takes them where they are.
    """

    def __init__(self, network: nn.Module, statistics: Statistics, temperature: float, shape: Shape) -> None:
        super().__init__()
        self.network = network
        shift, scale = (each[:, 0, 0] for each in statistics.affine)
        shifts = shift.repeat(shape[1])
        mean = statistics.for_views(*shape[:2]).pixel_mean
        if mean is not None:  # (pixel - image) * scale + shift
            seen = window(mean[None], shape[:2], 0)[0]
            shifts = (shift - seen.permute(1, 2, 0) * scale).flatten(1)
        self.register_buffer("scale", scale.repeat(shape[1]))
        self.register_buffer("shift", shifts)
        self.shape, self.temperature = shape, temperature

    def forward(self, pixels: Tensor) -> Tensor:
        """The whole way."""
        rows = pixels.flatten(2).float() * self.scale + self.shift  # type: ignore[operator]
        logits = self.network(rows.reshape(-1, *self.shape).permute(0, 3, 1, 2))
        found: Tensor = (logits / self.temperature).softmax(1)
        return found


def program(deployed: Deployed, shape: Shape) -> torch.export.ExportedProgram:
    """The graph, for batches of any size."""
    example = torch.zeros(2, *shape, dtype=torch.uint8)  # a batch of one would fix the size
    with torch.no_grad():
        return torch.export.export(deployed.eval(), (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))


def write_torch(graph: torch.export.ExportedProgram, folder: Path) -> None:
    """``model.pt2``, which ``torch.export.load`` reads."""
    whole = BytesIO()  # for torch ends the process where the disk takes no more
    torch.export.save(graph, whole)
    (folder / "model.pt2").write_bytes(whole.getbuffer())


def write_onnx(graph: torch.export.ExportedProgram, folder: Path) -> None:
    """``model.onnx``; weights beyond what one file can hold lie beside it."""
    try:
        import onnxscript  # noqa: F401  (torch's exporter wants it, and says so less clearly)
    except ImportError:
        raise missing("onnxscript", "onnx") from None
    size = sum(tensor.numel() * tensor.element_size() for tensor in graph.state_dict.values())
    with quietly():
        torch.onnx.export(
            graph, (), str(folder / "model.onnx"), dynamo=True, verbose=False, external_data=size > ONE_FILE,
            input_names=[INPUT], output_names=[OUTPUT],
        )  # fmt: skip


def write_openvino(onnx: Path, folder: Path) -> None:
    """``model.xml`` and ``model.bin`` from an ONNX file, in full precision; nothing is reported to anybody."""
    try:
        model = core().read_model(str(onnx))
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise Failed(f"OpenVINO cannot read the network's graph: {reason}.", "Export it with --to onnx.") from None
    save_openvino(model, folder)


def save_openvino(model: Any, folder: Path) -> None:
    runtime().save_model(model, str(folder / "model.xml"), compress_to_fp16=False)


@contextmanager
def quietly() -> Iterator[None]:
    """torch's exporter tells of what it does not need."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
