"""The practical recipe and its sizes; a recipe for other sizes and other lengths."""

import pytest
import torch

from lenext.data.augment import Pipeline
from lenext.data.statistics import Statistics
from lenext.models import FILES, model_file
from lenext.protocol import SingleCrop
from lenext.recipes import Constant, RandomCrop, RandomFlip, RandomResizedCrop, Recipe, ShortSide, Steps
from lenext.training.practical import SMALL, practical, practical_size, shortened, with_image_size

LINE = {
    recipe.name: recipe
    for names in FILES.values()
    for table in model_file(names[0]).RECIPES.values()
    for recipe in table.values()
}
assert len(LINE) > 5


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


class TestOtherSize:
    @pytest.mark.parametrize("name", LINE)
    @pytest.mark.parametrize("size", [1, 16, 33, 320])
    def test_every_recipe_of_the_line_shows_squares_of_the_size(self, name, size):
        recipe = with_image_size(LINE[name], size)
        assert recipe.view.crop == size
        assert side(recipe) == size

    @pytest.mark.parametrize("name", LINE)
    def test_the_recipes_own_size_changes_nothing(self, name):
        assert with_image_size(LINE[name], LINE[name].view.crop) == LINE[name]

    def test_all_lengths_go_in_proportion_and_nothing_else(self):
        recipe = LINE["resnet:paper"]
        half = with_image_size(recipe, 112)
        assert half.augment == (ShortSide(low=128, high=240), RandomCrop(size=112), *recipe.augment[2:])
        assert half.view == SingleCrop(resize=128, crop=112)
        assert (half.optimizer, half.iterations, half.schedule) == (
            recipe.optimizer, recipe.iterations, recipe.schedule,
        )  # fmt: skip

    def test_padding_and_fields_around_go_along(self):
        assert with_image_size(LINE["resnet:cifar"], 64).augment[0] == RandomCrop(size=64, pad=8)
        assert with_image_size(LINE["lenet5:practical"], 64).view == SingleCrop(resize=56, crop=64)


class TestOtherLength:
    def test_epochs_are_epochs(self):
        recipe = shortened(LINE["vgg:paper"], 5, steps_per_epoch=10)
        assert (recipe.epochs, recipe.iterations) == (5, None)

    def test_drops_and_warm_up_counted_in_iterations_move_in_proportion(self):
        schedule = Steps(at=(32_000, 48_000), factor=0.1, warmup_lr=0.01, warmup_iterations=400)
        recipe = shortened(of_length(64_000, schedule), 16, steps_per_epoch=100)
        assert recipe.iterations == 1600
        assert recipe.schedule == Steps(at=(800, 1200), factor=0.1, warmup_lr=0.01, warmup_iterations=10)

    def test_its_own_length_changes_nothing(self):
        recipe = of_length(6400, Steps(at=(3200,)))
        assert shortened(recipe, 64, steps_per_epoch=100) == recipe

    def test_other_schedules_stay(self):
        assert shortened(of_length(100, Constant()), 1, steps_per_epoch=7) == of_length(7, Constant())


def of_length(iterations, schedule):
    cifar = LINE["resnet:cifar"]
    return Recipe(**{**vars(cifar), "iterations": iterations, "schedule": schedule})
