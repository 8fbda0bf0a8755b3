"""Whether speed changes what is learnt: our losses beside those of three seeds of torchvision's loop on the same data.

``make bench-losses``. The steps of ``training_speed.py`` on MNIST's images (ResNet-20: framed, in three channels):
theirs in fp32 from a DataLoader, ours in bf16 as `lenext train` has it, three seeds each, which draw weights and order.
The curve is the mean loss of each tenth of the steps; ours, the mean of its seeds, counts as within where it is no
further from the mean of theirs than their own seeds are from each other.
"""

import argparse
import json
import platform

import numpy as np
import torch
from result import RESULTS, command, head, write
from training_speed import by_torchvision, ours

from lenext.data.images import ArrayImages
from lenext.data.listing import Part, find, part
from lenext.evaluation.inference import Compute
from lenext.weights.adapters.operators import library

STEPS = {"lenet5": 200, "resnet20_cifar": 60}
WINDOWS = 10


def pictures(name: str, data_root: str | None) -> Part:
    """MNIST's training images; for ResNet-20 in three channels of 32 pixels."""
    found = part(find("mnist", data_root=data_root), "train")
    if name == "lenet5":
        return found
    assert isinstance(found.images, ArrayImages)
    framed = np.pad(found.images.array[found.indices[:8000]], ((0, 0), (2, 2), (2, 2)))
    rows = np.arange(8000)
    array = np.repeat(framed[..., None], 3, axis=3)
    return Part(ArrayImages(array, "mnist"), rows, found.labels[:8000], tuple(map(str, rows)))


def curve(name: str, images: Part, side: str, seed: int) -> list[float]:
    """Mean losses of ten equal parts of the steps."""
    torch.manual_seed(seed)
    losses: list = []
    step = ours(name, images, seed, losses) if side == "lenext" else by_torchvision(name, images, losses)
    while len(losses) < STEPS[name]:
        step()
    return [round(float(np.mean(part)), 4) for part in np.array_split(np.array([float(x) for x in losses]), WINDOWS)]


def compared(theirs: np.ndarray, mine: np.ndarray) -> dict[str, object]:
    """Curves of seeds x windows: how far apart their means are, beside the spread of the three seeds of theirs."""
    spread = theirs.max(0) - theirs.min(0)
    apart = np.abs(mine.mean(0) - theirs.mean(0))
    return {
        "within": int((apart <= spread).sum()),
        "of": WINDOWS,
        "mean_distance": round(float(apart.mean()), 4),
        "mean_spread": round(float(spread.mean()), 4),
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seeds", type=int, default=3)
    words.add_argument("--data-root", help="where MNIST's files lie")
    asked = words.parse_args()
    rows, found = [], []
    for name in STEPS:
        images, curves = pictures(name, asked.data_root), {}
        for side in ("torchvision", "lenext"):
            curves[side] = [curve(name, images, side, seed) for seed in range(asked.seeds)]
            rows += [{"work": name, "by": side, "seed": seed, "losses": one} for seed, one in enumerate(curves[side])]
        found.append({"name": name, **compared(np.array(curves["torchvision"]), np.array(curves["lenext"]))})
        print(json.dumps(found[-1]), flush=True)
    document = {
        **head(
            "training losses beside those of three seeds of torchvision's loop",
            command(),
            f"{torch.get_num_threads()} threads",
            {"torchvision": library("torchvision").__version__},
        ),
        "precision": Compute.choose("cpu", "auto").precision,
        "measurements": rows,
        "compared": found,
    }
    write(RESULTS / f"loss-curves_{platform.machine()}.json", document)


if __name__ == "__main__":
    main()
