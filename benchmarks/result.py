"""Where the results of these measurements lie, and the command that repeats one."""

import shlex
import sys
from pathlib import Path

from lenext.benchmark.result import head, write

__all__ = ["RESULTS", "command", "head", "write"]

RESULTS = Path(__file__).parent.parent / "results"


def command() -> str:
    """The line that was given, the place of the data left open: it is one machine's."""
    program, *words = sys.argv
    given = ("DATA" if before == "--data-root" else word for before, word in zip(["", *words], words, strict=False))
    return shlex.join(["python", f"benchmarks/{Path(program).name}", *given])
