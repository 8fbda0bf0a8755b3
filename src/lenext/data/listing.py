"""A data set as a list: which images, of which class, in which split, and what is wrong with it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

import numpy as np
from numpy.typing import NDArray

from lenext.data import builtin, folder, table
from lenext.data.columns import CSV, LABEL_COLUMNS, LABEL_SETS, names_of
from lenext.data.decode import read_file
from lenext.data.images import ArrayImages, FileImages, Images
from lenext.data.item import LEFT_OUT, REMARK, SPLITS, TRAIN, Content, Item, Problem
from lenext.data.remarks import SUFFIXES
from lenext.errors import DataError, UsageError, did_you_mean
from lenext.protocol import MULTICLASS, MULTILABEL

__all__ = ["Content", "Item", "Listing", "Part", "Problem", "find", "fingerprint", "part"]


@dataclass(frozen=True)
class Listing:
    """A data set. Item i is image i of ``images``; items are sorted by path, classes by name.

    layout: "built-in", "class folders", "splits" or a form of ``columns``; contents: one for each item after ``scan``,
    empty before and for arrays.
    """

    name: str
    root: Path
    layout: str
    classes: tuple[str, ...]
    items: tuple[Item, ...]
    images: Images
    problems: tuple[Problem, ...] = ()
    contents: tuple[Content, ...] = ()

    @property
    def task(self) -> str:
        """What there is to learn: one class of each image, or any number of labels."""
        return MULTILABEL if self.layout in (LABEL_SETS, LABEL_COLUMNS) else MULTICLASS

    def classes_of(self, item: Item) -> tuple[str, ...]:
        """The class of an image, or its labels."""
        return names_of(item) if self.task == MULTILABEL else (item.label,)

    @property
    def splits(self) -> tuple[str, ...]:
        """Those of train, val, test that have an image; images of no split count as train."""
        present = {item.split or TRAIN for item in self.items}
        return tuple(split for split in SPLITS if split in present)


@dataclass(frozen=True, eq=False)
class Part:
    """The images of one split: ``images`` is the whole data set's, ``indices`` (int64) choose from it.

    labels: int64, positions in the listing's classes (N), or of images with any number of labels which of them each has
    (N x K of 0 and 1); names: paths as in the items. All three in the items' order.
    """

    images: Images
    indices: NDArray[np.int64]
    labels: NDArray[np.int64]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.indices)

    def sizes(self, classes: int) -> NDArray[np.int64]:  # K
        """How many of the images each class has."""
        if self.labels.ndim == 2:
            return np.asarray(self.labels.sum(0), dtype=np.int64)
        return np.bincount(self.labels, minlength=classes)

    def some(self, most: int) -> Part:
        """The images, or ``most`` of them, evenly spread over all."""
        rows = np.unique(np.linspace(0, len(self) - 1, min(most, len(self))).round().astype(np.int64))
        names = tuple(self.names[row] for row in rows)
        return replace(self, indices=self.indices[rows], labels=self.labels[rows], names=names)


def part(listing: Listing, split: str | None) -> Part:
    """The images of "train", "val" or "test", or all of them (None); may be empty."""
    chosen = [index for index, item in enumerate(listing.items) if split is None or (item.split or TRAIN) == split]
    items = [listing.items[index] for index in chosen]
    numbers = np.array(chosen, dtype=np.int64)
    return Part(listing.images, numbers, encoded(listing, items), tuple(item.path for item in items))


def short_sides(listing: Listing) -> list[int]:
    """Pixels of every image's shorter side; once for all of a built-in set, whose images are of one size."""
    sides = [min(content.width, content.height) for content in listing.contents]
    return sides or [min(listing.images.read(0, 1, 255).shape[1:])]


def encoded(listing: Listing, items: Sequence[Item]) -> NDArray[np.int64]:
    """What ``Part.labels`` are of these items."""
    position = {name: index for index, name in enumerate(listing.classes)}
    if listing.task == MULTICLASS:
        return np.array([position[item.label] for item in items], dtype=np.int64)
    rows = np.zeros((len(items), len(position)), dtype=np.int64)
    for row, item in zip(rows, items, strict=True):
        row[[position[name] for name in names_of(item)]] = 1
    return rows


def fingerprint(listing: Listing) -> str:
    """SHA-256 over path, class, split and content of every image: the same data in the same split, wherever they lie.

    Files that were not scanned are read.
    """
    digest = hashlib.sha256(b"" if listing.task == MULTICLASS else listing.task.encode())
    for index, item in enumerate(listing.items):
        content = ""
        if listing.contents:
            content = listing.contents[index].sha256
        elif isinstance(listing.images, FileImages):
            content = hashlib.sha256(read_file(listing.images.path(index))).hexdigest()
        digest.update(f"{item.path}\0{item.label}\0{item.split}\0{content}\0".encode())
    if isinstance(listing.images, ArrayImages):
        array = np.ascontiguousarray(listing.images.array)
        digest.update(f"{array.shape}".encode())
        digest.update(array.data)
    return digest.hexdigest()


def find(spec: str, *, data_root: str | None = None, least: int = 2) -> Listing:
    """The data set that ``spec`` names; no image is read yet (see ``scan``).

    A built-in name (``digits mnist fashion-mnist``), a folder of class folders, a folder with train/ and val/ or
    test/, a CSV of path,label[,split], or one that says of each image which of several labels it has (see ``columns``).
    A local folder that is called like a built-in set needs a path separator (``./digits``). ``data_root``: where the
    files of built-in sets are looked for first; ``least``: how many classes there must be where an image has one
    (training needs two, a measurement one).
    Raises ``UsageError`` for what is not there or is no data set, ``DataError`` for one that cannot be used.
    """
    if spec.lower() in builtin.NAMES:
        images, items = builtin.load(spec.lower(), data_root)
        return assemble(spec.lower(), Path(), "built-in", items, images, ())
    if not spec:
        raise UsageError("No data were named.", "Give a folder, a CSV file or a built-in name.")
    path = Path(os.path.expanduser(spec))  # Path.expanduser raises for an unknown user
    mode = kind_of(path)
    if stat.S_ISDIR(mode):
        refuse_run_folder(path)
        layout, items, problems = folder.walk(path)
        return from_files(path, path, layout, items, problems, least)
    if stat.S_ISREG(mode):
        refuse_other_files(path)
        layout, items, problems = table.read(path)
        return from_files(path, path.parent, layout, items, problems, least)
    if mode:
        raise UsageError(f"{spec} is neither a folder nor a file.", "Give a folder of class folders, or a CSV file.")
    hint = (
        did_you_mean(spec, [*builtin.NAMES, *beside(path)], cutoff=0.7)
        or f"Give a path that exists, or one of {', '.join(builtin.NAMES)}."
    )
    raise UsageError(f"There is no folder, CSV file or built-in data set {spec!r}.", hint)


def beside(path: Path) -> list[str]:
    """What else lies in the folder where ``path`` was looked for."""
    try:
        return [str(one) for one in path.parent.iterdir() if not one.name.startswith(".")]
    except (OSError, ValueError):
        return []


def kind_of(path: Path) -> int:
    """The mode of what lies there, 0 where nothing does."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def from_files(
    path: Path, root: Path, layout: str, items: Iterable[Item], problems: Iterable[Problem], least: int
) -> Listing:
    """A listing of files; a data set that cannot teach anything raises ``DataError``."""
    items = tuple(sorted(items, key=lambda item: item.path))
    images = FileImages(root, tuple(item.path for item in items))
    listing = assemble(path.resolve().name, root, layout, items, images, problems)
    check_classes(listing, str(path), least)
    return listing


def assemble(
    name: str, root: Path, layout: str, items: tuple[Item, ...], images: Images, problems: Iterable[Problem]
) -> Listing:
    """Classes are the sorted names that have an image in any split; a class that a split lacks is a problem."""
    return with_problems(with_classes(Listing(name, root, layout, (), items, images)), problems)


def with_classes(listing: Listing) -> Listing:
    """The listing with the classes that its items have."""
    kinds = {item.label: item for item in listing.items}.values()
    names = {name for item in kinds for name in listing.classes_of(item)}
    return replace(listing, classes=tuple(sorted(names)))


def with_problems(listing: Listing, problems: Iterable[Problem]) -> Listing:
    """The listing with these problems, sorted by path, and with those that its own items show."""
    others = [problem for problem in problems if problem.kind != "class-missing"]
    every = dict.fromkeys([*others, *missing_classes(listing)])  # in their order, which is half sorted already
    found = sorted(every, key=lambda problem: (problem.path, problem.kind))
    return replace(listing, problems=tuple(found))


def missing_classes(listing: Listing) -> list[Problem]:
    """Classes without an image in a split that other classes have."""
    kinds = {(item.split or TRAIN, item.label): item for item in listing.items}
    present = {(split, name) for (split, _), item in kinds.items() for name in listing.classes_of(item)}
    return [
        Problem(f"{split}/{label}", "class-missing", f"There is no image of class {label!r} in {split}.", REMARK)
        for split in listing.splits
        for label in listing.classes
        if (split, label) not in present
    ]


def check_classes(listing: Listing, path: str, least: int) -> None:
    """Refuse a data set without images or with fewer classes than ``least``."""
    kinds = Counter(problem.kind for problem in listing.problems if problem.action == LEFT_OUT)
    if not listing.items and kinds["no-class"]:
        raise DataError(
            f"The {kinds['no-class']} images in {path} do not lie in class folders, so that their classes are unknown.",
            "Make one folder for each class and put its images there, or give a CSV of path,label.",
        )
    found = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    others = f" (left out: {found})" if found else ""
    if not listing.items:
        rows = listing.layout in (CSV, LABEL_SETS, LABEL_COLUMNS)
        raise DataError(
            f"No image was found in {path}{others}.",
            "Give a line path,label for each image."
            if rows and not found
            else "Give a folder that holds one folder of images for each class.",
        )
    if listing.task == MULTILABEL:
        if not listing.classes:
            raise DataError(f"No image in {path} has a label.", "Name the labels of those that have some.")
        return
    if len(listing.classes) < least:
        raise DataError(
            f"All {len(listing.items)} images in {path} belong to one class, {listing.classes[0]!r}{others}.",
            "Give a folder with at least two class folders; perhaps the folder above is meant.",
        )


def refuse_run_folder(path: Path) -> None:
    if (path / "model.safetensors").is_file() or ((path / "recipe.json").is_file() and (path / "checkpoints").is_dir()):
        run = quote(str(path))
        raise UsageError(
            f"{path} is a run folder, not a data set.",
            f"Name the data: `lenext evaluate {run} DATA` measures it, `lenext train DATA --weights {run}` goes on.",
        )


def refuse_other_files(path: Path) -> None:
    """Files that are not a CSV; each with what was probably meant."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv"):
        return
    if suffix == ".safetensors":
        raise UsageError(f"{path} is a weight file, not a data set.", f"Say `lenext evaluate {quote(str(path))} DATA`.")
    if suffix in SUFFIXES:
        raise UsageError(
            f"{path} is one image, not a data set.", f"To classify it: `lenext predict MODEL {quote(str(path))}`."
        )
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError:
        start = b""
    packed = start[:2] == b"PK" or start[:2] == b"\x1f\x8b"
    raise UsageError(
        f"{path} is not a data set.",
        "Unpack the archive and give the folder." if packed else "Give a folder of class folders, or a CSV file.",
    )
