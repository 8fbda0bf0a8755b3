"""Peak memory and speed of training with ``--save-memory``, against fp32 as torch's documentation trains.

``make bench-memory``. Every way in a process of its own: what a step takes beside the process itself, and the
CPU time of a step on one thread (the clock's on more).
"""

import argparse
import json
import platform
import subprocess
import sys
import time

import torch
from result import RESULTS, command, head, write

from lenext.benchmark import peak
from lenext.benchmark.case import Case, documented, ours
from lenext.evaluation.inference import Compute

WAYS = ("fp32", "ours", "ours, save-memory")


def step(model: str, batch: int, threads: int, way: str, steps: int) -> dict:
    """One way, in this process."""
    torch.set_num_threads(threads)
    compute = Compute.choose("cpu", "fp32" if way == "fp32" else "auto")
    saved = way.endswith("save-memory")
    case = Case(model, batch, precision=compute.precision, threads=threads, training=True, save_memory=saved)
    case.images, case.labels  # noqa: B018 - made before the memory is read
    clock = time.process_time if threads == 1 else time.perf_counter
    seconds = []

    def work() -> None:
        one = documented(case, case.fresh()) if way == "fp32" else ours(case)
        for _ in range(steps):
            began = clock()
            one()
            seconds.append(clock() - began)

    _, memory = peak.measured(work, compute.device)
    return {"way": way, "precision": compute.precision, "peak_memory": memory, "seconds": min(seconds)}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--model", default="densenet121")
    words.add_argument("--batch", type=int, default=32)
    words.add_argument("--threads", type=int, default=1)
    words.add_argument("--steps", type=int, default=3)
    words.add_argument("--way", choices=WAYS, help="only this one, and only its document")
    asked = words.parse_args()
    if asked.way:
        print(json.dumps(step(asked.model, asked.batch, asked.threads, asked.way, asked.steps)))
        return
    rows = []
    for way in WAYS:
        told = [sys.executable, __file__, *sys.argv[1:], "--way", way]
        rows.append(json.loads(subprocess.run(told, check=True, stdout=subprocess.PIPE, text=True).stdout))
        print(f"{way}: {rows[-1]['peak_memory'] / 2**20:,.0f} MiB, {rows[-1]['seconds']:.2f} s a step", flush=True)
    plain = rows[0]
    found = [
        {"name": f"{row['way']}: {what}", "against": "fp32", "value": round(row[key] / plain[key], 4)}
        for row in rows[1:] for what, key in (("memory", "peak_memory"), ("seconds of a step", "seconds"))
    ]  # fmt: skip
    document = {
        **head(
            f"a training step of {asked.model}, batch {asked.batch}: peak memory and time",
            command(),
            f"{asked.threads} threads",
        ),
        "measurements": rows,
        "ratios": found,
    }
    path = RESULTS / f"memory-{asked.model}_{platform.machine()}-{asked.threads}-threads.json"
    write(path, document)
    print("\n".join(f"{one['name']}: {one['value']:.3f} of fp32" for one in found))


if __name__ == "__main__":
    main()
