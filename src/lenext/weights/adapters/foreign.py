"""Weight files of other libraries, told apart by what is in them and not by their names."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from lenext.errors import UsageError, WeightFileError
from lenext.weights.adapters import caffemodel, hdf5
from lenext.weights.state_dict import read_state

HDF5, ZIP, PICKLE = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"\x80"


class Foreign(dict[str, Tensor]):
    """Tensors by their names in the file.

    source: "keras" or "caffe", "" for a state dict of torch, whose library its names show; network: what the file
    says that it is, "" where it does not.
    """

    def __init__(self, tensors: Mapping[str, Tensor], source: str = "", network: str = "") -> None:
        super().__init__(tensors)
        self.source, self.network = source, network


def read_foreign(path: str | Path) -> Foreign:
    """The tensors of a safetensors file, a torch checkpoint, a file of Keras or a ``.caffemodel``, on the CPU.

    No code in the file is run. Raises ``UsageError`` when nothing is there, ``WeightFileError`` for what is no such
    file or a damaged one.
    """
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"There is no weight file at {path}.", "Name a file that is there.")
    with file.open("rb") as opened:
        start = opened.read(16)
    if start.startswith(HDF5) or (start.startswith(ZIP) and _of_keras(file)):
        return Foreign(hdf5.read(file), "keras")
    if start.startswith((ZIP, PICKLE)):
        return Foreign(read_state(file))
    if start[8:9] == b"{":
        return Foreign(_safetensors(file))
    model = caffemodel.read(file)
    return Foreign(model.tensors, "caffe", model.name)


def _of_keras(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return hdf5.ARCHIVED in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _safetensors(file: Path) -> dict[str, Tensor]:
    try:
        return load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightFileError(f"{file} is no safetensors file, or a damaged one ({error}).", "Copy it again.") from None
