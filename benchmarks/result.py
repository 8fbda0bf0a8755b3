"""The file that a measurement leaves in ``results/``: what, by which command, on which machine, with what, when."""

import datetime as dt
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lenext.api.run_folder import versions
from lenext.benchmark.machine import processor_name

RESULTS = Path(__file__).parent.parent / "results"


def head(what: str, command: str, used: str, packages: Mapping[str, str] | None = None) -> dict[str, Any]:
    """How every result begins. used: of the machine, "2 threads"; packages: versions beside torch's and our own."""
    return {
        "what": what,
        "command": command,
        "machine": f"{processor_name()}, {used}",
        "versions": versions() | dict(packages or {}),
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
    }


def command(program: str) -> str:
    """The line that was given, the place of the data left open: it is one machine's."""
    words = sys.argv[1:]
    return " ".join(
        [
            "python",
            program,
            *("DATA" if before == "--data-root" else word for before, word in zip(["", *words], words, strict=False)),
        ]
    )


def write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a result, with the folder that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
