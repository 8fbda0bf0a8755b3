"""The file that a measurement leaves: what, by which command, on which machine, with what, when."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lenext.benchmark.machine import processor_name, versions
from lenext.weights.durable import make_folder, write_file


def head(what: str, command: str, used: str, packages: Mapping[str, str] | None = None) -> dict[str, Any]:
    """How every result begins. used: of the machine, "2 threads"; packages: versions beside torch's and our own."""
    return {
        "what": what,
        "command": command,
        "machine": f"{processor_name()}, {used}",
        "versions": versions() | dict(packages or {}),
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
    }


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a result whole, with the folder that it lies in. Raises ``Failed`` when it cannot be written."""
    make_folder(path.parent)
    write_file(path, (json.dumps(document, indent=1) + "\n").encode(), resumes=False)
