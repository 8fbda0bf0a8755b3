"""Predictions in a file that grows: CSV or JSON lines, whole up to its last line, so that a stopped run goes on."""

from __future__ import annotations

import csv
import errno
import fcntl
import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import IO, Any, Self

from lenext.api.earlier import SOME, Said, compare, other_columns
from lenext.errors import Failed, UsageError

CSV, LINES = ".csv", ".jsonl"
FIRST = b'{"path": '  # of a line
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
        self._last: deque[Said] = deque(maxlen=SOME)
        self._there, self._answers = self.path.exists(), 0
        if self._there and not self.path.is_file():
            raise UsageError(f"{path} is no file but a folder, device or pipe.", "Name another file.")
        if self._there and not resume:
            raise UsageError(f"{path} is already there.", "Go on with it by --resume, or name another file.")
        self._file: IO[bytes] = self._opened()
        try:
            end = self._take_up()
        except BaseException:
            self._file.close()
            raise
        self._there = self._there or end > 0  # of another process, which was quicker
        if self._as_csv and not end:
            self._file.write(self._row(self._header))
        self._written = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            if not (self._there or self._answers):  # what was begun in vain would be in the way of the next
                self.path.unlink()
        with suppress(OSError):  # a full disk was said when it was met
            self._file.close()

    def __contains__(self, path: object) -> bool:
        return short(str(path)) in self._seen

    def __len__(self) -> int:
        """Answers that were there before."""
        return len(self._seen)

    @property
    def last(self) -> Sequence[str]:
        """The files of the last answers that were there before."""
        return [said.path for said in self._last]

    def compare(self, again: Iterable[Mapping[str, Any]]) -> None:
        """Raise UsageError where these answers to ``last``, in that order and of all classes, are others."""
        compare(str(self.path), self._last, again, self._top)

    def write(self, answer: Mapping[str, Any]) -> None:
        """Add an answer of ``lenext.predict``. Raises Failed where the disk refuses it."""
        line = self._row(self._cells(answer)) if self._as_csv else (json.dumps(answer) + "\n").encode()
        try:
            self._file.write(line)
            self._answers += 1
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
        """The file, for this process alone."""
        try:
            file = self.path.open("ab")
        except OSError as error:
            raise self._refused(error) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            there = os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except (BlockingIOError, FileNotFoundError):  # or another, which began in vain, removed what was opened here
            there = False
        except OSError:  # a file system without locks
            there = True
        if not there:
            file.close()
            raise Failed(f"Another process is writing {self.path}.", "Wait for it, or name another file.")
        return file

    def _refused(self, error: OSError) -> Failed:
        remedy = "Name another file, where you may write."
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
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
        csv.writer(text, lineterminator="\r\n").writerow(cells)  # so that a cell with either is quoted
        line = text.getvalue().removesuffix("\r\n") + "\n"
        return line.encode("utf-8", "surrogateescape")  # a path may be any bytes

    def _take_up(self) -> int:
        """Learn which answers are there, and cut off one that was being written at a stop; returns what bytes stay."""
        end = 0
        for record in records(self.path, quoted=self._as_csv):
            try:
                self._take(record, first=end == 0)
            except (ValueError, KeyError, TypeError, IndexError, csv.Error):
                raise self._foreign() from None
            end += len(record)
        if not end and not self._begins_as_ours():
            raise self._foreign()
        try:
            self._file.truncate(end)
        except OSError as error:
            raise self._refused(error) from None
        return end

    def _take(self, record: bytes, *, first: bool) -> None:
        """Learn of one record; of a CSV's first only whether it is the right header."""
        if not self._as_csv:
            one = json.loads(record)
            self._expect("answer" in one, self._unknown)
            path, said = of_line(one)
        else:
            cells = next(csv.reader(StringIO(record.decode("utf-8", "surrogateescape"), newline="")))
            if first and cells[:2] != self._header[:2]:
                raise ValueError(cells)
            if first:
                self._expect(cells, self._header)
                return
            path, said = self._of_cells(cells)
        self._seen.add(short(path))
        if said is not None:
            self._last.append(said)

    def _begins_as_ours(self) -> bool:
        """Whether a file without one whole record is one that was stopped so early."""
        whole = self._row(self._header) if self._as_csv else FIRST
        with self.path.open("rb") as file:
            found = file.read(len(whole))
        return whole.startswith(found)

    def _foreign(self) -> UsageError:
        return UsageError(f"{self.path} does not hold predictions.", "Name another file.")

    def _expect(self, found: object, wanted: object) -> None:
        if found != wanted:
            raise other_columns(str(self.path))

    def _of_cells(self, cells: Sequence[str]) -> tuple[str, Said | None]:
        """The path of a row, and what it says where the file could be read."""
        path, error, *rest = cells
        answer = rest.pop(0) if self._unknown else None
        named = sum(map(bool, rest[1::2]))
        return path, None if error else Said(path, rest[0], float(rest[1]), named, answer)


def of_line(one: Mapping[str, Any]) -> tuple[str, Said | None]:
    """The path of a line, and what it says where the file could be read."""
    path, found = str(one["path"]), one["predictions"]
    if one["error"] is not None:
        return path, None
    level = one["doubt"]["threshold"] if "doubt" in one else None
    return path, Said(path, found[0]["class"], float(found[0]["probability"]), len(found), one.get("answer"), level)


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
