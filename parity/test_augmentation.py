"""Our augmentation with given draws against timm's and torchvision's with the same parameters: the same pixels."""

import random

import numpy as np
import pytest
import timm.data.auto_augment as timms
import torch
from PIL import Image
from timm.data.random_erasing import RandomErasing as TimmsErasing
from torchvision.transforms import RandomResizedCrop as Theirs
from torchvision.transforms import functional as vision

from lenext.data.colour import jitter, to_pictures
from lenext.data.erasing import TRIES, rectangle
from lenext.data.policies import BICUBIC, NEAREST, RANDOM_OPERATIONS, V0, V0_OPERATIONS, Level
from lenext.data.random_part import area_box
from lenext.recipes import ColourJitter, RandomErasing, RandomResizedCrop

FILL = (124, 116, 104)
HYPERPARAMETERS = {"translate_pct": 0.45, "translate_const": 250, "img_mean": FILL}
# What our table's operations are called there; absolute translation is the TPU code's, which timm's policy replaced.
THEIRS = {"TranslateY": timms.translate_y_abs}


def pixels(height=61, width=48, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (1, 3, height, width), dtype=np.uint8))


def difference(one, other):
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max())


def signed(monkeypatch, sign):
    """Their coin, which is negative above a half."""
    monkeypatch.setattr(random, "random", lambda: 0.75 if sign < 0 else 0.25)


def test_the_operations_are_theirs_in_their_order():
    assert len(timms._RAND_INCREASING_TRANSFORMS) == len(RANDOM_OPERATIONS)


@pytest.mark.parametrize("number", range(15))
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("level", [0.0, 2.5, 8.7, 10.0])
def test_rand_augment(number, sign, level, monkeypatch):
    signed(monkeypatch, sign)
    name = timms._RAND_INCREASING_TRANSFORMS[number]
    image = to_pictures(pixels())[0]
    if name == "PosterizeIncreasing" and level == 10:
        return  # theirs asks Pillow for 0 bits, which it refuses; ours is black, as in TensorFlow
    arguments = timms.LEVEL_TO_ARG[name]
    given = arguments(level, HYPERPARAMETERS) if arguments else ()
    theirs = timms.NAME_TO_OP[name](image, *given, fillcolor=FILL, resample=BICUBIC)
    ours = RANDOM_OPERATIONS[number](image, Level(level, sign, BICUBIC, FILL))
    assert difference(ours, theirs) == 0


@pytest.mark.parametrize("name", V0_OPERATIONS)
@pytest.mark.parametrize("sign", [-1, 1])
def test_auto_augment(name, sign, monkeypatch):
    signed(monkeypatch, sign)
    image = to_pictures(pixels(seed=1))[0]
    for level in {level for pair in V0 for found, _, level in pair if found == name}:
        arguments = timms.LEVEL_TO_ARG[name]
        given = arguments(level, HYPERPARAMETERS) if arguments else ()
        if name == "Posterize" and given == (0,):
            continue  # theirs asks Pillow for 0 bits, which it refuses; ours is black, as in TensorFlow
        theirs = THEIRS.get(name, timms.NAME_TO_OP[name])(image, *given, fillcolor=FILL, resample=NEAREST)
        assert difference(V0_OPERATIONS[name](image, Level(level, sign, NEAREST, FILL)), theirs) == 0


def test_the_policy_is_theirs_but_for_the_translation():
    theirs = [[(op.name, op.prob, op.magnitude) for op in pair] for pair in timms.auto_augment_policy_v0({})]
    ours = [[(name.replace("TranslateY", "TranslateYRel"), chance, level) for name, chance, level in p] for p in V0]
    assert ours == theirs


@pytest.mark.parametrize("seed", range(5))
def test_colour_jitter(seed):
    draws = np.random.default_rng(seed).random((1, 6))
    ours = jitter(pixels(), draws, ColourJitter(brightness=0.4, contrast=0.4, saturation=0.4))
    theirs = pixels()
    adjust = (vision.adjust_brightness, vision.adjust_contrast, vision.adjust_saturation)
    for number in np.argsort(draws[0, 3:]):
        factor = 1 + 0.4 * (2 * draws[0, number] - 1)
        theirs = adjust[number](Image.fromarray(np.asarray(theirs[0].permute(1, 2, 0))), factor)
        theirs = torch.from_numpy(np.array(theirs)).permute(2, 0, 1)[None]
    assert difference(ours, theirs) == 0


@pytest.mark.parametrize("seed", range(20))
def test_rectangles_of_random_erasing(seed, monkeypatch):
    """The same drawn numbers give the same place, and both leave the rest alone."""
    tries = np.random.default_rng(seed).random((TRIES, 4))
    ours = rectangle(61, 48, tries, RandomErasing())
    numbers = iter(tries.flatten().tolist())
    monkeypatch.setattr(random, "random", lambda: 0.0)
    monkeypatch.setattr(random, "uniform", lambda low, high: low + (high - low) * next(numbers))
    monkeypatch.setattr(random, "randint", lambda low, high: low + int((high - low + 1) * next(numbers)))
    image = torch.full((3, 61, 48), 9.0)
    TimmsErasing(probability=1.0, mode="pixel", device="cpu")(image)
    assert ours is not None
    top, left, height, width = ours
    expected = torch.zeros(61, 48, dtype=torch.bool)
    expected[top : top + height, left : left + width] = True
    assert torch.equal((image != 9).all(0), expected)


@pytest.mark.parametrize("seed", range(20))
def test_boxes_of_the_random_resized_crop(seed, monkeypatch):
    tries = np.random.default_rng(seed).random((10, 4))
    rows, row = iter(tries.tolist()), []

    class Empty:
        """A tensor for one drawn number; area and aspect begin a try, its place is drawn only where it fits."""

        def uniform_(self, low, high):
            if len(row) != 3:
                row[:] = next(rows)
            return torch.tensor([low + (high - low) * row.pop(0)], dtype=torch.float64)

    monkeypatch.setattr(torch, "empty", lambda *_: Empty())
    monkeypatch.setattr(torch, "randint", lambda low, high, **_: torch.tensor([low + int((high - low) * row.pop(0))]))
    theirs = Theirs.get_params(pixels(height=90, width=200)[0], [0.08, 1.0], [3 / 4, 4 / 3])
    assert area_box(90, 200, tries, RandomResizedCrop(size=8)) == tuple(theirs)
