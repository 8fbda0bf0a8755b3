"""Folders as people and systems leave them, each with what must be read and what must be named."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pictures import class_folders, encoded, tiny_photo

BASE = {"cat": 2, "dog": 2}
SOUND = frozenset({"cat/000.jpg", "cat/001.jpg", "dog/000.jpg", "dog/001.jpg"})


@dataclass(frozen=True)
class Tree:
    """``make`` puts it around two sound classes; read: paths besides theirs; named: (path, kind) of every problem."""

    name: str
    make: Callable[[Path], object]
    read: frozenset[str] = frozenset()
    named: frozenset[tuple[str, str]] = frozenset()

    def build(self, root: Path) -> Path:
        class_folders(root, BASE)
        self.make(root)
        return root


def tree(name, make, read=(), named=()):
    return Tree(name, make, frozenset(read), frozenset(named))


def photo(path: Path, seed=90):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tiny_photo(seed))


def link(path: Path, to):
    path.symlink_to(to)


def listening(path: Path):
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


def sparse(path: Path):
    with path.open("wb") as file:
        file.truncate(1 << 33)


def odd_name(word):
    """A file of that name, which is read like any other."""
    seed = 100 + sum(map(ord, word)) % 1000
    return lambda root: photo(root / "cat" / word, seed)


LONG = "n" * 251 + ".jpg"  # 255 bytes
NAMES = {
    "newline": "a\nb.jpg", "escape": "a\x1b[31mb\x07.jpg", "right to left": "a\u202egpj.exe.jpg", "dash": "-rf.jpg",
    "formula": "=cmd|'/C calc'!A0.jpg", "tag": "<img src=x onerror=alert(1)>.jpg", "long": LONG, "blank": "  .jpg",
    "glob": "[a-z]*?.jpg", "percent": "%s%n{0}.jpg", "quotes": "a\"b'c`d$(id);.jpg", "backslash": "a\\b.jpg",
}  # fmt: skip

TREES = (
    *(tree(f"name: {kind}", odd_name(word), [f"cat/{word}"]) for kind, word in NAMES.items()),
    tree("name that is not UTF-8", lambda root: photo(root / "cat" / os.fsdecode(b"\xff.jpg")),
         named=[("cat/\\xff.jpg", "name")]),
    tree("folder called like a picture", lambda root: photo(root / "cat" / "album.jpg" / "a.jpg"),
         ["cat/album.jpg/a.jpg"]),
    tree("FIFO", lambda root: os.mkfifo(root / "cat" / "pipe.jpg"), named=[("cat/pipe.jpg", "special-file")]),
    tree("socket", lambda root: listening(root / "cat" / "socket.jpg"), named=[("cat/socket.jpg", "special-file")]),
    tree("link to an endless device", lambda root: link(root / "cat" / "zero.jpg", "/dev/zero"),
         named=[("cat/zero.jpg", "special-file")]),
    tree("link to a system file", lambda root: link(root / "cat" / "maps.jpg", "/proc/self/maps"),
         named=[("cat/maps.jpg", "not-an-image")]),
    tree("dangling link", lambda root: link(root / "cat" / "gone.jpg", "nowhere.jpg"),
         named=[("cat/gone.jpg", "unreadable")]),
    tree("link to itself", lambda root: link(root / "dog" / "self.jpg", "self.jpg"), named=[("dog/self.jpg", "loop")]),
    tree("folder that holds itself", lambda root: link(root / "cat" / "again", ".."), named=[("cat/again", "loop")]),
    tree("two folders that hold each other",
         lambda root: [(root / "cat" / name).mkdir() or link(root / "cat" / name / "other", f"../{other}")
                       for name, other in (("x", "y"), ("y", "x"))],
         named=[("cat/x/other/other", "loop"), ("cat/y", "loop")]),
    tree("deep", lambda root: photo(root.joinpath("cat", *["d"] * 60, "a.jpg")),
         ["/".join(["cat", *["d"] * 60, "a.jpg"])]),
    tree("what systems leave",
         lambda root: [(root / "cat" / name).touch() for name in (".DS_Store", "Thumbs.db", "._1.jpg")],
         named=[("cat/.DS_Store", "litter"), ("cat/Thumbs.db", "litter"), ("cat/._1.jpg", "litter")]),
    tree("class without a picture", lambda root: (root / "owl").mkdir(), named=[("owl", "class-empty")]),
    tree("pictures beside the classes", lambda root: photo(root / "stray.jpg"), named=[("stray.jpg", "no-class")]),
    tree("empty file", lambda root: (root / "cat" / "0.jpg").touch(), named=[("cat/0.jpg", "empty")]),
    tree("large file that is no picture", lambda root: sparse(root / "cat" / "sparse.jpg"),
         named=[("cat/sparse.jpg", "not-an-image")]),
    tree("picture in a text's clothes", lambda root: (root / "cat" / "a.txt").write_bytes(tiny_photo(3)),
         named=[("cat/a.txt", "not-an-image")]),
    tree("text in a picture's clothes", lambda root: (root / "dog" / "a.jpg").write_text("no"),
         named=[("dog/a.jpg", "not-an-image")]),
    tree("picture under another name", lambda root: (root / "dog" / "a.jpg").write_bytes(encoded(kind="png")),
         ["dog/a.jpg"],
         [("dog/a.jpg", "wrong-extension")]),
    tree("class called like markup", lambda root: photo(root / "<b>&amp;" / "a.jpg"), ["<b>&amp;/a.jpg"]),
)  # fmt: skip
