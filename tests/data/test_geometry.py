"""Views and scalings against plain transcriptions with Pillow."""

import numpy as np
import pytest
import torch
from PIL import Image

from lenext.data.augment import GOOGLENETS, STEPS, Pipeline
from lenext.data.geometry import resize, single_crop
from lenext.data.statistics import Statistics
from lenext.protocol import SingleCrop
from lenext.recipes import RandomResizedCrop, ShortSide

METHODS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
    "nearest": Image.Resampling.NEAREST,
}


def pixels(height, width, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (1, 3, height, width), dtype=np.uint8))


def picture(images):
    return Image.fromarray(images[0].permute(1, 2, 0).numpy())


def difference(images, expected):
    return np.abs(images[0].permute(1, 2, 0).numpy().astype(int) - np.asarray(expected).astype(int)).max()


@pytest.mark.parametrize("interpolation", METHODS)
@pytest.mark.parametrize(("height", "width"), [(20, 31), (47, 13), (9, 9), (64, 90)])
def test_every_interpolation_is_pillows_within_a_grey_level(interpolation, height, width):
    images = pixels(41, 57)
    expected = picture(images).resize((width, height), METHODS[interpolation])
    assert difference(resize(images, height, width, interpolation), expected) <= 1


@pytest.mark.parametrize(("height", "width"), [(50, 80), (81, 49), (33, 33)])
def test_a_squashed_view_is_the_whole_image(height, width):
    images = pixels(height, width)
    view = SingleCrop(resize=24, crop=24, squash=True, interpolation="bicubic")
    expected = picture(images).resize((24, 24), Image.Resampling.BICUBIC)
    assert difference(single_crop(images, view), expected) <= 1


@pytest.mark.parametrize(("height", "width"), [(50, 80), (81, 49), (21, 300)])
def test_cropped_first_means_the_square_of_the_original(height, width):
    """EfficientNet: the central square of side min * S / (S + 32), then to S x S."""
    images = pixels(height, width)
    side = min(height, width) * 48 // 80
    top, left = (height - side) // 2, (width - side) // 2
    expected = picture(images).crop((left, top, left + side, top + side)).resize((48, 48), Image.Resampling.BICUBIC)
    view = SingleCrop(resize=80, crop=48, crop_first=True, interpolation="bicubic")
    assert difference(single_crop(images, view), expected) <= 1


def test_a_random_interpolation_is_one_of_four_with_equal_chances():
    images = pixels(30, 30)
    step = RandomResizedCrop(size=12, area=(1.0, 1.0), aspect=(1.0, 1.0), interpolation="random")
    kind = STEPS[RandomResizedCrop]
    draws = np.full((4, kind.width(step)), 0.5)
    draws[:, -1] = [0.1, 0.3, 0.6, 0.9]
    found = kind.apply(images.expand(4, 3, 30, 30), draws, step, None)
    for row, name in enumerate(GOOGLENETS):
        assert torch.equal(found[row : row + 1], resize(images, 12, 12, name))


def test_images_whose_interpolation_is_drawn_go_one_by_one():
    statistics = Statistics((0.0,) * 3, (1.0,) * 3)
    assert Pipeline((ShortSide(low=8, high=8),), statistics, 0).whole_batches
    assert not Pipeline((ShortSide(low=8, high=8, interpolation="random"),), statistics, 0).whole_batches
