"""A disk that is watched: every call that changes it is counted, recorded, cut short, or refused.

All that ``weights/durable``, ``training/log`` and ``shutil.rmtree`` do goes through ``os`` or ``io.open``, so that is
where it is caught, below one folder. A write is one call, and can break off in its middle.
"""

from __future__ import annotations

import errno
import io
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

CALLS = ("mkdir", "rename", "replace", "unlink", "remove", "rmdir", "truncate", "fsync")


@dataclass(frozen=True)
class Call:
    """What was asked; ``path`` below the watched folder; to: a new name; data: written bytes; size: a cut."""

    name: str
    path: str
    to: str = ""
    data: bytes = b""
    size: int = 0


class Written:
    """A file open for writing, unbuffered: each write is a call of its own."""

    def __init__(self, disk: Disk, path: str, descriptor: int) -> None:
        self.disk, self.path, self.descriptor = disk, path, descriptor

    def write(self, data: bytes) -> int:
        self.disk.write(self.path, self.descriptor, bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def fileno(self) -> int:
        return self.descriptor

    def tell(self) -> int:
        return os.lseek(self.descriptor, 0, os.SEEK_CUR)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass
class Disk:
    """The watched folder. ``before`` is called with each call and its number (from 0), and may end everything.

    half: whether a write that ``before`` ends had half of its bytes written; room: bytes that still fit, None for any.
    """

    root: Path
    before: Callable[[Call, int], None] = lambda *_: None
    room: int | None = None
    calls: list[Call] = field(default_factory=list)
    real: dict[str, Callable] = field(default_factory=dict)

    def inside(self, path: object, folder: int | None = None) -> str | None:
        """The path below the root, or None for what is elsewhere."""
        if isinstance(path, int):
            named = os.readlink(f"/proc/self/fd/{path}")
        else:
            named = os.fspath(path)
            if folder is not None:
                named = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), named)
        named = os.path.abspath(named)
        if not named.startswith(f"{self.root}{os.sep}") and named != str(self.root):
            return None
        return os.path.relpath(named, self.root)

    def note(self, call: Call) -> None:
        self.before(call, len(self.calls))
        self.calls.append(call)

    def write(self, path: str, descriptor: int, data: bytes) -> None:
        call = Call("write", path, data=data)
        try:
            self.note(call)
        except BaseException:
            os.write(descriptor, data[: len(data) // 2])
            raise
        if self.room is not None:
            if len(data) > self.room:
                os.write(descriptor, data[: self.room])
                self.room = 0
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room -= len(data)
        os.write(descriptor, data)

    def open(self, file: object, mode: str = "r", *more: object, **options: object) -> object:
        path = None if isinstance(file, int) else self.inside(file)
        if path is None or not set(mode) & set("wax+"):
            return self.real["open"](file, mode, *more, **options)
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if "a" in mode else os.O_TRUNC)
        if not os.path.exists(file):
            self.note(Call("create", path))
        elif "a" not in mode:
            self.note(Call("truncate", path))
        descriptor = os.open(file, flags, 0o666)
        if "a" in mode:
            os.lseek(descriptor, 0, os.SEEK_END)
        return Written(self, path, descriptor)

    def caught(self, name: str) -> Callable:
        def call(first: object, *rest: object, **options: object) -> object:
            folder = options.get("dir_fd", options.get("src_dir_fd"))
            path = self.inside(first, folder)
            if path is not None:
                to = self.inside(rest[0]) or "" if name in ("rename", "replace") else ""
                size = int(rest[0]) if name == "truncate" else 0
                kind = {"replace": "rename", "remove": "unlink"}.get(name, name)
                self.note(Call(kind, path, to, size=size))
                if name in ("unlink", "remove") and self.room is not None:
                    where = first if folder is None else os.path.join(os.readlink(f"/proc/self/fd/{folder}"), first)
                    self.room += os.path.getsize(where)
            return self.real[name](first, *rest, **options)

        return call

    @contextmanager
    def watched(self) -> Iterator[Disk]:
        """Everything below the root goes through here in the meantime."""
        self.real = {name: getattr(os, name) for name in CALLS} | {"open": io.open}
        supported = {self.real[name] for name in CALLS}
        catches = {name: self.caught(name) for name in CALLS}
        follows = (os.supports_dir_fd, os.supports_follow_symlinks, os.supports_fd)
        added = [(kind, catches[name]) for kind in follows for name in CALLS if self.real[name] in kind & supported]
        for kind, call in added:  # what rmtree asks before it trusts them
            kind.add(call)
        for name, call in catches.items():
            setattr(os, name, call)
        io.open = self.open
        try:
            yield self
        finally:
            io.open = self.real["open"]
            for name in CALLS:
                setattr(os, name, self.real[name])
            for kind, call in added:
                kind.discard(call)


def in_child(work: Callable[[], object]) -> int:
    """The exit status of a process of its own that does ``work``: 0, 1 after an exception, minus a signal's number."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it was, this process must not go on
            print(repr(error), flush=True)  # noqa: T201 - pytest shows it
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def dying(root: Path, work: Callable[[], object], at: int) -> int:
    """As ``in_child``, killed before call number ``at`` (a write: in its middle)."""

    def die(_call: Call, number: int) -> None:
        if number == at:
            raise Died

    def whole() -> None:
        try:
            with Disk(root, die).watched():
                work()
        except Died:
            os.kill(os.getpid(), 9)

    return in_child(whole)


class Died(BaseException):
    """Passes through every handler for errors, up to the kill; nothing on its way may touch the disk."""


@dataclass
class Folder:
    """A directory after a power cut: its names, and which calls on it are not safe yet."""

    names: dict[str, object] = field(default_factory=dict)
    safe: dict[str, object] = field(default_factory=dict)
    late: list[tuple[str, object]] = field(default_factory=list)  # name -> what it leads to, None: taken away


@dataclass
class File:
    data: bytes = b""
    safe: bytes = b""


class PowerCut:
    """Calls up to a moment, and what of them a disk may show afterwards."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.top = Folder()
        for call in calls:
            self.do(call)

    def at(self, path: str) -> tuple[Folder, str]:
        *folders, name = Path(path).parts
        here = self.top
        for part in folders:
            here = here.names[part]
        return here, name

    def do(self, call: Call) -> None:
        here, name = self.at(call.path) if call.path != "." else (self.top, "")
        match call.name:
            case "mkdir" | "create":
                self.put(here, [(name, Folder() if call.name == "mkdir" else File())])
            case "write":
                here.names[name].data += call.data
            case "truncate":
                here.names[name].data = here.names[name].data[: call.size]
            case "unlink" | "rmdir":
                self.put(here, [(name, None)])
            case "rename":
                there, new = self.at(call.to)
                assert there is here, "renames stay in their folder"
                self.put(here, [(name, None), (new, here.names[name])])
            case "fsync":
                found = here.names[name] if name else here
                if isinstance(found, File):
                    found.safe = found.data
                else:
                    found.safe, found.late = dict(found.names), []

    def put(self, folder: Folder, changes: list[tuple[str, object]]) -> None:
        folder.late.append(changes)
        self.apply(folder.names, changes)

    @staticmethod
    def apply(names: dict[str, object], changes: list[tuple[str, object]]) -> None:
        for name, found in changes:
            if found is None:
                names.pop(name, None)
            else:
                names[name] = found

    def show(self, where: Path, keep: Callable[[], bool]) -> None:
        """Write what is left; of each call that is not safe, ``keep`` says whether it is."""
        self._show(self.top, where, keep)

    def _show(self, folder: Folder, where: Path, keep: Callable[[], bool]) -> None:
        names = dict(folder.safe)
        for changes in folder.late:
            if keep():
                self.apply(names, changes)
        where.mkdir(parents=True, exist_ok=True)
        for name, found in names.items():
            if isinstance(found, Folder):
                self._show(found, where / name, keep)
            elif found.data == found.safe or keep():
                (where / name).write_bytes(found.data)
            else:  # what was written later is gone, or its length is there and its bytes are not
                common = found.safe if found.data.startswith(found.safe) else b""
                lost = len(found.data) - len(common)
                (where / name).write_bytes(found.safe if keep() else common + bytes(lost))


def keeping(kind: str, seed: int) -> Callable[[], bool]:
    """All, none, or a random half of what is not safe."""
    numbers = random.Random(seed)
    return {"all": lambda: True, "none": lambda: False, "some": lambda: numbers.random() < 0.5}[kind]
