"""What the tests of faults count, said at their end; ``LENEXT_FAULTS=long`` does more and writes a result file."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

from lenext.benchmark.result import head, write

LONG = os.environ.get("LENEXT_FAULTS") == "long"
RESULTS = Path(__file__).parent.parent.parent / "results"
COUNTS: Counter[str] = Counter()

sys.path.append(str(Path(__file__).parent.parent / "training"))  # ``everything``: a small network, recipe and data
# A shell that starts a job behind it has it ignore SIGINT, and so would every run that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)
torch.set_num_threads(1)  # children are forked, and a forked process has no threads of its own


@pytest.fixture
def much():
    """The first number, and the second in the long form."""
    return lambda short, long: long if LONG else short


@pytest.fixture
def count(record_property):
    """Adds to what is counted: of a kind, so many that went as promised."""
    return lambda kind, number=1: record_property(f"faults: {kind}", number)


def pytest_runtest_logreport(report):
    if report.when == "call" and report.passed:
        for kind, number in report.user_properties:
            COUNTS[kind.removeprefix("faults: ")] += number


def pytest_terminal_summary(terminalreporter, exitstatus):
    if not COUNTS:
        return
    terminalreporter.section("faults, all as promised" if exitstatus == 0 else "faults, of the tests that passed")
    for kind, number in sorted(COUNTS.items()):
        terminalreporter.write_line(f"{number:6,} {kind}")
    if LONG and exitstatus == 0:
        write_result()


def write_result():
    """results/faults_MACHINE.json, in which the counts of this part of the tests replace what they were before."""
    what = "faults put into training, saving and resuming; every one went as promised, else there is no such file"
    now = head(what, "make test-faults-long", f"{os.cpu_count()} cores")
    path = RESULTS / f"faults_{platform.machine()}.json"
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    same = before.get("versions") == now["versions"]
    rows = {row["name"]: row for row in before.get("measurements", ()) if same}
    rows |= {kind: {"name": kind, "count": number, "date": now["date"]} for kind, number in COUNTS.items()}
    write(path, {**now, "measurements": [rows[kind] for kind in sorted(rows)]})
