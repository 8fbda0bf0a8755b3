"""Files that are whole or not there, also after a power cut: write beside, fsync, rename, fsync the folder."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from lenext.errors import Failed

MANIFEST = "manifest.json"
_UNFINISHED = ".unfinished-"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskFull(Failed):
    """There is no room; somebody may make some, so that the same again may succeed."""


def make_folder(path: Path) -> None:
    """Create a folder and its parents so that a power cut does not take them away again; one that is there stays."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)


def write_file(path: Path, data: bytes, *, resumes: bool = True) -> None:
    """Replace or create ``path``; a reader sees the old file or the new one, never a part.

    resumes: whether --resume goes on where the disk refuses it, as with the files of a run. A device or pipe is written
    to, and a link to a file stays one.
    """
    path = path.resolve() if path.is_symlink() and path.is_file() else path
    beside = path.with_name(f"{_UNFINISHED}{path.name}")
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            path.write_bytes(data)
            return
        _write_synced(beside, data)
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise cannot_write(path, error, len(data), resumes=resumes) from error


def write_folder(path: Path, files: Mapping[str, bytes], *, over: bool = True) -> None:
    """Create the folder ``path`` with ``files`` and a manifest of sizes and SHA-256, all at once or not at all.

    over: whether what lies there is removed first; else only an empty folder gives way, and nothing was saved before.
    """
    beside = path.with_name(f"{_UNFINISHED}{path.name}")
    try:
        shutil.rmtree(beside, ignore_errors=True)
        make_folder(path.parent)
        beside.mkdir()
        with ThreadPoolExecutor(1) as pool:  # neither hashing nor writing holds the interpreter's lock
            sums = pool.map(_summary, files.values())
            for name, data in files.items():
                _write_synced(beside / name, data)
            manifest = json.dumps({"files": dict(zip(files, sums, strict=True))}, indent=1).encode()
        _write_synced(beside / MANIFEST, manifest)
        sync_folder(beside)
        if over:
            shutil.rmtree(path, ignore_errors=True)
        beside.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise cannot_write(path, error, sum(map(len, files.values())), resumes=over) from error


def adopt_folder(beside: Path, path: Path) -> None:
    """Give ``beside``, whose files others wrote, the free name ``path``: whole or not there, also after a power cut."""
    for file in sorted(beside.iterdir()):
        with file.open("rb") as written:
            os.fsync(written.fileno())
    sync_folder(beside)
    beside.rename(path)
    sync_folder(path.parent)


def read_folder(path: Path) -> dict[str, bytes] | None:
    """The files of a folder that ``write_folder`` made, or None when one is missing or differs from its SHA-256.

    A manifest that names no file is damaged too.
    """
    try:
        sums = json.loads((path / MANIFEST).read_bytes())["files"]
        files = {name: (path / name).read_bytes() for name in sums}
        whole = all(hashlib.sha256(files[name]).hexdigest() == sums[name]["sha256"] for name in sums)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return files if files and whole else None


def read_member(path: Path, name: str) -> bytes | None:
    """One file of such a folder, or None when it is missing or differs from its SHA-256; the others are not read."""
    try:
        data = (path / name).read_bytes()
        whole = hashlib.sha256(data).hexdigest() == json.loads((path / MANIFEST).read_bytes())["files"][name]["sha256"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return data if whole else None


def remove_unfinished(folder: Path) -> None:
    """Clear what a killed writer left; only the owner of ``folder`` may call this."""
    for leftover in folder.glob(f"{_UNFINISHED}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Remove a folder so that a kill in between leaves no half of it under its own name.

    What cannot be removed stays: too much on the disk is no reason to stop a run.
    """
    away = path.with_name(f"{_UNFINISHED}removed-{path.name}")
    shutil.rmtree(away, ignore_errors=True)
    with suppress(OSError):
        path.rename(away)
    shutil.rmtree(away, ignore_errors=True)


def _summary(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Make the names in a folder safe from a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(path: Path, error: OSError, size: int = 0, *, resumes: bool = True) -> Failed:
    """What to raise when the disk refuses a file, of ``size`` bytes where that is known; ``resumes`` as above."""
    needed = f" ({size:,} bytes)" if size else ""
    full = error.errno in _FULL
    what = "Free space, or choose another folder" if full else "Choose another folder, or one where you may write"
    kept = "; what was saved before is whole, and --resume goes on from it." if resumes else "."
    kind = DiskFull if full else Failed
    return kind(f"Cannot write {path}{needed}: {error.strerror or error}.", what + kept)
