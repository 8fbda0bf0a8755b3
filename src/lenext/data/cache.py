"""What decoding a file found, remembered by the file's content: a second look at the same bytes needs no decoding.

One SQLite file, which any number of processes may use at once. A row that is damaged counts as absent, and a file that
is damaged is begun anew: a cache may be slow, it may not be wrong or stop anybody.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from lenext.data.cache_folder import FULL, LEAVE, ROOM, cache_folder, not_kept
from lenext.data.sketch import Sketch

VERSION = 3  # of what a row says: another decoder, another thumbnail or another remark needs another number
LARGEST = 4 * 2**30  # bytes of the file at which it is begun anew
WAITING = 2000  # rows that are written together
PATIENCE = 5.0  # ours: seconds for another process to write its rows, which takes it a tenth of one


@dataclass(frozen=True)
class Finding:
    """What a content holds: format, upright size, Pillow's mode, channels; remarks: their kinds, but the name's."""

    format: str
    width: int
    height: int
    mode: str
    channels: tuple[int, ...]
    remarks: tuple[str, ...]
    sketch: Sketch | None


class Cache:
    """Findings by SHA-256; safe for the threads of a process and for several processes."""

    def __init__(self, folder: Path | None = None) -> None:
        """``folder``: by default ``cache_folder()``. Where it cannot be used, nothing is remembered."""
        self._lock = threading.Lock()
        self._new: dict[str, bytes] = {}
        self._path = (folder or cache_folder()) / f"pictures-{VERSION}.sqlite"
        self._base = opened(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._flush()
            self._close()

    def get(self, sha256: str) -> Finding | None:
        """What was found in the content before, if it is remembered."""
        with self._lock:
            if self._base is None:
                return None
            try:
                row = self._base.execute("SELECT found FROM pictures WHERE sha256 = ?", (sha256,)).fetchone()
            except sqlite3.OperationalError as error:
                self._give_up(error)  # or each of a million pictures would wait
                return None
            except sqlite3.Error:
                return None
        return unpacked(row[0]) if row else None

    def put(self, sha256: str, finding: Finding) -> None:
        """Remember; written some time later, at the latest at the end."""
        with self._lock:
            self._new[sha256] = packed(finding)
            if len(self._new) >= WAITING:
                self._flush()

    def _flush(self) -> None:
        rows, self._new = list(self._new.items()), {}
        if self._base is None or not rows:
            return
        try:
            with self._base:
                self._base.executemany("INSERT OR REPLACE INTO pictures VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            self._give_up(error)

    def _give_up(self, error: sqlite3.Error) -> None:
        refused(error, self._path)
        self._close()

    def _close(self) -> None:
        if self._base is not None:
            self._base.close()
            self._base = None


def opened(path: Path) -> sqlite3.Connection | None:
    """The file, made where it is missing and begun anew where it is damaged or has grown too large."""
    for _ in range(2):
        base = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.stat().st_size > LARGEST:
                discard(path)
            base = sqlite3.connect(path, timeout=PATIENCE, check_same_thread=False)
            base.execute("PRAGMA synchronous = OFF")  # losing the last rows in a power cut costs a second look
            base.execute("CREATE TABLE IF NOT EXISTS pictures (sha256 TEXT PRIMARY KEY, found BLOB) WITHOUT ROWID")
            base.execute("SELECT found FROM pictures WHERE sha256 = ''").fetchone()
        except sqlite3.DatabaseError as error:
            if base is not None:
                base.close()
            if isinstance(error, sqlite3.OperationalError):  # locked, read-only, full: not damage
                refused(error, path)
                return None
            discard(path)
        except OSError as error:
            not_kept(error.strerror or error, ROOM if error.errno in FULL else LEAVE)
            return None
        else:
            return base
    return None


def refused(error: sqlite3.Error, path: Path) -> None:
    """Say what SQLite says, and what helps."""
    code = getattr(error, "sqlite_errorcode", None)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        not_kept("another process has it locked", "end that process", path)
    else:
        not_kept(error, ROOM if code == sqlite3.SQLITE_FULL else LEAVE, path)


def discard(path: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        with suppress(OSError):
            path.with_name(path.name + end).unlink()


def packed(finding: Finding) -> bytes:
    """A finding as bytes that begin with their own checksum."""
    header = asdict(finding)
    if finding.sketch is None:
        raise ValueError("only what was sketched is remembered")
    grey, colour = finding.sketch.grey, finding.sketch.colour
    del header["sketch"]["grey"], header["sketch"]["colour"]
    text = json.dumps(header | {"lengths": [len(grey), len(colour)]}).encode()
    body = len(text).to_bytes(4, "big") + text + grey + colour
    return zlib.crc32(body).to_bytes(4, "big") + body


def unpacked(data: object) -> Finding | None:
    """The finding, or None where a bit of it is not what was written."""
    if not isinstance(data, bytes) or zlib.crc32(data[4:]).to_bytes(4, "big") != data[:4]:
        return None
    try:
        end = 8 + int.from_bytes(data[4:8], "big")
        header = json.loads(data[8:end])
        grey, colour = header.pop("lengths")
        sizes = header.pop("sketch")
        sketch = Sketch(grey=data[end : end + grey], colour=data[end + grey : end + grey + colour], **sizes)
        lists = {name: tuple(header[name]) for name in ("channels", "remarks")}
        return Finding(**header | lists, sketch=sketch)
    except (ValueError, KeyError, TypeError):
        return None
