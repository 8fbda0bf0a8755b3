"""LeNet-5 on MNIST by the command line, timed from start to end; writes curves and test errors to ``results/``.

``make mnist``, or ``python benchmarks/mnist.py --data-root FOLDER --recipe paper --seeds 0 1 2``.
"""

import argparse
import datetime as dt
import json
import math
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from lenext.api.run_folder import versions
from lenext.training.log import read_log

RESULTS = Path(__file__).parent.parent / "results"
CURVE = ("epoch", "loss", "train_top1", "val_loss", "val_top1")  # of a row of the log


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


def trained(seed: int, options: list[str], place: list[str]) -> dict:
    """One run: its test error on the 10,000, its seconds, its curve."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        start = time.monotonic()
        lenext("train", "mnist", "--model", "lenet5", *options, "--seed", str(seed), "--out", str(out), *place)
        seconds = time.monotonic() - start
        tested = lenext("evaluate", str(out), "mnist", *place)
        curve = [
            {name: round(row[name], 5) for name in CURVE if name in row} for row in read_log(out / "metrics.jsonl")
        ]
    error = {name: round(1 - tested["top1"][other], 6) for name, other in NAMES}
    return {"seed": seed, "error": error, "images": tested["images"], "seconds": round(seconds, 1), "curve": curve}


NAMES = (("value", "value"), ("low", "high"), ("high", "low"))  # an error's lower bound is an accuracy's upper one


def document(recipe: str, options: list[str], runs: list[dict]) -> dict:
    """What the result file says."""
    errors = [run["error"]["value"] for run in runs]
    measurements = [
        {"name": f"test error, seed {run['seed']}", **run["error"], "images": run["images"]} for run in runs
    ]
    if len(runs) > 1:
        spread = {"deviation": round(statistics.stdev(errors), 6), "seeds": len(runs)}
        measurements.insert(0, {"name": "mean test error", "value": round(statistics.mean(errors), 6), **spread})
        mean = statistics.mean(errors)
        half = 1.96 * statistics.stdev(errors) / math.sqrt(len(runs))
        top1 = {"value": 1 - mean, "low": 1 - mean - half, "high": 1 - mean + half}
    else:
        top1 = {name: 1 - runs[0]["error"][other] for name, other in NAMES}
    measurements += [
        {"name": f"seconds from start to report, seed {run['seed']}", "value": run["seconds"]} for run in runs
    ]
    measurements += [{"name": f"curve, seed {run['seed']}", "rows": run["curve"]} for run in runs]
    return {
        "what": f"LeNet-5 on MNIST, recipe {recipe}: test error on the 10,000; the paper prints 0.95 %, with its "
        "540,000 distorted images 0.8 % (Figure 9)",
        "command": f"lenext train mnist --model lenet5 {' '.join(options)} --seed SEED; lenext evaluate RUN mnist",
        "machine": processor(),
        "versions": versions(),
        "date": dt.datetime.now(tz=dt.UTC).date().isoformat(),
        "seeds": [run["seed"] for run in runs],
        "top1": {name: round(value, 6) for name, value in top1.items()},
        "measurements": measurements,
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--data-root", help="where the four idx files lie")
    words.add_argument("--recipe", default="practical", help="practical, paper or paper:distortions")
    words.add_argument("--seeds", type=int, nargs="+", default=[0])
    asked = words.parse_args()
    place = ["--data-root", asked.data_root] if asked.data_root else []
    options = ["--recipe", asked.recipe]
    if asked.recipe != "practical":
        options += ["--validation", "0"]  # the paper trains on all 60,000, and its last weights are tested
    runs = []
    for seed in asked.seeds:
        runs.append(trained(seed, options, place))
        print(f"seed {seed}: test error {runs[-1]['error']['value']:.2%} in {runs[-1]['seconds']:.0f} s", flush=True)
    RESULTS.mkdir(exist_ok=True)
    name = f"mnist-lenet5-{asked.recipe.replace(':', '-')}-seeds{'-'.join(map(str, asked.seeds))}"
    path = RESULTS / f"{name}_{platform.machine()}-{torch.get_num_threads()}-threads.json"
    path.write_text(json.dumps(document(asked.recipe, options, runs), indent=1) + "\n", encoding="utf-8")
    print(f"mean test error {statistics.mean(run['error']['value'] for run in runs):.2%}; {path}")


if __name__ == "__main__":
    main()
