"""Folders of images: which folder is a class, which a split, and what else lies there."""

from __future__ import annotations

import errno
import os
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lenext.data.collector import at_rest
from lenext.data.item import LEFT_OUT, TEST, TRAIN, VAL, Item, Problem
from lenext.data.remarks import SUFFIXES
from lenext.errors import DataError

SPLIT_WORDS = {
    "train": TRAIN, "training": TRAIN, "val": VAL, "valid": VAL, "validation": VAL, "test": TEST, "testing": TEST,
}  # fmt: skip

# What systems and tools leave behind; whatever begins with a dot is litter too.
LITTER = frozenset({
    "__macosx", "@eadir", "__pycache__", "$recycle.bin", "system volume information", "lost+found", "thumbs.db",
    "ehthumbs.db", "desktop.ini", "icon\r",
})  # fmt: skip

# Certainly no images; of a file with any other strange extension the content decides.
OTHER_SUFFIXES = frozenset({
    ".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".ini", ".md", ".rst", ".html", ".log",
    ".py", ".ipynb", ".sh", ".mat", ".npy", ".npz", ".pkl", ".pt", ".pth", ".safetensors", ".h5", ".zip", ".tar", ".gz",
})  # fmt: skip
OTHER_NAMES = frozenset({"readme", "license", "licence", "makefile"})


@at_rest()
def walk(root: Path) -> tuple[str, tuple[Item, ...], tuple[Problem, ...]]:
    """(layout, images, problems) of a folder of class folders, or of a folder of splits that hold class folders."""
    problems: list[Problem] = []
    folders, files = entries(root, "", problems)
    folders = [name for name in folders if not holds_runs(root / name, name, problems)]
    splits = split_folders(root, folders)
    problems += [beside(file) for file in files]
    if splits:
        for name in set(folders) - set(splits):
            problems.append(Problem(name, "litter", "The folder lies beside the splits and is none of them.", LEFT_OUT))
        items = [item for name, split in splits.items() for item in class_folders(root, name, split, problems)]
        return "splits", tuple(items), tuple(problems)
    items = [item for name in folders for item in class_folder(root, name, "", problems)]
    return "class folders", tuple(items), tuple(problems)


# ---------------------------------------------------------------- splits and classes


def split_folders(root: Path, folders: list[str]) -> dict[str, str]:
    """Folder -> split where the folders are splits; empty where they are classes.

    Two of the three words side by side are splits, and so is one alone. A single ``train`` among others may be the
    vehicle: it is a class when images lie directly in it, a split when no other folder holds an image.
    """
    splits = {name: SPLIT_WORDS[name.casefold()] for name in folders if name.casefold() in SPLIT_WORDS}
    others = [name for name in folders if name not in splits]
    if not splits or not others or len(set(splits.values())) > 1:
        return splits
    if any(holds_image(root / name, deep=False) for name in splits):
        return {}
    rivals = [name for name in others if holds_image(root / name, deep=True)]
    if not rivals:
        return splits
    raise DataError(
        f"In {root}, {min(splits)!r} has folders inside and lies beside {min(rivals)!r}, so that it may be "
        "a split or a class.",
        "Keep only train, val and test in the folder, or say which image is what in a CSV of path,label,split.",
    )


def holds_runs(folder: Path, name: str, problems: list[Problem]) -> bool:
    """Whether the folder is a run of lenext or holds some: ``train .`` puts ``runs/`` beside the classes."""
    found = any(folder.glob("run.json")) or any(folder.glob("*/run.json"))
    if found:
        problems.append(Problem(name, "litter", "The folder holds runs of lenext.", LEFT_OUT))
    return found


def holds_image(folder: Path, *, deep: bool) -> bool:
    """Whether a file called like an image lies in the folder (``deep``: or below)."""
    for _, _, files in os.walk(folder):
        if any(os.path.splitext(file)[1].lower() in SUFFIXES for file in files):
            return True
        if not deep:
            return False
    return False


def class_folders(root: Path, folder: str, split: str, problems: list[Problem]) -> list[Item]:
    """The images of a split: of each folder in it."""
    folders, files = entries(root, folder, problems)
    problems += [beside(file) for file in files]
    return [item for name in folders for item in class_folder(root, name, split, problems)]


def class_folder(root: Path, folder: str, split: str, problems: list[Problem]) -> list[Item]:
    """The images below one folder, at any depth; the class is called like the folder."""
    # Composed characters, so that a name typed on another system is the same class.
    label = unicodedata.normalize("NFC", PurePosixPath(folder).name)
    items = [Item(path, label, split) for path in files_below(root, folder, problems)]
    if not items:
        problems.append(Problem(folder, "class-empty", f"The class folder {label!r} holds no image.", LEFT_OUT))
    return items


def beside(file: str) -> Problem:
    if PurePosixPath(file).suffix.lower() not in SUFFIXES:
        return Problem(file, "not-an-image", WHY["not-an-image"], LEFT_OUT)
    return Problem(file, "no-class", "The image lies beside the class folders, so its class is unknown.", LEFT_OUT)


# ---------------------------------------------------------------- reading folders


def files_below(root: Path, folder: str, problems: list[Problem]) -> Iterator[str]:
    """Paths of what may be an image, at any depth. A folder that links lead to twice is read once."""
    above = [root, *(root / parent for parent in PurePosixPath(folder).parents)]
    seen = {identity(path) for path in above}
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        mark = identity(root / here)
        if mark in seen:
            message = "The link leads to a folder that holds it or that was read already."
            problems.append(Problem(here, "loop", message, LEFT_OUT))
            continue
        seen.add(mark)
        folders, files = entries(root, here, problems)
        waiting += reversed(folders)
        yield from files


def identity(folder: Path) -> tuple[int, int] | str:
    """What is the same for two paths to one folder."""
    try:
        found = folder.stat()
    except OSError:
        return str(folder)
    return found.st_dev, found.st_ino


def entries(root: Path, folder: str, problems: list[Problem]) -> tuple[list[str], list[str]]:
    """(folders, files that may be images) in a folder as sorted paths below ``root``; the rest goes to ``problems``."""
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(root / folder) as scan:
            for entry in scan:
                path = f"{folder}/{entry.name}" if folder else entry.name
                verdict = judge(entry)
                if verdict in {"folder", "file"}:
                    (folders if verdict == "folder" else files).append(path)
                else:
                    problems.append(Problem(printable(path), verdict, WHY[verdict], LEFT_OUT))
    except OSError as error:
        why = f"The folder cannot be read ({error.strerror})."
        problems.append(Problem(folder or ".", "unreadable", why, LEFT_OUT))
    return sorted(folders), sorted(files)


WHY = {
    "name": "The name is not valid UTF-8.",
    "litter": "A system or a tool left this behind.",
    "not-an-image": "The name is not that of an image.",
    "special-file": "This is neither a file nor a folder.",
    "unreadable": "The link leads nowhere.",
    "loop": "The link leads back to itself.",
}


def judge(entry: os.DirEntry[str]) -> str:
    """ "folder", "file" (perhaps an image), or the kind of problem that the entry is."""
    try:
        entry.name.encode()
        if entry.name.startswith(".") or entry.name.casefold() in LITTER:
            return "litter"
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            stem, suffix = os.path.splitext(entry.name.casefold())
            return "not-an-image" if suffix in OTHER_SUFFIXES or stem in OTHER_NAMES else "file"
        return "unreadable" if entry.is_symlink() and not os.path.exists(entry.path) else "special-file"
    except UnicodeEncodeError:
        return "name"
    except OSError as error:
        return "loop" if error.errno == errno.ELOOP else "unreadable"


def printable(path: str) -> str:
    """The path with the bytes that are no UTF-8 written as backslash escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
