"""A network written as a folder that engines run: whole or not at all, after its answers were compared."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lenext.api.labels import cuts_of
from lenext.benchmark.machine import versions
from lenext.engines.artefact import FILE, Artefact, digest
from lenext.engines.eager import Eager
from lenext.engines.engine import Pixels
from lenext.engines.opening import open_graph, precisions_of
from lenext.errors import Failed, LenextError, UsageError
from lenext.evaluation.inference import Compute
from lenext.exports import graph, quantise
from lenext.exports.parity import Parity, compare, made_pictures
from lenext.exports.quick_layers import with_quick_layers
from lenext.values import encode
from lenext.weights.card import Model
from lenext.weights.durable import adopt_folder, make_folder

MORE = 2**16  # ours: bytes that a disk takes which was not full


@dataclass(frozen=True, eq=False)
class Shown:
    """What network and file are compared on: views (uint8 N C H W), labels where they are known, and in words which.

    unreadable: the files of those data that were left out, each with the reason.
    """

    views: Pixels
    labels: NDArray[np.int64] | None
    words: str
    unreadable: tuple[dict[str, str], ...] = ()


def made(model: Model, most: int | None = None) -> Shown:
    """Made pictures, ``most`` of them where that is given."""
    preprocessing = model.card.preprocessing
    return Shown(made_pictures(preprocessing.channels, *preprocessing.view.shape)[:most], None, "made pictures")


def write(
    model: Model, form: str, out: Path, shown: Shown, *, scales: Pixels | None = None, limit: float = 0.0
) -> tuple[Artefact, list[Parity]]:
    """Write the folder, whole or not at all, after running what is in it.

    scales: images (uint8 N C H W) that set the scales of eight bits; limit: the share of labels that may change.
    """
    one_class(model)
    try:
        with unfinished(out) as beside, full_disk_by_its_name(beside):
            write_graph(model, form, beside, scales)
            reports = parity(model, form, beside, shown, int8=scales is not None)
            within(limit, reports[0])
            artefact = described(model, form, beside, scales is not None, reports)
            (beside / FILE).write_bytes(artefact.text())
            adopt_folder(beside, out)
    except OSError as error:
        raise Failed(f"Cannot write {out}: {error.strerror or error}.", "Free space or choose another --out.") from None
    return artefact, reports


@contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """An empty folder beside ``out``, of this process alone, which an error takes away; what a killed one left is gone.

    Raises Failed where another process is writing there.
    """
    beside = out.with_name(f".unfinished-{out.name}")
    make_folder(beside.parent)
    beside.mkdir(exist_ok=True)
    descriptor = os.open(beside, os.O_RDONLY)
    try:
        if not lock(descriptor, beside):
            raise Failed(f"Another process is exporting to {out}.", "Wait for it, or name another folder with --out.")
        try:
            for left in beside.iterdir():
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            yield beside
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
    finally:
        os.close(descriptor)


def lock(descriptor: int, folder: Path) -> bool:
    """Whether the folder, opened so, is this process's alone; where a file system has no locks it is taken to be."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except (BlockingIOError, FileNotFoundError):  # or another has just given it its name
        return False
    except OSError:
        return True


@contextmanager
def full_disk_by_its_name(folder: Path) -> Iterator[None]:
    """Raises OSError where the disk takes no more: what writes graphs has many names for that."""
    try:
        yield
    except (OSError, LenextError):
        raise
    except Exception:
        (folder / "more").write_bytes(bytes(MORE))
        raise


def within(limit: float, judged: Parity) -> None:
    """Refuse a file with which more labels change than may."""
    if judged.share > limit:
        raise Failed(
            f"{judged.line()}; at most {limit:.2%} may change.",
            "Nothing was kept. Compare on more images with --data, or allow more with --limit.",
        )


def one_class(model: Model) -> None:
    """Refuse a network of labels, whose thresholds no format here carries."""
    if cuts_of(model.card) is not None:
        raise UsageError("The network gives any number of labels, and exports are for one class.", "Use it by its run.")


def write_graph(model: Model, form: str, folder: Path, scales: Pixels | None) -> None:
    """The files of a format."""
    preprocessing = model.card.preprocessing
    shape = (*preprocessing.view.shape, preprocessing.channels)
    eight_bits = scales is not None  # for which quick layers would be taken to their parts
    network = model.network if eight_bits else with_quick_layers(model.network, form)
    deployed = graph.Deployed(network, model.statistics, model.temperature, shape)
    whole = graph.program(deployed, shape)
    if form == "torch":
        graph.write_torch(whole, folder)
        return
    graph.write_onnx(whole, folder)
    if form == "openvino":
        graph.write_openvino(folder / "model.onnx", folder)
        for file in folder.glob("model.onnx*"):
            file.unlink()
    if scales is not None:
        quantise.quantise(folder, form, scales)


def parity(model: Model, form: str, folder: Path, shown: Shown, *, int8: bool) -> list[Parity]:
    """The file against the network; the first report is of the precision that the file is in."""
    own = Eager(model.network, model.statistics, Compute.choose("cpu"), model.temperature)
    before = np.concatenate([own.predict(shown.views[row : row + 32]) for row in range(0, len(shown.views), 32)])
    reports = []
    for precision in precisions_of(form):
        named = precision if not int8 else "int8" if precision == "fp32" else f"int8 and {precision}"
        engine = open_graph(folder, form, precision=precision)
        reports.append(compare(engine, named, shown.views, before, shown.labels, shown.words))
    return reports


def described(model: Model, form: str, folder: Path, int8: bool, reports: list[Parity]) -> Artefact:
    """What the folder says of itself."""
    return Artefact(
        format=form,
        precision="int8" if int8 else "fp32",
        files={file.name: digest(file) for file in sorted(folder.iterdir())},
        classes=model.card.classes,
        preprocessing=model.card.preprocessing,
        temperature=model.temperature,
        card=encode(replace(model.card, classes=())),
        parity={"reports": [report.document() for report in reports]},
        versions=versions(),
    )
