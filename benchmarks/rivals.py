"""The same folder, the same minutes, the same cores: lenext against fastai, Ultralytics and timm, all from scratch.

``make rivals``, or ``python benchmarks/rivals.py --only timm --seeds 0 1 --seconds 300``. The folder holds 10,000
training images of Fashion-MNIST as PNG (9,000 in ``train``, 1,000 in ``val``, every class its share); each tool trains
on it as its documentation says (``benchmarks/rival_tools``) and answers for the 10,000 test images, and all answers are
scored here. A timed probe of one and of three epochs says how many epochs fit the budget, so that every schedule is
whole; the clock runs from the start of the process to the trained weights. Each run is kept in ``runs/rivals``, and the
result file is written anew from all of them, so tools and seeds can be run one by one.
"""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import IO, Any

import torch
from PIL import Image
from result import RESULTS, head, write

from lenext.benchmark.machine import versions
from lenext.data import builtin
from lenext.data.item import TEST, Item
from lenext.data.stratify import stratified_share
from lenext.evaluation.intervals import Interval, wilson

ROOT = Path(__file__).parent.parent
RESULT = RESULTS / "rivals-fashion-mnist.json"
TOOLS = ("lenext", "fastai", "ultralytics", "timm")
TRAINING, VALIDATION = 1 / 6, 1 / 10  # of the 60,000; of these 10,000
RIVALS = ROOT / ".venv-rivals" / "bin" / "python"
PROBE = (1, 3)  # epochs
SPARE = 0.96  # of the budget is planned for: an epoch is not always as long
# ours: not chosen by measurement yet; a network and recipe must be chosen on a held-out part of the 10,000.
OURS = ("--model", "resnet20_cifar", "--precision", "bf16")


def folder(place: Path, data_root: str | None) -> Path:
    """The PNG files, written once: place/images/{train,val}/CLASS and place/test/CLASS."""
    if (place / "done").exists():
        return place
    shutil.rmtree(place, ignore_errors=True)
    images, items = builtin.load("fashion-mnist", data_root)
    split = splits(items)
    for index, part in split.items():
        path = place / part / items[index].label.replace("/", "-") / f"{index:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images.array[index]).save(path)
    (place / "done").touch()
    return place


def splits(items: Sequence[Item]) -> dict[int, str]:
    """Which images are used, and in which folder: every class has its share of each."""
    found = {index: "test" for index, item in enumerate(items) if item.split == TEST}
    train = share([index for index, item in enumerate(items) if item.split != TEST], items, TRAINING, seed=0)
    val = set(share(train, items, VALIDATION, seed=1))
    return found | {index: "images/val" if index in val else "images/train" for index in train}


def share(indices: Sequence[int], items: Sequence[Item], fraction: float, seed: int) -> list[int]:
    names, labels = [items[index].path for index in indices], [items[index].label for index in indices]
    return sorted(indices[place] for place in stratified_share(names, labels, fraction=fraction, seed=seed))


def run(tool: str, place: Path, epochs: int, seed: int, out: Path) -> dict[str, Any]:
    """One training by one tool, in a process of its own: its answers, and the seconds until it was trained."""
    answers = out.with_suffix(".answers")
    answers.unlink(missing_ok=True)
    started = time.time()
    with out.with_suffix(".log").open("w") as log:
        if tool == "lenext":
            return ours(place, epochs, seed, out.with_suffix(""), log)
        program = ROOT / "benchmarks" / "rival_tools" / f"{tool}_trial.py"
        words = [RIVALS, program, place / "images", place / "test", answers]
        words += ["--epochs", epochs, "--seed", seed, "--started", started]
        subprocess.run(list(map(str, words)), check=True, stdout=log, stderr=log)
    found: dict[str, Any] = json.loads(answers.read_text(encoding="utf-8"))
    answers.unlink()
    return found


def ours(place: Path, epochs: int, seed: int, folder: Path, log: IO[str]) -> dict[str, Any]:
    """lenext by its command line: the whole of ``lenext train`` is timed, with its report and model card."""
    shutil.rmtree(folder, ignore_errors=True)
    words = [sys.executable, "-m", "lenext", "train", str(place / "images"), *OURS, "--epochs", str(epochs)]
    words += ["--seed", str(seed), "--out", str(folder), "--json"]
    started = time.time()
    trained = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=log, text=True)
    seconds = time.time() - started
    words = [sys.executable, "-m", "lenext", "predict", str(folder), str(place / "test"), "--top", "1", "--json"]
    words += ["--quiet", "--batch-size", "500"]
    predicted = subprocess.run(words, check=True, stdout=subprocess.PIPE, stderr=log, text=True)
    answers = {
        str(Path(one["path"]).relative_to(place / "test")): one["predictions"][0]["class"]
        for one in json.loads(predicted.stdout)
    }
    return {
        "seconds": seconds,
        "epochs": epochs,
        "seed": seed,
        "versions": versions(),
        "validation": json.loads(trained.stdout)["evaluations"]["val"]["top1"]["value"],
        "what": f"lenext train FOLDER {' '.join(OURS)}: the practical recipe",
        "documentation": "README.md",
        "answers": answers,
    }


def planned(tool: str, place: Path, seconds: float, kept: Path) -> dict[str, float]:
    """How many epochs fit, from a probe of one epoch and one of three; kept, for other seeds."""
    path = kept / f"{tool}-probe.json"
    if path.exists():
        probe = json.loads(path.read_text(encoding="utf-8"))
    else:
        few, more = (run(tool, place, count, 0, kept / f"{tool}-probe{count}")["seconds"] for count in PROBE)
        each = max((more - few) / (PROBE[1] - PROBE[0]), 1e-3)
        probe = {"start": few - PROBE[0] * each, "epoch": each}
        path.write_text(json.dumps(probe), encoding="utf-8")
    epochs = max(1, math.floor((seconds * SPARE - probe["start"]) / probe["epoch"]))
    print(f"{tool}: {probe['epoch']:.1f} s an epoch after {probe['start']:.1f} s; {epochs} epochs", flush=True)
    return {**probe, "epochs": epochs}


def scored(answers: Mapping[str, str], place: Path) -> tuple[int, int]:
    """How many answers name the folder that the image lies in, and how many images there are: all must be answered."""
    names = {str(path.relative_to(place / "test")) for path in (place / "test").glob("*/*.png")}
    if names != set(answers):
        raise SystemExit(f"{len(names ^ set(answers))} of {len(names)} test images were not answered, or are unknown")
    return sum(Path(name).parent.name == answer for name, answer in answers.items()), len(names)


def row(tool: str, found: Mapping[str, Any], place: Path, seconds: float) -> dict[str, Any]:
    """A run as the result file has it."""
    right, total = scored(found["answers"], place)
    kept = {name: value for name, value in found.items() if name != "answers"}
    interval = {name: round(value, 5) for name, value in wilson(right, total).document().items()}
    return {
        "name": f"test top-1 of {tool}, seed {found['seed']}",
        "tool": tool,
        **interval,
        "images": total,
        "right": right,
        **kept,
        "seconds": round(found["seconds"], 1),
        "budget": seconds,
    }


def differences(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """lenext's top-1 less each rival's, all seeds together, with Newcombe's interval (1998, method 10)."""
    totals = {tool: [one for one in rows if one["tool"] == tool] for tool in TOOLS}
    if not totals["lenext"]:
        return []
    mine = pooled(totals["lenext"])
    found = []
    for tool in TOOLS[1:]:
        if totals[tool]:
            theirs = pooled(totals[tool])
            apart = mine.value - theirs.value
            low = apart - math.hypot(mine.value - mine.low, theirs.high - theirs.value)
            high = apart + math.hypot(mine.high - mine.value, theirs.value - theirs.low)
            values = {"value": round(apart, 5), "low": round(low, 5), "high": round(high, 5)}
            found.append({"name": "top-1 of lenext less that of the other", "against": tool, **values})
    return found


def pooled(rows: Sequence[Mapping[str, Any]]) -> Interval:
    """The mean over seeds, with the interval of one test set: the seeds share its images."""
    total = rows[0]["images"]
    return wilson(round(mean(one["right"] for one in rows)), total)


def document(rows: Sequence[Mapping[str, Any]], seconds: float) -> dict[str, Any]:
    mine = [one for one in rows if one["tool"] == "lenext"]
    return {
        **head(
            "Fashion-MNIST from scratch: 10,000 training images as PNG folders (1,000 of them held out), the same "
            f"{seconds:.0f} s from process start to trained weights and the same cores for each tool, no published "
            "weights; top-1 on the 10,000 test images",
            "make rivals",
            f"{torch.get_num_threads()} cores, load {os.getloadavg()[2]:.1f} in 15 minutes",
            {name: value for one in rows for name, value in one["versions"].items()},
        ),
        "seeds": sorted({one["seed"] for one in rows}),
        "top1": {name: round(value, 5) for name, value in pooled(mine).document().items()} if mine else None,
        "measurements": list(rows),
        "differences": differences(rows),
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--only", choices=TOOLS, nargs="+", default=TOOLS)
    words.add_argument("--seconds", type=float, default=300.0, help="of each training [300]")
    words.add_argument("--seeds", type=int, nargs="+", default=[0])
    words.add_argument("--epochs", type=int, help="instead of what the probe says: to try it, out of any budget")
    words.add_argument("--data-root", help="where the idx files of Fashion-MNIST lie")
    words.add_argument("--probe", action="store_true", help="measure the length of an epoch, and train no more")
    words.add_argument("--again", action="store_true", help="runs that are there, and their probes, too")
    words.add_argument("--keep", type=Path, default=ROOT / "runs" / "rivals", help="where runs and images lie")
    words.add_argument("--result", type=Path, default=RESULT)
    asked = words.parse_args()
    asked.keep.mkdir(parents=True, exist_ok=True)
    place = folder(asked.keep / "fashion-mnist", asked.data_root)
    for tool in asked.only:
        if asked.again:
            (asked.keep / f"{tool}-probe.json").unlink(missing_ok=True)
        for seed in asked.seeds:
            path = asked.keep / f"{tool}-seed{seed}.json"
            if path.exists() and not asked.again and not asked.probe:
                continue
            epochs = asked.epochs or int(planned(tool, place, asked.seconds, asked.keep)["epochs"])
            if asked.probe:
                break
            found = run(tool, place, epochs, seed, path)
            path.write_text(
                json.dumps(row(tool, found, place, 0.0 if asked.epochs else asked.seconds)), encoding="utf-8"
            )
            print(f"{tool}, seed {seed}: {json.loads(path.read_text())['value']:.2%} after {found['seconds']:.0f} s")
    gathered = gather(asked.keep, asked.result, 0.0 if asked.epochs else asked.seconds)
    if gathered:
        asked.result.parent.mkdir(exist_ok=True)
        write(asked.result, document(gathered, asked.seconds))
        print(asked.result)


def gather(kept: Path, result: Path, seconds: float) -> list[dict[str, Any]]:
    """The rows of the result file, replaced and completed by the runs that are kept here; tool by tool.

    Of the budget only: a run of another length, or of a given number of epochs (budget 0), is no rival to these.
    """
    before = json.loads(result.read_text(encoding="utf-8"))["measurements"] if result.exists() else []
    here = [json.loads(path.read_text(encoding="utf-8")) for path in kept.glob("*-seed*.json")]
    rows = {one["name"]: one for one in (*before, *here) if one["budget"] == seconds}
    return sorted(rows.values(), key=lambda one: (TOOLS.index(one["tool"]), one["seed"]))


if __name__ == "__main__":
    main()
