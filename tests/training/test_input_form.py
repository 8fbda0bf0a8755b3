"""Recipes for inputs that are no squares, hold the whole image, or have other channels than RGB."""

import pytest

from lenext.errors import UsageError
from lenext.models import recipe
from lenext.recipes import (
    ChannelMean,
    ColourJitter,
    FixedChannels,
    PixelMean,
    RandomCrop,
    RandomResizedCrop,
    ShortSide,
    SingleCrop,
)
from lenext.training.fitting import to_image_size
from lenext.training.input_form import check_channels, check_form, to_channels, to_fit, to_form, to_size
from lenext.training.practical import practical


class TestSize:
    @pytest.mark.parametrize("size", [96, (96, 96)])
    def test_a_square_is_what_it_was(self, size):
        paper = recipe("vgg16")
        assert to_size(paper, size) == to_image_size(paper, 96)

    def test_rectangles_take_the_place_of_squares(self):
        found, rule = to_size(practical(96), (96, 160))
        assert found.view.shape == (96, 160)
        assert found.augment[0] == RandomResizedCrop(size=96, width=160, area=(0.35, 1.0))
        assert "96 -> 96x160" in rule

    def test_lengths_go_with_the_height(self):
        found, _ = to_size(recipe("vgg16"), (112, 448))
        assert found.augment[:2] == (ShortSide(low=128, high=128, aspect=4.0), RandomCrop(size=112, width=448))
        assert found.view.scaled == (128, 512)

    def test_a_mean_image_becomes_a_mean(self):
        assert isinstance(recipe("alexnet").normalise, PixelMean)
        found, rule = to_size(recipe("alexnet"), (96, 160))
        assert found.normalise == ChannelMean(unit_variance=False)
        assert "mean" in rule


class TestFit:
    @pytest.mark.parametrize("fit", ["squash", "letterbox"])
    def test_view_and_training_begin_with_the_whole_image(self, fit):
        paper = recipe("vgg16")
        found, rule = to_fit(paper, fit)
        assert getattr(found.view, fit)
        assert (found.view.resize, found.view.crop) == (paper.view.crop, paper.view.crop)
        assert found.augment == (
            SingleCrop(resize=paper.view.resize, crop=paper.view.resize, **{fit: True}),
            *paper.augment,
        )
        assert fit[:6] in rule

    def test_a_view_in_the_augmentation_is_fitted_itself(self):
        found, _ = to_fit(recipe("lenet5:practical"), "letterbox")
        assert found.augment[0] == found.view == SingleCrop(resize=28, crop=32, letterbox=True)

    def test_what_is_so_already_has_no_rule(self):
        assert to_fit(recipe("vgg16"), "crop").rule == ""
        squashed = to_fit(recipe("vgg16"), "squash").recipe
        cropped = to_fit(squashed, "crop").recipe
        assert not cropped.view.squash
        assert not any(step.squash for step in cropped.augment if isinstance(step, SingleCrop))


class TestChannels:
    def test_three_change_nothing(self):
        for name in ("vgg16", "convnext_tiny", "alexnet"):
            assert to_channels(recipe(name), 3) == (recipe(name), "")

    def test_steps_on_colours_are_left_out_and_named(self):
        found, rule = to_channels(recipe("convnext_tiny"), 5)
        check_channels(found, 5)
        assert "RandAugment left out" in rule
        assert (
            len(found.normalise.mean) == len(found.normalise.std) == 5
            if isinstance(found.normalise, FixedChannels)
            else True
        )

    def test_grey_images_keep_what_is_defined_on_grey(self):
        found, rule = to_channels(recipe("convnext_tiny"), 1)
        assert found.augment == recipe("convnext_tiny").augment
        assert "left out" not in rule
        assert "PCAColour left out" in to_channels(recipe("vgg16"), 1).rule

    def test_constants_of_three_become_their_mean(self):
        paper = practical(32)
        found, rule = to_channels(
            type(paper)(**vars(paper) | {"normalise": FixedChannels(mean=(0.3, 0.4, 0.5), std=(0.2, 0.2, 0.2))}), 2
        )
        assert found.normalise.mean == pytest.approx((0.4, 0.4))
        assert len(found.normalise.std) == 2
        assert "2 channels" in rule

    def test_colours_that_a_setting_asks_for_are_refused(self):
        paper = practical(32)
        asked = type(paper)(**vars(paper) | {"augment": (*paper.augment, ColourJitter(brightness=0.4))})
        check_channels(asked, 1)
        with pytest.raises(UsageError, match="ColourJitter is not defined on 4 channels") as caught:
            check_channels(asked, 4)
        assert "--channels 3" in caught.value.remedy


@pytest.mark.parametrize("size", [0, (96,), (96, 0), (1, 2, 3), (96, 1.5), True])
def test_sizes_that_are_none(size):
    with pytest.raises(UsageError, match="--image-size"):
        check_form(size, None)


def test_fits_that_are_none():
    with pytest.raises(UsageError, match="no fit 'pad'") as caught:
        check_form(None, "pad")
    assert "letterbox" in caught.value.remedy


def test_nothing_asked_is_nothing_changed():
    assert to_form(recipe("vgg16"), None, None, 3) == (recipe("vgg16"), [])
