"""``metrics.jsonl``: a row of figures a line, nothing that depends on the clock: equal runs have equal logs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

Row = Mapping[str, float]


class MetricLog:
    """The metric log of a run, opened where a checkpoint left it: what was written after is cut off."""

    def __init__(self, path: Path, length: int) -> None:
        self.path = path
        self._file = path.open("ab")
        self._file.truncate(length)
        self._file.seek(length)

    def add(self, row: Row) -> None:
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()

    def sync(self) -> int:
        """Make what was written safe from a power cut, and return its length in bytes."""
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


def read_log(path: Path) -> list[dict[str, float]]:
    """The rows of a metric log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
