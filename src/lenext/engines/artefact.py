"""An exported network: a folder that holds a graph and everything needed to use and to judge it. No torch here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lenext.errors import LenextError, WeightFileError
from lenext.protocol import Preprocessing
from lenext.values import decode, encode

FILE = "lenext.json"
FORMATS = ("onnx", "openvino", "torch")
GRAPHS = {"onnx": "model.onnx", "openvino": "model.xml", "torch": "model.pt2"}


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """What an exported folder is.

    format: one of ``FORMATS``; precision: "fp32" or "int8"; files: name -> SHA-256; classes: in the order of the
    outputs; preprocessing: from a file to the pixels that the graph takes (uint8 N H W C); mean and deviation are in
    the graph, as is temperature, by which logits were divided; card: of the weight file; parity: how far the graph's
    answers are from the network's; versions: what exported it; sha256: of all this, by which an edit is found, for most
    of it is in the graph as well ("" of what was exported before there was one).
    """

    format: str
    precision: str
    files: Mapping[str, str]
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    temperature: float
    card: Mapping[str, Any] = field(default_factory=dict)
    parity: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    sha256: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width and channels of what the graph takes, and how many classes it answers with."""
        return (*self.preprocessing.view.shape, self.preprocessing.channels, len(self.classes))

    @property
    def graph(self) -> str:
        """The file that an engine opens."""
        return GRAPHS[self.format]

    def text(self) -> bytes:
        """As the folder holds it, with its own SHA-256."""
        document = json.loads(json.dumps(encode(self)))  # as it will be read
        document["sha256"] = own_digest(document)
        return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def is_artefact(path: str | Path) -> bool:
    """Whether ``lenext export`` made the folder; an empty word names none, least of all where one stands."""
    return path != "" and (Path(path) / FILE).is_file()


def read_artefact(folder: Path) -> Artefact:
    """What the folder says of itself. Raises WeightFileError where that cannot be read."""
    try:
        document = json.loads((folder / FILE).read_text(encoding="utf-8"))
        found: Artefact = decode(Artefact, document, "export")
    except (OSError, ValueError, LenextError) as error:
        raise damaged(folder, f"{FILE} cannot be read: {str(error).removesuffix('.')}") from None
    view, channels = found.preprocessing.view, found.preprocessing.channels
    sizes = view.resize, *view.shape, channels
    if found.format not in FORMATS or not found.classes or found.graph not in found.files or min(sizes) < 1:
        raise damaged(folder, f"{FILE} contradicts itself")
    if found.sha256 not in ("", own_digest(document)):
        raise damaged(folder, f"{FILE} is not what was written: its SHA-256 differs")
    return found


def verify(folder: Path, artefact: Artefact) -> None:
    """Raise WeightFileError where a file is not the one that was written."""
    for name, sha256 in artefact.files.items():
        if Path(name).name != name or not (folder / name).is_file():
            raise damaged(folder, f"{name} is missing")
        if digest(folder / name) != sha256:
            raise damaged(folder, f"{name} is not what was written: its SHA-256 differs")


def agree(folder: Path, artefact: Artefact, found: tuple[int, ...]) -> None:
    """Raise WeightFileError where the graph has another shape than the folder says of it."""
    if found != artefact.shape:
        told, has = ("{} x {} x {} pixels, {} classes".format(*shape) for shape in (artefact.shape, found))
        raise damaged(folder, f"{FILE} says {told}, and its graph has {has}")


def own_digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of what ``FILE`` says, however it is laid out, but for this."""
    told = {name: value for name, value in document.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def digest(file: Path) -> str:
    """SHA-256 of a file."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def damaged(folder: Path, why: str) -> WeightFileError:
    return WeightFileError(f"The exported network in {folder} is damaged: {why}.", "Export it again, or copy it again.")
