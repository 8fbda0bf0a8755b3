"""A network on a built-in set by the command line, one run a seed; writes curves and test errors to ``results/``.

``make mnist`` and ``make fashion`` call it. What ``--train`` says goes to ``lenext train``.
With ``--runs FOLDER`` the runs stay there, and one that was stopped goes on.
"""

import argparse
import json
import math
import platform
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from result import RESULTS, head, write
from scipy.stats import t as student

from lenext.training.log import read_log

CURVE = ("epoch", "loss", "train_top1", "val_loss", "val_top1")  # of a row of the log
NAMES = (("value", "value"), ("low", "high"), ("high", "low"))  # an error's lower bound is an accuracy's upper one


def lenext(*words: str) -> dict:
    """One command, its progress shown, its document returned."""
    done = subprocess.run(
        [sys.executable, "-m", "lenext", *words, "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)


def trained(asked: argparse.Namespace, seed: int, out: Path, place: list[str]) -> dict:
    """One run: its test error, the seconds of its training with validation, its curve, and how its recipe was cut."""
    run = lenext(
        "train", asked.data, "--model", asked.model, *asked.options, "--seed", str(seed),
        "--out", str(out), "--resume", *place,
    )  # fmt: skip
    tested = lenext("evaluate", str(out), asked.data, *place)
    curve = [{name: round(row[name], 5) for name in CURVE if name in row} for row in read_log(out / "metrics.jsonl")]
    error = {name: round(1 - tested["top1"][other], 6) for name, other in NAMES}
    return {
        "seed": seed,
        "error": error,
        "images": tested["images"],
        "seconds": round(run["seconds"], 1),
        "curve": curve,
        "rules": run["rules"],
    }


def document(asked: argparse.Namespace, runs: list[dict]) -> dict:
    """What the result file says."""
    errors = [run["error"]["value"] for run in runs]
    measurements = [
        {"name": f"test error, seed {run['seed']}", **run["error"], "images": run["images"]} for run in runs
    ]
    top1 = {name: 1 - runs[0]["error"][other] for name, other in NAMES}
    if len(runs) > 1:
        mean, spread = statistics.mean(errors), statistics.stdev(errors)
        half = student.ppf(0.975, len(runs) - 1) * spread / math.sqrt(len(runs))  # of the mean over seeds
        top1 = {"value": 1 - mean, "low": 1 - mean - half, "high": 1 - mean + half}
        measurements.insert(
            0, {"name": "mean test error", "value": round(mean, 6), "deviation": round(spread, 6), "seeds": len(runs)}
        )
    measurements += [{"name": f"seconds of training, seed {run['seed']}", "value": run["seconds"]} for run in runs]
    measurements += [{"name": f"curve, seed {run['seed']}", "rows": run["curve"]} for run in runs]
    options = " ".join(asked.options)
    return {
        **head(
            f"{asked.model} on {asked.data}, its test images measured once, after the last pass",
            f"lenext train {asked.data} --model {asked.model} {options} --seed SEED; lenext evaluate RUN {asked.data}",
            f"{torch.get_num_threads()} threads",
        ),
        "rules": runs[0]["rules"],
        "seeds": [run["seed"] for run in runs],
        "top1": {name: round(value, 6) for name, value in top1.items()},
        "measurements": measurements,
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("data", help="a built-in set")
    words.add_argument("model")
    words.add_argument("--train", dest="options", type=shlex.split, default=[], help="options of lenext train")
    words.add_argument("--name", required=True, help="what the result file is called")
    words.add_argument("--data-root", help="where the files of the set lie")
    words.add_argument("--seeds", type=int, nargs="+", default=[0])
    words.add_argument("--runs", type=Path, help="where the runs stay; nowhere by default")
    asked = words.parse_args()
    place = ["--data-root", asked.data_root] if asked.data_root else []
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in asked.seeds:
            out = (asked.runs or Path(folder)) / f"{asked.name}-seed{seed}"
            runs.append(trained(asked, seed, out, place))
            print(
                f"seed {seed}: test error {runs[-1]['error']['value']:.2%} in {runs[-1]['seconds']:.0f} s", flush=True
            )
    path = RESULTS / f"{asked.name}_{platform.machine()}-{torch.get_num_threads()}-threads.json"
    write(path, document(asked, runs))
    print(f"mean test error {statistics.mean(run['error']['value'] for run in runs):.2%}; {path}")


if __name__ == "__main__":
    main()
