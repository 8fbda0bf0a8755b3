"""Runs on images of other channels and shapes, from the command to the prediction."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import lenext
from lenext.api.options import TrainOptions
from lenext.api.run.chosen_channels import decided_channels
from lenext.data.listing import find
from lenext.data.scan import scan
from lenext.errors import UsageError
from lenext.weights.card import load

QUICK = {"model": "resnet20_cifar", "epochs": 1, "workers": 0, "batch_size": 8, "threads": 1}


def folder(root, mode, size=(40, 20)):
    """Two classes of eight pictures of noise."""
    numbers = np.random.default_rng(0)
    for label in ("a", "b"):
        (root / label).mkdir(parents=True)
        for number in range(8):
            shape = (size[1], size[0], len(mode)) if len(mode) > 1 else (size[1], size[0])
            pixels = numbers.integers(0, 256, shape, dtype=np.uint8)
            Image.fromarray(pixels, mode).save(root / label / f"{number}.png")
    return root


def test_what_is_decided(tmp_path):
    grey, colour = (scan(find(str(folder(tmp_path / mode, mode)))) for mode in ("L", "RGB"))
    asked = TrainOptions()
    assert decided_channels(asked, grey, 3) == (
        1, ("channels 3 -> 1: all images are grey (--channels 3 repeats them)",)
    )  # fmt: skip
    assert decided_channels(asked, grey, 1) == (1, ())
    assert decided_channels(replace(asked, weights="imagenet"), grey, 3) == (3, ())
    assert decided_channels(asked, colour, 3) == (3, ())
    assert decided_channels(asked, colour, 1) == (1, ())  # LeNet sees the luminance
    assert decided_channels(replace(asked, channels="4"), colour, 3)[0] == 4
    with pytest.raises(UsageError, match="cannot be read with 5"):
        decided_channels(replace(asked, channels=5), colour, 3)
    for wrong in ("rgb", 0, "-1"):
        with pytest.raises(UsageError, match="--channels is"):
            decided_channels(replace(asked, channels=wrong), colour, 3)


@pytest.mark.parametrize(
    ("mode", "asked", "shape"),
    [("RGBA", {"channels": 4}, (4, 32, 32)), ("L", {}, (1, 32, 32)), ("RGB", {"image_size": (16, 32)}, (3, 16, 32))],
)
def test_a_run_and_all_that_follows_it_agree(tmp_path, mode, asked, shape):
    data, out = folder(tmp_path / "data", mode, (32, 16)), tmp_path / "run"
    done = lenext.train(data, out=out, fit="letterbox", **{**QUICK, "image_size": 32, **asked})
    shown = load(out).card.preprocessing
    assert (shown.channels, *shown.view.shape) == shape
    assert shown.view.letterbox
    measured = lenext.evaluate(out, data, workers=0)
    assert measured["top1"] == done["best"]["top1"]
    answer = next(iter(lenext.predict(out, [data / "a" / "0.png"], workers=0)))
    assert answer["error"] is None
    written = f"Input: {' x '.join(map(str, shape))}"
    assert written in (out / "README.md").read_text()
    assert json.loads((out / "run.json").read_text())["channels"] == shape[0]
    again = lenext.train(data, out=out, resume=True, workers=0)
    assert again["best"] == done["best"]
    if shape[0] == 4:
        with pytest.raises(UsageError, match="started with channels 4"):
            lenext.train(data, out=out, resume=True, channels=3)
