"""Damaged pictures by the hundred thousand through the decoder; what came of them goes to ``results/``.

``make fuzz`` calls it. The n-th input is a function of n, so a failure is looked at again by its number, and a run that
was stopped goes on where it was.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import platform
import sys
import time
from multiprocessing import get_context
from pathlib import Path

HERE = Path(__file__).parent
STATE = HERE.parent / "runs"  # what git does not keep
sys.path.insert(0, str(HERE.parent / "tests" / "data"))

from mutations import MEGABYTES, SECONDS, Tally, pieces, seeds, tally  # noqa: E402
from result import RESULTS, head, write  # noqa: E402

TOGETHER = 500  # inputs that one process decodes


def counted(numbers: range) -> Tally:
    """The outcomes of some inputs."""
    found = Tally()
    tally(numbers, found)
    return found


def add(total: Tally, more: Tally) -> None:
    total.inputs += more.inputs
    total.seconds, total.megabytes = max(total.seconds, more.seconds), max(total.megabytes, more.megabytes)
    total.failures += more.failures
    for word, count in more.reasons.items():
        total.reasons[word] = total.reasons.get(word, 0) + count


def of_code() -> str:
    """SHA-256 of what decides the outcomes: a run goes on with the code that it began with, or begins anew."""
    files = [*(HERE.parent / "src" / "lenext" / "data").glob("*.py"), *(HERE.parent / "tests" / "data").glob("*.py")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(files))).hexdigest()


def document(total: Tally, asked: argparse.Namespace, seconds: float) -> dict:
    """What the result file says."""
    return {
        **head(
            "mutated pictures of every format through the decoder: signals, errors of another type, time, memory",
            f"make fuzz INPUTS={asked.inputs}",
            f"{os.cpu_count()} cores",
        ),
        "inputs": total.inputs,
        "seed_files": len(set(seeds())),
        "failed": total.failures,
        "limits": {"seconds": SECONDS, "megabytes": MEGABYTES},
        "measurements": [
            {"name": "largest processor time of one input, seconds", "value": round(total.seconds, 3)},
            {"name": f"largest growth of a process over {TOGETHER} inputs, MB", "value": round(total.megabytes, 1)},
            {"name": "seconds in all", "value": round(seconds, 1)},
            *({"name": f"outcome: {word}", "value": count} for word, count in sorted(total.reasons.items())),
        ],
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--inputs", type=int, default=100_000)
    words.add_argument("--workers", type=int, default=1, help="processes at once [1]")
    words.add_argument("--fresh", action="store_true", help="begin anew, whatever was done before")
    asked = words.parse_args()
    STATE.mkdir(exist_ok=True)
    state = STATE / "fuzz.json"
    total, before, code = Tally(), 0.0, of_code()
    kept = json.loads(state.read_text(encoding="utf-8")) if state.is_file() and not asked.fresh else {}
    if kept.get("code") == code and kept["total"]["inputs"] < asked.inputs:
        total, before = Tally(**kept["total"]), kept["seconds"]
        print(f"going on after {total.inputs:,} inputs", flush=True)
    begun = time.monotonic()
    seeds()  # once, before the processes are forked
    with get_context("fork").Pool(asked.workers) as pool:
        for found in pool.imap(counted, pieces(total.inputs, asked.inputs, TOGETHER)):
            add(total, found)
            spent = before + time.monotonic() - begun
            beside = state.with_suffix(".new")
            kept = {"total": dataclasses.asdict(total), "seconds": spent, "code": code}
            beside.write_text(json.dumps(kept), encoding="utf-8")
            beside.replace(state)
            if total.inputs % (20 * TOGETHER) == 0 or found.failures:
                print(f"{total.inputs:,} inputs, {spent:.0f} s, {len(total.failures)} failures", flush=True)
    spent = before + time.monotonic() - begun
    path = RESULTS / f"fuzz_{platform.machine()}.json"
    write(path, document(total, asked, spent))
    print(f"{total.inputs:,} inputs, {len(total.failures)} failures: {path}")
    sys.exit(1 if total.failures else 0)


if __name__ == "__main__":
    main()
