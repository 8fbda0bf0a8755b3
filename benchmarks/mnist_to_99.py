"""MNIST to 99 % of the test images, from the start of the process: LeNet-5 by us, and pytorch/examples' mnist script.

``make bench-mnist DATA=FOLDER``. Ours is ``lenext train`` as a user gives it, report and all; the other is
``rival_tools/mnist_example.py``, which stops at the first epoch after which it is there. In turns, a seed each round;
seconds of the clock, and of all processors. A run that ends below 99 % is said, and makes the ratio void.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from result import RESULTS, command, head, write

RIVAL = Path(__file__).parent / "rival_tools" / "mnist_example.py"


def timed(command: list[str], threads: int) -> tuple[dict, float, float]:
    """The document of a command, and its seconds by the clock and of the processors."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(done.stdout), seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ours(asked: argparse.Namespace, seed: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "lenext", "train", "mnist", "--model", "lenet5", "--epochs", str(asked.epochs),
            "--validation", "0", "--seed", str(seed), "--threads", str(asked.threads), "--json", "--quiet",
            "--data-root", asked.data_root, "--out", str(Path(folder) / "run"),
        ]  # fmt: skip
        document, seconds, cpu = timed(command, asked.threads)
    top1 = document["evaluations"]["test"]["top1"]["value"]
    return {"by": "lenext", "seed": seed, "epochs": document["epochs"], "top1": top1, "seconds": seconds, "cpu": cpu}


def theirs(asked: argparse.Namespace, seed: int) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "MNIST").mkdir()
        (Path(folder) / "MNIST" / "raw").symlink_to(Path(asked.data_root).resolve())
        command = [
            sys.executable, str(RIVAL), folder, "--seed", str(seed), "--threads", str(asked.threads),
            "--started", str(time.time()),
        ]  # fmt: skip
        document, seconds, cpu = timed(command, asked.threads)
    last = document["curve"][-1]
    return {"by": "pytorch/examples", "seed": seed, "epochs": last["epoch"], "top1": last["top1"],
            "seconds": seconds, "cpu": cpu}  # fmt: skip


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--data-root", required=True, help="where MNIST's idx files lie")
    words.add_argument("--epochs", type=int, default=6, help="of ours")
    words.add_argument("--threads", type=int, default=os.cpu_count())
    words.add_argument("--seeds", type=int, nargs="+", default=[1])
    asked = words.parse_args()
    rows = []
    for seed in asked.seeds:
        for side in (ours, theirs) if seed % 2 else (theirs, ours):
            rows.append(
                {key: round(one, 4) if isinstance(one, float) else one for key, one in side(asked, seed).items()}
            )
            print(json.dumps(rows[-1]), flush=True)
    key = "cpu" if asked.threads == 1 else "seconds"
    medians = {
        by: statistics.median(row[key] for row in rows if row["by"] == by) for by in ("lenext", "pytorch/examples")
    }
    reached = all(row["top1"] >= 0.99 for row in rows)
    document = {
        **head(
            "MNIST to 99 % of the test images, from the start of the process",
            command(),
            f"{asked.threads} threads",
        ),
        "seeds": asked.seeds,
        "time": key,
        "reached": reached,
        "measurements": rows,
        "ratios": [{"name": "lenext", "against": "pytorch/examples mnist",
                    "value": round(medians["pytorch/examples"] / medians["lenext"], 3)}] if reached else [],
    }  # fmt: skip
    path = RESULTS / f"mnist-to-99_{platform.machine()}-{asked.threads}-threads.json"
    write(path, document)
    print(f"{document['ratios'][0]['value']:.2f}x" if reached else "not every run reached 99 %")


if __name__ == "__main__":
    main()
