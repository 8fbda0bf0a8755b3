"""What transfer is worth on few photographs, and which of its choices are: cross-validated, each image tested once.

``python benchmarks/transfer.py --out results/NAME.json`` trains EfficientNet-Lite0 from its ImageNet weights on the
photographs of ``photographs.py`` (8 classes, 238 pictures), by every row of ``VARIANTS``, with each of ``--seeds``,
which divide the folds anew. Seconds are of the whole command on this machine; CPU seconds say what it computed.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from photographs import build
from result import command, head, write

import lenext
from lenext.evaluation.intervals import wilson

MODEL = "efficientnet_lite0"

VARIANTS = {
    "as it comes": {},
    "one scale, the weights' own": {"settings": ("transfer.scales=[]", "view.resize=224", "view.crop=224")},
    "one scale": {"settings": ("transfer.scales=[]",)},
    "one scale, central crop": {"settings": ("transfer.scales=[]", "view.resize=438", "view.squash=false")},
    "support vector machine": {"settings": ("transfer.classifier=svm", "transfer.strengths=[10.0]")},
    "logistic regression": {"settings": ("transfer.classifier=logistic", "transfer.strengths=[100.0]")},
    "steps": {"epochs": 5},
}
MIRRORED = "_mirror"  # in the name of a picture that is another one's mirror image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--without-mirrored", action="store_true", help="leave out mirror images of other pictures")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args()
    document = {
        **head(
            f"{MODEL} from ImageNet weights on photographs of 8 classes, {asked.folds}-fold cross-validation",
            command(),
            f"{os.cpu_count()} cores, {torch.get_num_threads()} threads",
        ),
        "seeds": asked.seeds,
        "without_mirrored": asked.without_mirrored,
        "measurements": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photographs"
        build(photos)
        if asked.without_mirrored:
            for path in photos.rglob(f"*{MIRRORED}.png"):
                path.unlink()
        for name in asked.variants:
            runs = [measured(photos, Path(folder) / f"{name}-{seed}", VARIANTS[name], seed, asked.folds)
                    for seed in asked.seeds]  # fmt: skip
            document["measurements"].append({"variant": name, "asked": VARIANTS[name], **together(runs), "runs": runs})
            write(asked.out, document)
            print(name, json.dumps(together(runs)), flush=True)
    document["top1"] = document["measurements"][0]["top1"]
    write(asked.out, document)


def measured(photos: Path, out: Path, variant: dict[str, object], seed: int, folds: int) -> dict[str, object]:
    """One cross-validation."""
    wall, cpu = time.perf_counter(), time.process_time()
    document = lenext.train(photos, model=MODEL, weights="imagenet", folds=folds, out=out, seed=seed, **variant)
    return {
        "seed": seed,
        "images": document["images"],
        "top1": document["top1"],
        "folds": [fold["top1"]["value"] for fold in document["folds"]],
        "seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def together(runs: list[dict[str, object]]) -> dict[str, object]:
    """The mean over seeds. The interval is that of one cross-validation: the images are the same in all."""
    values = [run["top1"]["value"] for run in runs]
    images = runs[0]["images"]
    return {
        "top1": wilson(round(float(np.mean(values)) * images), images).document() | {"mean": float(np.mean(values))},
        "of_seeds": values,
        "seconds": [run["seconds"] for run in runs],
        "cpu_seconds": [run["cpu_seconds"] for run in runs],
    }


if __name__ == "__main__":
    main()
