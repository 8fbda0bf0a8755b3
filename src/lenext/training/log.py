"""``metrics.jsonl``: a row of figures a line, nothing that depends on the clock: equal runs have equal logs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from lenext.errors import Failed
from lenext.weights.durable import cannot_write, sync_folder

Row = Mapping[str, float]


class MetricLog:
    """The metric log of a run, opened where a checkpoint left it: what was written after is cut off.

    Raises Failed when the file cannot be written, or holds less than the ``length`` bytes that the checkpoint counted.
    """

    def __init__(self, path: Path, length: int) -> None:
        self.path = path
        found = path.stat().st_size if path.exists() else 0
        if found < length:
            raise Failed(
                f"{path} holds {found:,} of the {length:,} bytes that were logged before.",
                "Put the file back as it was, or start a new run with another --out.",
            )
        with _writing(path):
            if found > length:
                os.truncate(path, length)
            new = not path.exists()
            self._file = path.open("ab")
            if new:  # its bytes are synced with each checkpoint, its name is now
                sync_folder(path.parent)

    def add(self, row: Row) -> None:
        with _writing(self.path):
            self._file.write(json.dumps(row).encode() + b"\n")
            self._file.flush()

    def cut(self, length: int) -> None:
        """Forget what was written after ``length`` bytes."""
        with _writing(self.path):
            self._file.flush()
            os.truncate(self.path, length)

    def sync(self) -> int:
        """Make what was written safe from a power cut, and return its length in bytes."""
        with _writing(self.path):
            os.fsync(self._file.fileno())
            return self._file.tell()

    def close(self) -> None:
        with suppress(OSError):  # what matters was synced; a full disk was said when it was met
            self._file.close()


def read_log(path: Path) -> list[dict[str, float]]:
    """The rows of a metric log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error
