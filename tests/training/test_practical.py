"""The practical recipe and its sizes."""

import pytest
import torch

from lenext.data.augment import Pipeline
from lenext.data.statistics import Statistics
from lenext.protocol import SingleCrop
from lenext.recipes import RandomCrop, RandomFlip, RandomResizedCrop
from lenext.training.practical import SMALL, practical, practical_size


class TestPractical:
    @pytest.mark.parametrize("size", [32, SMALL, 96, 224])
    @pytest.mark.parametrize("mirror", [False, True])
    def test_training_and_test_show_squares_of_the_size(self, size, mirror):
        recipe = practical(size, mirror=mirror)
        assert recipe.view.crop == size
        assert side(recipe) == size
        assert (RandomFlip() in recipe.augment) is mirror

    def test_small_images_are_shown_whole(self):
        assert practical(32).view == SingleCrop(resize=32, crop=32)
        assert practical(32).augment[:2] == (SingleCrop(resize=32, crop=32), RandomCrop(size=32, pad=4))

    def test_large_ones_have_a_margin(self):
        assert practical(224).view == SingleCrop(resize=256, crop=224)
        assert isinstance(practical(224).augment[0], RandomResizedCrop)


@pytest.mark.parametrize(
    ("sides", "largest", "size"),
    [
        ([8], 32, 32),  # digits in LeNet
        ([8], 224, 32),
        ([32], 224, 32),
        ([33], 224, 64),
        ([100, 150, 4000], 224, 160),  # the median, up to a multiple of 32
        ([500, 600, 700], 224, 224),
        ([64] * 9 + [5000], 224, 64),
        ([4000, 90], 224, 224),
        ([300], 32, 32),
    ],
)
def test_the_size_follows_the_images_up_to_the_papers(sides, largest, size):
    assert practical_size(sides, largest) == size
    assert practical_size(sides[::-1], largest) == size


def side(recipe):
    """The side of what the network is shown in training, tried out."""
    pipeline = Pipeline(recipe.augment, Statistics((0.0,) * 3, (1.0,) * 3), 0)
    shown = pipeline(torch.zeros(1, 3, 50, 70, dtype=torch.uint8), 0, 0)
    assert shown.shape[2] == shown.shape[3]
    return shown.shape[2]
