"""What the options of training are worth: ``--balance`` on uneven classes, ``--precision``, ``--save-memory``.

``python benchmarks/options.py balance --seeds 0 1 2`` (also: precision, memory). Fashion-MNIST as folders of PNG files,
which are written to a temporary folder; the result file grows with every run, and runs that it has are not done again.
"""

import argparse
import datetime as dt
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lenext.api.run_folder import versions
from lenext.data.idx import IDX_SETS
from lenext.data.listing import find, part

RESULTS = Path(__file__).parent.parent / "results"
UNEVEN = np.geomspace(500, 10, 10).round().astype(int)  # training images of each class
EVEN = np.full(10, 400)
VALIDATION, TEST = 20, 200  # images a class
SETTINGS = {
    "balance": ["none", "sampling", "weights"],
    "precision": ["fp32", "bf16"],
    "memory": ["plain", "save-memory"],
}


def folders(sizes: np.ndarray, root: Path) -> Path:
    """Fashion-MNIST's first images of each class as train/, val/ and test/, so many training images of each class."""
    listing = find("fashion-mnist", data_root=None)
    for split, skip, counts in (("train", 0, sizes), ("val", 5000, [VALIDATION] * 10), ("test", 0, [TEST] * 10)):
        chosen = part(listing, "test" if split == "test" else "train")
        for label, count in enumerate(counts):
            folder = root / split / IDX_SETS["fashion-mnist"].classes[label].replace("/", "-")
            folder.mkdir(parents=True)
            for row in np.flatnonzero(chosen.labels == label)[skip : skip + count]:
                pixels = chosen.images.read(int(chosen.indices[row]), 1, 255)[0].numpy()
                Image.fromarray(pixels).save(folder / f"{row:05d}.png")
    return root


def trained(data: Path, model: str, options: list[str]) -> dict:
    """One run by the command line: accuracy and its mean over the classes on the test images, seconds, memory."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", str(data), "--model", model, *options, "--out", f"{folder}/run", "--json", "--quiet"]
        start = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "lenext", *words], check=True, stdout=subprocess.PIPE, text=True)
        seconds = time.monotonic() - start
    document = json.loads(done.stdout)
    tested = document["evaluations"]["test"]
    recalls = [one["recall"] for one in tested["per_class"]]
    return {
        "top1": tested["top1"]["value"],
        "balanced": round(statistics.fmean(recalls), 5),
        "recalls": [round(recall, 4) for recall in recalls],
        "seconds": round(seconds, 1),
        "training_seconds": document["seconds"],
        "peak_memory": document["peak_memory"],
    }


def options_of(what: str, setting: str) -> list[str]:
    if what == "balance":
        return ["--balance", setting]
    if what == "precision":
        return ["--precision", setting]
    return ["--save-memory"] if setting == "save-memory" else []


def main() -> None:
    reader = argparse.ArgumentParser()
    reader.add_argument("what", choices=SETTINGS)
    reader.add_argument("--model", default="resnet20_cifar")
    reader.add_argument("--epochs", default="15")
    reader.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    reader.add_argument("--more", nargs="*", default=[], help="further words of the command")
    asked = reader.parse_args()
    path = RESULTS / f"option-{asked.what}-{asked.model}_{platform.machine()}.json"
    found = json.loads(path.read_text()) if path.exists() else {"measurements": []}
    more = [word.replace("+", "-") for word in asked.more]
    with tempfile.TemporaryDirectory() as folder:
        data = folders(UNEVEN if asked.what == "balance" else EVEN, Path(folder) / "fashion")
        for seed in asked.seeds:
            for setting in SETTINGS[asked.what]:
                key = {"setting": setting, "seed": seed, "epochs": int(asked.epochs)}
                if any(key.items() <= row.items() for row in found["measurements"]):
                    continue
                words = [*options_of(asked.what, setting), "--epochs", asked.epochs, "--seed", str(seed), *more]
                row = {**key, **trained(data, asked.model, words)}
                print(json.dumps(row), flush=True)
                found = {
                    "what": f"--{asked.what} of lenext train: {asked.model} on folders of Fashion-MNIST",
                    "command": " ".join([sys.executable.rpartition("/")[2], *sys.argv]),
                    "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
                    "versions": versions(),
                    "date": dt.datetime.now(dt.UTC).date().isoformat(),
                    "training_images": (UNEVEN if asked.what == "balance" else EVEN).tolist(),
                    "measurements": [*found["measurements"], row],
                }
                path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
