"""A recipe for other images, another length, fewer data: what changes, by which rule, and what never does."""

from dataclasses import replace

import pytest

from lenext.models import FILES, model_file
from lenext.protocol import SingleCrop
from lenext.recipes import (
    Average,
    Constant,
    Cosine,
    Decay,
    EpochRates,
    EpochSteps,
    Inverse,
    Plateau,
    Polynomial,
    RandomCrop,
    RandomResizedCrop,
    ShortSide,
    Steps,
)
from lenext.training.fitting import to_data, to_epochs, to_image_size, to_iterations, to_steps
from lenext.training.practical import practical

LINE = {
    recipe.name: recipe
    for names in FILES.values()
    for table in model_file(names[0]).RECIPES.values()
    for recipe in table.values()
}
assert len(LINE) > 5

RECIPE = practical(32)


def last_crop(recipe):
    cuts = [step for step in recipe.augment if isinstance(step, RandomCrop | RandomResizedCrop | SingleCrop)]
    return getattr(cuts[-1], "size", None) or cuts[-1].crop


class TestImageSize:
    @pytest.mark.parametrize("name", LINE)
    @pytest.mark.parametrize("size", [1, 16, 33, 320])
    def test_every_recipe_of_the_line_shows_squares_of_the_size(self, name, size):
        recipe = to_image_size(LINE[name], size).recipe
        assert recipe.view.crop == size
        assert last_crop(recipe) == size

    @pytest.mark.parametrize("name", LINE)
    def test_the_recipes_own_size_changes_nothing_and_says_nothing(self, name):
        assert to_image_size(LINE[name], LINE[name].view.crop) == (LINE[name], "")

    def test_all_lengths_go_in_proportion_and_nothing_else(self):
        recipe = LINE["resnet:paper"]
        half, rule = to_image_size(recipe, 112)
        assert half.augment == (ShortSide(low=128, high=240), RandomCrop(size=112), *recipe.augment[2:])
        assert half.view == SingleCrop(resize=128, crop=112)
        assert replace(half, augment=recipe.augment, view=recipe.view) == recipe
        assert rule == "image size 224 -> 112: every length of augment and view times 0.5"

    def test_padding_and_fields_around_go_along(self):
        assert to_image_size(LINE["resnet:cifar"], 64).recipe.augment[0] == RandomCrop(size=64, pad=8, mean=True)
        assert to_image_size(LINE["lenet5:practical"], 64).recipe.view == SingleCrop(resize=56, crop=64)

    def test_how_the_view_is_made_stays(self):
        view = SingleCrop(resize=384, crop=384, interpolation="bicubic", squash=True)
        found = to_image_size(replace(RECIPE, view=view), 192).recipe.view
        assert found == SingleCrop(resize=192, crop=192, interpolation="bicubic", squash=True)


class TestEpochs:
    @pytest.mark.parametrize(
        ("schedule", "quarter"),
        [
            (EpochSteps(at=(30.0, 60.0)), EpochSteps(at=(7.5, 15.0))),
            (EpochRates(until=(4, 8, 80), rates=(3, 2, 1)), EpochRates(until=(1, 2, 20), rates=(3, 2, 1))),
            (Decay(factor=0.97, every=2.4, warmup=5), Decay(factor=0.97, every=0.6, warmup=1.25)),
            (Steps(at=(400, 800), warmup_iterations=40), Steps(at=(100, 200), warmup_iterations=10)),
            (Inverse(gamma=0.01, power=0.75), Inverse(gamma=0.04, power=0.75)),
            (Plateau(patience=8), Plateau(patience=2)),
            (Plateau(patience=1), Plateau(patience=1)),
        ],
    )
    def test_times_go_in_proportion(self, schedule, quarter):
        recipe, rule = to_epochs(replace(RECIPE, epochs=80, schedule=schedule), 20, steps_per_epoch=10)
        assert recipe == replace(RECIPE, epochs=20, schedule=quarter)
        assert rule.startswith("length 80 -> 20 epochs")
        assert ("times times 0.25" in rule) is (schedule != quarter)

    @pytest.mark.parametrize("schedule", [Constant(), Cosine(warmup=0.1), Polynomial(power=0.5)])
    def test_shares_of_the_run_stay(self, schedule):
        fitted = to_epochs(replace(RECIPE, epochs=80, schedule=schedule), 20, steps_per_epoch=10)
        assert fitted == (replace(RECIPE, epochs=20, schedule=schedule), "length 80 -> 20 epochs")

    def test_a_recipe_in_iterations_counts_them_on_these_data(self):
        schedule = Steps(at=(32_000, 48_000), factor=0.1, warmup_lr=0.01, warmup_iterations=400)
        long = replace(RECIPE, epochs=None, iterations=64_000, schedule=schedule)
        recipe, rule = to_epochs(long, 16, steps_per_epoch=100)
        assert recipe.iterations == 1600
        assert recipe.schedule == Steps(at=(800, 1200), factor=0.1, warmup_lr=0.01, warmup_iterations=10)
        assert rule == "length 64,000 -> 1,600 iterations (16 epochs): the schedule's times times 0.025"

    def test_the_schedule_of_biases_goes_along(self):
        recipe = LINE["alexnet:cuda-convnet2"]
        assert recipe.optimizer.bias_schedule == EpochSteps(at=(45,))
        for fitted in (to_epochs(recipe, 9, 100).recipe, to_iterations(recipe, 900, 100).recipe):
            assert fitted.optimizer == replace(recipe.optimizer, bias_schedule=EpochSteps(at=(4.5,)))

    def test_its_own_length_changes_nothing(self):
        recipe = replace(RECIPE, epochs=None, iterations=6400, schedule=Steps(at=(3200,)))
        assert to_epochs(recipe, 64, steps_per_epoch=100) == (recipe, "")


class TestData:
    def test_a_batch_is_all_images_at_most(self):
        fitted = to_data(RECIPE, 20)
        assert fitted == (replace(RECIPE, batch_size=20), "batch 32 -> 20: there are no more images")
        assert to_data(RECIPE, 32) == (RECIPE, "")

    def test_an_average_forgets_where_it_started(self):
        recipe, rule = to_steps(replace(RECIPE, average=Average(decay=0.9999)), 1000)
        assert 1 / (1 - recipe.average.decay) == pytest.approx(200)
        assert rule == "average over 10,000 -> 200 steps: a fifth of the run's 1,000"
        assert to_steps(recipe, 1000) == (recipe, ""), "fitted twice is fitted once"

    @pytest.mark.parametrize("average", [None, Average(decay=0.9999, rising=True), Average(decay=0.99)])
    def test_others_need_no_rule(self, average):
        recipe = replace(RECIPE, average=average)
        assert to_steps(recipe, 1000) == (recipe, "")

    def test_a_run_of_one_step_is_tested_with_its_last_weights(self):
        assert to_steps(replace(RECIPE, average=Average(decay=0.9)), 1).recipe.average.decay == 0
