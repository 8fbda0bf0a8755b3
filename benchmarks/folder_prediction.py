"""A folder of JPEGs to a file of labels, whole processes: ``lenext predict`` beside timm's and torchvision's loops.

``make bench-folder``, or ``python benchmarks/folder_prediction.py --images 300 --rounds 5 --networks resnet50``, in an
environment that has torchvision, timm and scikit-image. All contestants have the same weights, which know the pictures
(``fitted_network.py``: training takes minutes and is kept). All see the same view: shorter side 256, bilinear, central
224; one picture as well as all. Rounds are interleaved, their order turns; ratios are medians over rounds of theirs to
ours.

timm: ``create_transform``, ``ImageFolder`` and a ``DataLoader`` as its documentation shows; torchvision: its
reference's presets for evaluation. Both with as many worker processes as there are cores, batches of 32, in fp32.
"""

import argparse
import csv
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from fitted_network import CROP, MEAN, SIDE, STD, draw, fitted
from result import head, write

HOUSE = Path(__file__).parent.parent
RESULTS = HOUSE / "results"
BATCH = 32
NEAR = 0.02  # by which probabilities may differ
# Our network, the reading in which theirs is the same function, the library, its name there.
CASES = [
    ("resnet50", "v1.5", "timm", "resnet50"),
    ("resnet50", "v1.5", "torchvision", "resnet50"),
    ("mobilenet_v1", "timm", "timm", "mobilenetv1_100"),
    ("googlenet", "torchvision", "torchvision", "googlenet"),
    ("efficientnet_b0", "timm", "timm", "efficientnet_b0"),
    ("efficientnet_b0", "torchvision", "torchvision", "efficientnet_b0"),
]
NETWORKS = sorted({case[0] for case in CASES})


# ---------------------------------------------------------------- networks


def prepare(case: tuple, folder: Path, pictures: Path) -> dict[str, Path]:
    """The weight file, trained where it is not there yet, its exported folders and the rival's state dict."""
    import torch

    import lenext
    from lenext.data.statistics import Statistics
    from lenext.protocol import Preprocessing, SingleCrop
    from lenext.weights.adapters import export_state
    from lenext.weights.card import Card, load, save

    name, reading, library, _ = case
    place = folder / f"{name}-{reading}"
    place.mkdir(parents=True, exist_ok=True)
    weights = place / "model.safetensors"
    if not weights.exists():
        network = fitted(name, reading, pictures)
        preprocessing = Preprocessing(channels=3, view=SingleCrop(resize=SIDE, crop=CROP), mean=MEAN, std=STD)
        classes = tuple(f"c{number}" for number in range(1000))
        card = Card(network=name, reading=reading, classes=classes, preprocessing=preprocessing)
        save(weights, network, card, Statistics(MEAN, STD))
    made = {"weights": weights, "state": place / f"{library}.pt", "exported": place / "openvino"}
    torch.save(export_state(load(weights).network, library), made["state"])
    if not made["exported"].exists():
        lenext.export(weights, to="openvino", out=str(made["exported"]), data=str(pictures), limit=0.01)
    if not (place / "int8").exists():
        lenext.export(weights, to="openvino", out=str(place / "int8"), int8=True, calibrate=str(pictures), limit=1.0)
    return made | {"int8": place / "int8"}


# ---------------------------------------------------------------- rivals


def rival(library: str, name: str, state: str, pictures: str, out: str) -> None:
    """What a user of the library writes: a process of its own, started by ``timed``."""
    import torch

    torch_library = torch.library.Library("torchvision", "DEF")  # which a torch without CUDA does not have
    torch_library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    torch_library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision.datasets import ImageFolder

    if library == "timm":
        import timm

        model = timm.create_model(name, pretrained=False)
        config = timm.data.resolve_model_data_config(model)
        config |= {"crop_pct": CROP / SIDE, "interpolation": "bilinear", "mean": MEAN, "std": STD}
        transform = timm.data.create_transform(**config, is_training=False)
    else:
        from torchvision import models, transforms

        plain = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
        model = getattr(models, name)(weights=None, **plain)
        transform = transforms.Compose(
            [
                transforms.Resize(SIDE),
                transforms.CenterCrop(CROP),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )
    model.load_state_dict(torch.load(state, weights_only=True))
    model.eval()
    data = ImageFolder(pictures, transform)
    workers = len(os.sched_getaffinity(0)) if len(data) > 1 else 0
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, num_workers=workers)
    rows = []
    with torch.inference_mode():
        for images, _ in loader:
            best = model(images).softmax(1).max(1)
            rows += zip(best.indices.tolist(), best.values.tolist(), strict=True)
    with open(out, "w", newline="") as file:
        paths = (path for path, _ in data.samples)
        csv.writer(file).writerows((path, label, score) for path, (label, score) in zip(paths, rows, strict=True))


# ---------------------------------------------------------------- rounds


def commands(case: tuple, made: dict[str, Path], pictures: Path, out: Path) -> dict[str, list[str]]:
    """The contestants of a case, each a whole process that writes ``out``; bf16 where the processor has it."""
    from lenext.engines.opening import precisions_of

    _, _, library, theirs = case
    predict = [sys.executable, "-m", "lenext", "predict", "--quiet", "--out", str(out)]
    found = {
        library: [sys.executable, __file__, "--rival", library, theirs, str(made["state"]), str(pictures), str(out)]
    }
    for precision in precisions_of("openvino"):
        found[precision] = [*predict, "--precision", precision, str(made["exported"]), str(pictures)]
    return found | {"int8": [*predict, str(made["int8"]), str(pictures)]}


def timed(command: list[str], out: Path) -> tuple[float, dict[str, tuple[int, float]]]:
    """Wall seconds of a process, and its labels and probabilities by path."""
    out.unlink(missing_ok=True)
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    with out.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row[0] != "path"]
    return seconds, {row[0]: (int(row[-2].removeprefix("c")), float(row[-1])) for row in rows}


def measured(case: tuple, made: dict[str, Path], out: Path, pictures: Path, rounds: int) -> dict:
    """Seconds of every contestant in every round, and how its answers compare with the rival's."""
    contestants = commands(case, made, pictures, out)
    names = list(contestants)
    seconds, answers = {name: [] for name in names}, {}
    for turn in range(-1, rounds):  # the first, in which caches fill, is not counted
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            taken, answers[name] = timed(contestants[name], out)
            if turn >= 0:
                seconds[name].append(round(taken, 3))
    theirs = answers[case[2]]
    equal = {}
    for name in names[1:]:
        same = [answers[name][path][0] == label for path, (label, _) in theirs.items()]
        apart = [abs(answers[name][path][1] - score) for path, (_, score) in theirs.items()]
        equal[name] = {
            "equal_labels": round(statistics.fmean(same), 4),
            "largest_difference": round(max(apart), 4),
            "within_0.02": round(statistics.fmean(one <= NEAR for one in apart), 4),
        }
    return {
        "network": case[0], "reading": case[1], "against": case[2], "images": len(theirs),
        "seconds": seconds, "answers": equal,
    }  # fmt: skip


def ratios(row: dict) -> list[dict]:
    """Theirs to ours: the median over rounds, between the smallest and the largest."""
    theirs = row["seconds"][row["against"]]
    found = []
    for name, ours in row["seconds"].items():
        if name != row["against"]:
            each = sorted(their / our for their, our in zip(theirs, ours, strict=True))
            figures = {"value": statistics.median(each), "low": each[0], "high": each[-1]}
            rounded = {word: round(figure, 2) for word, figure in figures.items()}
            words = f"{row['network']} {name}{', one picture' if row['images'] == 1 else ''}"
            found.append({"name": words, "against": row["against"], **rounded})
    return found


def document(rows: list[dict], arguments: argparse.Namespace) -> dict:
    """What the result file says."""
    from importlib import metadata

    named = " ".join(arguments.networks)
    packages = ("torchvision", "timm", "openvino", "pillow", "simplejpeg")
    return {
        **head(
            "a folder of JPEGs (500x375) to a file of labels, whole processes, against timm and torchvision",
            f"make bench-folder IMAGES={arguments.images} ROUNDS={arguments.rounds} NETWORKS='{named}'",
            f"{len(os.sched_getaffinity(0))} cores",
            {name: metadata.version(name) for name in packages},
        ),
        "seeds": [0],
        "measurements": rows,
        "ratios": [ratio for row in rows for ratio in ratios(row)],
    }


def main() -> None:
    if sys.argv[1:2] == ["--rival"]:
        rival(*sys.argv[2:])
        return
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--images", type=int, default=300)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    words.add_argument("--folder", type=Path, default=HOUSE / "runs" / "folder-prediction")
    words.add_argument("--result", type=Path, default=None)
    asked = words.parse_args()
    pictures = asked.folder / f"jpeg-{asked.images}"
    if not pictures.exists():
        draw(pictures, asked.images)
    first = asked.folder / "first" / "c0" / "0000.jpg"  # from the start of a process to one label
    first.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(min(pictures.rglob("*.jpg"), key=lambda file: file.name), first)
    rows, out = [], asked.folder / "answers.csv"
    for case in CASES:
        if case[0] not in asked.networks:
            continue
        made = prepare(case, asked.folder, pictures)
        for shown in (first.parent.parent, pictures):
            rows.append(measured(case, made, out, shown, asked.rounds))
            for ratio in ratios(rows[-1]):
                said = rows[-1]["answers"][ratio["name"].split(",")[0].split()[1]]
                print(f"{ratio['name']} against {ratio['against']}: {ratio['value']}x, {said}", flush=True)
    shortest = "bf16" if "bf16" in rows[0]["seconds"] else "fp32"
    part = "" if len(asked.networks) == len(NETWORKS) else "-" + "-".join(asked.networks)
    name = f"folder-prediction{part}-{shortest}_{platform.machine()}-{len(os.sched_getaffinity(0))}-cores"
    result = asked.result or RESULTS / f"{name}.json"
    write(result, document(rows, asked))
    print(result)


if __name__ == "__main__":
    main()
