"""What two options of training are worth: ``--balance`` on uneven classes, and ``--precision``.

``python benchmarks/options.py balance --seeds 0 1 2`` (or: precision). Fashion-MNIST as folders of PNG files,
which are written to a temporary folder; the result file grows with every run, and runs that it has are not done again.
"""

import argparse
import json
import platform
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from result import RESULTS, command, head, write

import lenext
from lenext.data.idx import IDX_SETS
from lenext.data.listing import find, part

UNEVEN = np.geomspace(500, 10, 10).round().astype(int)  # training images of each class
EVEN = np.full(10, 400)
VALIDATION, TEST = 20, 200  # images a class
SETTINGS = {"balance": ["none", "sampling", "weights"], "precision": ["fp32", "bf16"]}


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


def trained(data: Path, **asked: object) -> dict:
    """One run: accuracy and its mean over the classes on the test images, and the seconds of its training."""
    with tempfile.TemporaryDirectory() as folder:
        document = lenext.train(data, out=Path(folder) / "run", **asked)
    tested = document["evaluations"]["test"]
    recalls = [one["recall"] for one in tested["per_class"]]
    return {
        "top1": tested["top1"]["value"],
        "balanced": round(statistics.fmean(recalls), 5),
        "recalls": [round(recall, 4) for recall in recalls],
        "training_seconds": round(document["seconds"], 1),
    }


def main() -> None:
    reader = argparse.ArgumentParser()
    reader.add_argument("what", choices=SETTINGS)
    reader.add_argument("--model", default="resnet20_cifar")
    reader.add_argument("--epochs", type=int, default=15)
    reader.add_argument("--batch-size", type=int)
    reader.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    asked = reader.parse_args()
    path = RESULTS / f"option-{asked.what}-{asked.model}_{platform.machine()}.json"
    found = json.loads(path.read_text()) if path.exists() else {"measurements": []}
    with tempfile.TemporaryDirectory() as folder:
        data = folders(UNEVEN if asked.what == "balance" else EVEN, Path(folder) / "fashion")
        for seed in asked.seeds:
            for setting in SETTINGS[asked.what]:
                key = {"setting": setting, "seed": seed, "epochs": asked.epochs, "batch_size": asked.batch_size}
                if any(key.items() <= row.items() for row in found["measurements"]):
                    continue
                more = {asked.what: setting, "epochs": asked.epochs, "batch_size": asked.batch_size, "seed": seed}
                row = {**key, **trained(data, model=asked.model, recipe="practical", **more)}
                print(json.dumps(row), flush=True)
                found = {
                    **head(
                        f"--{asked.what} of lenext train: {asked.model} on folders of Fashion-MNIST",
                        command(),
                        f"{torch.get_num_threads()} threads",
                    ),
                    "training_images": (UNEVEN if asked.what == "balance" else EVEN).tolist(),
                    "measurements": [*found["measurements"], row],
                }
                write(path, found)


if __name__ == "__main__":
    main()
