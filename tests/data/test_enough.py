"""Photographs are decoded as large as a recipe wants them, and look the same."""

import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from lenext.data.decode import decode
from lenext.data.enough import enough, reduction
from lenext.data.geometry import single_crop
from lenext.protocol import SingleCrop
from lenext.recipes import RandomCrop, RandomFlip, RandomResizedCrop, ShortSide

VIEW = SingleCrop(resize=32, crop=28)


@pytest.fixture(scope="module")
def photograph():
    """A JPEG of 402 x 301 pixels, soft as a lens makes it, with an EXIF orientation that turns it."""
    noise = np.random.default_rng(0).integers(0, 256, (301, 402, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(4))
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    picture.save(file, "JPEG", quality=92, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize(
    ("steps", "pixels"),
    [
        ((RandomResizedCrop(size=224, area=(0.25, 0.25)), RandomFlip()), 896),  # half the side is 224 twice
        ((ShortSide(low=256, high=480), RandomCrop(size=224)), 960),
        ((SingleCrop(resize=28, crop=32),), 64),  # the test view wants more
        ((RandomCrop(size=32, pad=4),), 0),
        ((), 0),
    ],
)
def test_what_is_enough_for_a_recipe(steps, pixels):
    assert enough(steps, VIEW) == pixels


def test_by_what_an_image_is_scaled():
    assert [reduction(800, 600, least) for least in (0, 76, 75, 150, 151, 300, 301)] == [1, 4, 8, 4, 2, 2, 1]


@pytest.mark.parametrize(("least", "size"), [(0, (402, 301)), (151, (402, 301)), (150, (201, 151)), (64, (101, 76))])
def test_the_shorter_side_keeps_what_is_asked(photograph, least, size):
    assert decode(photograph, "a", least=least).shape[1:] == size


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_every_number_of_channels_is_scaled(photograph, channels):
    assert decode(photograph, "a", channels=channels, least=64).shape == (channels, 101, 76)


def test_what_is_not_scaled_has_the_same_bits(photograph):
    assert torch.equal(decode(photograph, "a", least=151), decode(photograph, "a"))


def test_a_view_of_the_scaled_image_is_the_same_to_a_grey_level_in_the_mean(photograph):
    whole, scaled = (single_crop(decode(photograph, "a", least=least)[None], VIEW).float() for least in (0, 64))
    gaps = (whole - scaled).abs()
    assert 0 < gaps.mean() < 1


def test_other_formats_are_read_whole():
    file = io.BytesIO()
    Image.new("RGB", (400, 300)).save(file, "PNG")
    assert decode(file.getvalue(), "a", least=10).shape == (3, 300, 400)
