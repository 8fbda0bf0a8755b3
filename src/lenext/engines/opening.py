"""An engine for a graph on disk; torch is imported for torch's own format alone."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from lenext.engines.artefact import GRAPHS
from lenext.engines.engine import AUTO, COMPILED, EAGER, ENGINES, ONNXRUNTIME, OPENVINO, Graph, cores
from lenext.errors import LenextError, UsageError

CAN = {"onnx": (OPENVINO, ONNXRUNTIME), "openvino": (OPENVINO,), "torch": (EAGER, COMPILED)}
BATCH = 16  # images that go through together
FOUR = 4  # ours: images at a time that fill small layers and stay in caches


def open_graph(
    folder: Path, form: str, engine: str | None = None, precision: str = "fp32", batch: int = BATCH, piece: int = 1
) -> Graph:
    """The engine, or the format's usual one; piece: images that OpenVINO is given at a time.

    Raises UsageError for an engine that cannot run the format, or not in that precision, or is not installed.
    """
    name = engine or usual(form)
    if name not in CAN[form]:
        raise UsageError(f"A network exported to {form} does not run in {name}.", f"Use {' or '.join(CAN[form])}.")
    check_precision(name, precision, file=form == "torch")
    graph = folder / GRAPHS[form]
    if name == OPENVINO:
        from lenext.engines.openvino import OpenVino

        return OpenVino(graph, precision, batch, piece)
    if name == ONNXRUNTIME:
        from lenext.engines.onnxruntime import OnnxRuntime

        return OnnxRuntime(graph)
    import torch

    from lenext.engines.eager import Compiled, Program

    whole = torch.export.load(graph)
    signature = whole.graph_signature
    nodes = {node.name: node.meta.get("val") for node in whole.graph.nodes}
    taken, given = nodes[signature.user_inputs[0]], nodes[signature.user_outputs[0]]
    shape = (*taken.shape[1:], given.shape[1])
    return Program(whole.module(), shape) if name == EAGER else Compiled(whole.module(), shape, precision, batch)


def usual(form: str) -> str:
    """The engine that a format is for; OpenVINO runs ONNX where ONNX Runtime is not installed."""
    if form == "onnx" and find_spec(ONNXRUNTIME) is None and find_spec(OPENVINO) is not None:
        return OPENVINO
    return {"onnx": ONNXRUNTIME, "openvino": OPENVINO, "torch": EAGER}[form]


def in_pieces(engines: Iterable[str], batch: int) -> dict[str, tuple[str, int]]:
    """What "auto" tries: a name for each engine, and for OpenVINO with one, with four, with each core's share of images
    at a time, and with all.
    """
    share = -(-batch // cores())
    shares = {1, min(FOUR, share), share, batch}
    found = {}
    for engine in engines:
        for piece in sorted(shares) if engine == OPENVINO else [1]:
            found[engine if piece == 1 else f"{engine}:{piece}"] = engine, piece
    return found


def check_precision(engine: str, precision: str, *, file: bool = False) -> None:
    """Refuse bf16 where an engine has none. file: torch's own, which fixes the types of an eager pass."""
    if precision == "fp32":
        return
    if engine == ONNXRUNTIME or (engine == EAGER and file):
        other = COMPILED if file else OPENVINO
        raise UsageError(f"The engine {engine} has no {precision} here.", f"Use --precision fp32, or --engine {other}.")
    if engine == OPENVINO:
        from lenext.engines.openvino import PRECISIONS, computes_bf16

        if precision not in PRECISIONS or not computes_bf16():
            raise UsageError(f"OpenVINO cannot compute in {precision} on this processor.", "Use --precision fp32.")


def precisions_of(form: str) -> list[str]:
    """Those in which a format can be run here, the file's own first."""
    if form != "openvino":
        return ["fp32"]
    from lenext.engines.openvino import computes_bf16

    return ["fp32", "bf16"] if computes_bf16() else ["fp32"]


def quickest_precision(form: str, engine: str | None) -> str:
    """What "auto" means for an exported network: bf16 where an engine that may run it computes in it here."""
    if engine == OPENVINO or (engine == AUTO and OPENVINO in CAN[form]):
        form = "openvino"
    with suppress(LenextError):  # OpenVINO is not installed
        return precisions_of(form)[-1]
    return "fp32"


def check_name(engine: str) -> None:
    """Refuse a name that is no engine's."""
    names = AUTO, *ENGINES
    if engine not in names:
        raise UsageError(f"There is no engine {engine!r}.", f"Give one of {', '.join(names)}.")
