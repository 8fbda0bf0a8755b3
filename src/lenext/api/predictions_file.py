"""Predictions in a file that grows: CSV or JSON lines, whole up to its last line, so that a stopped run goes on."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import IO, Any, Self

from lenext.errors import Failed, UsageError

CSV, LINES = ".csv", ".jsonl"
EVERY = 1.0  # seconds after which what was answered is on the disk


class PredictionsFile:
    """A file of answers; ``path in file`` says whether it holds one already.

    CSV has the columns ``path error class probability``, with ``class_2 probability_2 ...`` for further classes and
    ``answer`` before them where the network may say "unknown"; JSON lines hold what ``lenext.predict`` gives.
    """

    def __init__(self, path: str | Path, *, top: int, unknown: bool = False, resume: bool = False) -> None:
        """Begin the file, or with ``resume`` go on with it.

        Raises UsageError for another suffix, for a file that is there without ``resume``, and for one that
        was written with other columns.
        """
        self.path = Path(path)
        self._as_csv = self.path.suffix.lower() == CSV
        if self.path.suffix.lower() not in (CSV, LINES):
            raise UsageError(f"{path} is neither {CSV} nor {LINES}.", "Name the file so that its format shows.")
        self._top, self._unknown = top, unknown
        self._seen: set[bytes] = set()
        there = self.path.exists()
        if there and not resume:
            raise UsageError(f"{path} is already there.", "Go on with it by --resume, or name another file.")
        if there:
            self._take_up()
        self._file: IO[bytes] = self._opened()
        if self._as_csv and not self._file.tell():
            self._file.write(self._row(self._header))
        self._written = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a full disk was said when it was met
            self._file.close()

    def __contains__(self, path: object) -> bool:
        return short(str(path)) in self._seen

    def __len__(self) -> int:
        """Answers that were there before."""
        return len(self._seen)

    def write(self, answer: Mapping[str, Any]) -> None:
        """Add an answer of ``lenext.predict``. Raises Failed where the disk refuses it."""
        line = self._row(self._cells(answer)) if self._as_csv else (json.dumps(answer) + "\n").encode()
        try:
            self._file.write(line)
            if time.monotonic() - self._written > EVERY:
                self._file.flush()
                self._written = time.monotonic()
        except OSError as error:
            raise self._refused(error) from None

    def finish(self) -> None:
        """Everything is on the disk. Raises Failed where it does not fit."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._refused(error) from None

    def _opened(self) -> IO[bytes]:
        try:
            return self.path.open("ab")
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> Failed:
        remedy = "Free space, then go on with --resume; or name another file."
        return Failed(f"Cannot write {self.path}: {error.strerror or error}.", remedy)

    @property
    def _header(self) -> list[str]:
        further = [f"{name}_{place}" for place in range(2, self._top + 1) for name in ("class", "probability")]
        return ["path", "error", *(["answer"] if self._unknown else []), "class", "probability", *further]

    def _cells(self, answer: Mapping[str, Any]) -> list[str]:
        error = answer["error"]["kind"] if answer["error"] else ""
        said = [answer["answer"] or ""] if self._unknown else []
        pairs = [cell for one in answer["predictions"] for cell in (one["class"], f"{one['probability']:.6g}")]
        cells = [answer["path"], error, *said, *pairs]
        return cells + [""] * (len(self._header) - len(cells))

    def _row(self, cells: Sequence[str]) -> bytes:
        text = StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        return text.getvalue().encode("utf-8", "surrogateescape")  # a path may be any bytes

    def _take_up(self) -> None:
        """Learn which answers are there, and cut off one that was being written when the last run was stopped."""
        end = 0
        for record in records(self.path, quoted=self._as_csv):
            try:
                path = self._path_of(record, first=end == 0)
            except (ValueError, KeyError, TypeError, IndexError):
                raise UsageError(f"{self.path} does not hold predictions.", "Name another file.") from None
            end += len(record)
            if path is not None:
                self._seen.add(short(path))
        try:
            os.truncate(self.path, end)
        except OSError as error:
            raise self._refused(error) from None

    def _path_of(self, record: bytes, *, first: bool) -> str | None:
        if not self._as_csv:
            return str(json.loads(record)["path"])
        cells = next(csv.reader(StringIO(record.decode("utf-8", "surrogateescape"), newline="")))
        if first and cells != self._header:
            raise UsageError(f"{self.path} was written with other columns.", "Ask for what it holds: --top, --unknown.")
        return None if first else cells[0]


def records(path: Path, *, quoted: bool) -> Iterator[bytes]:
    """The whole records of a file; where cells are quoted, a line break may be part of one."""
    record = b""
    with path.open("rb") as file:
        for line in file:
            record += line
            if line.endswith(b"\n") and not (quoted and record.count(b'"') % 2):
                yield record
                record = b""


def short(path: str) -> bytes:
    """Enough of a path to tell it from a million million others, in 16 bytes."""
    return hashlib.blake2b(path.encode("utf-8", "surrogateescape"), digest_size=16).digest()
