"""LeNet-5 on MNIST by the command line, timed from start to end; writes the curve and the test error to ``results/``.

``make mnist``, or ``python benchmarks/mnist.py --data-root FOLDER --seed 1``.
"""

import argparse
import datetime as dt
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from lenext.api.run_folder import versions
from lenext.training.log import read_log

RESULTS = Path(__file__).parent.parent / "results"


def lenext(*words: str) -> dict:
    """One command, its progress shown, its document returned."""
    done = subprocess.run(
        [sys.executable, "-m", "lenext", *words, "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)


def processor() -> str:
    """The processor's name and how many threads torch uses of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.machine()
    return f"{name}, {torch.get_num_threads()} threads"


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--data-root", help="where the four idx files lie")
    words.add_argument("--seed", type=int, default=0)
    asked = words.parse_args()
    place = ["--data-root", asked.data_root] if asked.data_root else []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        start = time.monotonic()
        lenext("train", "mnist", "--model", "lenet5", "--seed", str(asked.seed), "--out", str(out), *place)
        seconds = time.monotonic() - start
        tested = lenext("evaluate", str(out), "mnist", *place)
        curve = read_log(out / "metrics.jsonl")
    error = {bound: round(1 - tested["top1"][other], 6) for bound, other in (("low", "high"), ("high", "low"))}
    result = {
        "what": "LeNet-5 on MNIST, recipe practical: test error on the 10,000; the paper prints 0.95 % (Figure 9)",
        "command": f"lenext train mnist --model lenet5 --seed {asked.seed}; lenext evaluate RUN mnist",
        "machine": processor(),
        "versions": versions(),
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "seeds": [asked.seed],
        "top1": tested["top1"],
        "measurements": [
            {"name": "test error", "value": round(1 - tested["top1"]["value"], 6), **error, "images": tested["images"]},
            {"name": "seconds from start to report", "value": round(seconds, 1)},
            {"name": "curve", "rows": curve},
        ],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"mnist-lenet5-seed{asked.seed}_{platform.machine()}-{torch.get_num_threads()}-threads.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"test error {1 - tested['top1']['value']:.2%} in {seconds:.0f} s; {path}")


if __name__ == "__main__":
    main()
