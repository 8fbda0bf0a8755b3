"""The torch-free view is that of training within a grey level, for every way of cutting and any number of channels."""

import numpy as np
import pytest
import torch

from lenext.data.array_view import array_view
from lenext.data.geometry import single_crop
from lenext.protocol import SingleCrop

VIEWS = {
    "usual": SingleCrop(resize=36, crop=32),
    "bicubic": SingleCrop(resize=36, crop=32, interpolation="bicubic"),
    "area": SingleCrop(resize=36, crop=32, interpolation="area"),
    "surrounded": SingleCrop(resize=28, crop=32, fill=7),
    "squash": SingleCrop(resize=36, crop=32, squash=True),
    "crop first": SingleCrop(resize=36, crop=32, crop_first=True),
    "letterbox": SingleCrop(resize=32, crop=32, letterbox=True, fill=9),
    "wide": SingleCrop(resize=20, crop=20, width=50),
}
SHAPES = [(60, 41), (41, 60), (32, 32), (36, 36), (9, 14), (300, 5), (36, 50)]


def picture(height, width, channels):
    """As smooth as photographs: on noise two rounding errors may meet, of one pixel in a million."""
    noise = np.random.default_rng(height).integers(0, 256, (height + 4, width + 4, channels)).astype(float)
    smooth = sum(noise[y : y + height, x : x + width] for y in range(5) for x in range(5)) / 25
    return np.clip((smooth - 128) * 2 + 128, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3, 4, 5])
@pytest.mark.parametrize("name", VIEWS)
def test_a_view_is_torchs_within_a_grey_level(name, channels):
    view = VIEWS[name]
    for height, width in SHAPES:
        pixels = picture(height, width, channels)
        expected = single_crop(torch.from_numpy(pixels).permute(2, 0, 1)[None], view)[0].permute(1, 2, 0).numpy()
        found = array_view(pixels, view)
        assert found.shape == expected.shape == (*view.shape, channels)
        assert np.abs(found.astype(int) - expected.astype(int)).max() <= 1, (height, width)


def test_an_image_of_the_right_size_is_not_touched():
    pixels = np.random.default_rng(0).integers(0, 256, (36, 36, 3), dtype=np.uint8)
    assert (array_view(pixels, VIEWS["usual"]) == pixels[2:34, 2:34]).all()
