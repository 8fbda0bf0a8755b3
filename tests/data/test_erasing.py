"""Random erasing: how often, how large, what is put in, and that it is a function of the draws."""

import numpy as np
import pytest
import torch

from lenext.data.augment import Pipeline
from lenext.data.draws import uniforms
from lenext.data.erasing import DRAWS, TRIES, erase, rectangle
from lenext.data.statistics import Statistics
from lenext.recipes import RandomErasing, RandomFlip

STEP = RandomErasing()


def drawn(count, seed=1):
    return uniforms((seed, 2), 0, 0, count, DRAWS)


def test_a_quarter_of_the_images_loses_a_rectangle_to_noise():
    inputs = torch.full((800, 3, 32, 32), 9.0)
    found = erase(inputs, drawn(800), STEP)
    touched = (found != 9).flatten(1).any(1)
    assert 139 < touched.sum() < 261  # 5 deviations of 12.2 about 200
    noise = found[found != 9]
    assert noise.mean().item() == pytest.approx(0, abs=0.02)
    assert noise.std().item() == pytest.approx(1, abs=0.02)
    assert (inputs == 9).all()  # what was given is not written to


def test_areas_and_aspects_are_those_of_the_step():
    boxes = [rectangle(200, 200, row[2:].reshape(TRIES, 4), STEP) for row in drawn(2_000)]
    height, width = np.array([box[2:] for box in boxes]).T
    share, ratio = height * width / 40_000, np.log(height / width)
    assert share.min() > 0.019
    assert share.max() < 0.336
    assert np.abs(ratio).max() < np.log(10 / 3) + 0.05
    assert np.median(ratio) == pytest.approx(0, abs=0.1)
    top, left = np.array([box[:2] for box in boxes]).T
    assert (top + height <= 200).all()
    assert (left + width <= 200).all()


def test_what_does_not_fit_leaves_the_image():
    large = RandomErasing(area=(0.9, 1.0), aspect=(4.0, 5.0))
    assert rectangle(20, 20, drawn(1)[0, 2:].reshape(TRIES, 4), large) is None


def test_a_pipeline_erases_after_normalising_and_one_by_one_as_in_a_batch():
    pipeline = Pipeline((RandomFlip(), RandomErasing(p=1.0)), Statistics((0.0,), (1.0,)), seed=4)
    inputs = torch.zeros(5, 1, 16, 16)
    together = pipeline.finish(inputs, epoch=2, position=10)
    single = torch.cat([pipeline.finish(inputs[:1], 2, 10 + place) for place in range(5)])
    assert torch.equal(together, single)
    assert together.flatten(1).any(1).all()
    pixels = torch.arange(16, dtype=torch.uint8).expand(2, 1, 4, 16).clone()
    assert set(pipeline(pixels, 0, 0).unique().tolist()) == set(range(16))  # pixels are only mirrored


def test_without_erasing_nothing_happens():
    inputs = torch.randn(2, 3, 4, 4)
    assert Pipeline((RandomFlip(),), Statistics((0.0,) * 3, (1.0,) * 3), seed=4).finish(inputs, 0, 0) is inputs
