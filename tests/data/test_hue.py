"""Colours changed as by TensorFlow: HSV is that of colorsys, contrast of each channel, brightness is added."""

import colorsys

import numpy as np
import pytest
import torch

from lenext.data.hue import contrast, distort, hue, saturation
from lenext.errors import UsageError
from lenext.models import recipe
from lenext.recipes import TensorFlowColour

STILL = 0.5  # a draw that changes nothing


def image(seed=0, channels=3, levels=256):
    numbers = np.random.default_rng(seed).integers(0, levels, (channels, 6, 7))
    return torch.from_numpy(numbers).float() / (levels - 1)


def by_pixel(picture, change):
    """Of colorsys: each pixel's hue, saturation and value through ``change``."""
    pixels = picture.double().permute(1, 2, 0).reshape(-1, 3).tolist()
    changed = [colorsys.hsv_to_rgb(*change(*colorsys.rgb_to_hsv(*pixel))) for pixel in pixels]
    return torch.tensor(changed).reshape(*picture.shape[1:], 3).permute(2, 0, 1)


@pytest.mark.parametrize("levels", [256, 3])  # with three, hues are whole sixths and many pixels are grey
@pytest.mark.parametrize("turn", [0.0, 0.2, -0.2, 0.5])
def test_hue_is_turned_and_nothing_else(turn, levels):
    picture = image(levels=levels)
    expected = by_pixel(picture, lambda h, s, v: ((h + turn) % 1, s, v))
    assert torch.allclose(hue(picture, turn), expected, atol=1e-5)


@pytest.mark.parametrize("levels", [256, 3])
@pytest.mark.parametrize("change", [-1.0, -0.5, 0.0, 0.5])
def test_saturation_is_multiplied_up_to_one(change, levels):
    picture = image(levels=levels)
    expected = by_pixel(picture, lambda h, s, v: (h, min(1, s * (1 + change)), v))
    assert torch.allclose(saturation(picture, change), expected, atol=1e-5)


def test_a_pixel_below_black_has_no_saturation():
    picture = torch.tensor([-0.1, -0.2, -0.3]).view(3, 1, 1)
    assert torch.allclose(saturation(picture, 0.5), torch.full((3, 1, 1), -0.1))


def test_contrast_is_about_the_mean_of_each_channel():
    picture = image()
    found = contrast(picture, 1.5)
    assert torch.allclose(found.mean((1, 2)), picture.mean((1, 2)), atol=1e-6)
    assert torch.allclose(found.std((1, 2)), 1.5 * picture.std((1, 2)), atol=1e-6)


class TestDistort:
    PIXELS = (image()[None] * 255).round().to(torch.uint8)

    def test_brightness_is_added(self):
        found = distort(self.PIXELS, np.array([[0.75, STILL, STILL, STILL, 0.0]]), TensorFlowColour())
        assert torch.equal(found, (self.PIXELS.int() + 16).clamp(max=255).to(torch.uint8))

    def test_the_order_is_drawn_and_counts(self):
        draws = np.array([[1.0, 0.0, 1.0, 0.9, 0.0]])
        step, start = TensorFlowColour(), self.PIXELS[0].float() / 255 + 32 / 255
        first = contrast(hue(saturation(start, 0.5), 0.8 * 0.2), 0.5)
        second = hue(saturation(contrast(start, 0.5), 0.5), 0.8 * 0.2)
        for order, expected in ((0.49, first), (0.5, second)):
            draws[0, 4] = order
            levels = (255 * expected).round().clamp(0, 255)
            assert (distort(self.PIXELS, draws, step)[0].float() - levels).abs().max() <= 1
        assert (first - second).abs().max() > 0.05

    def test_a_change_that_is_in_no_order_is_not_made(self):
        draws = np.array([[STILL, 0.0, STILL, 0.0, 0.3]])
        fast = TensorFlowColour(orders=("BS", "SB", "SB", "SB"))
        assert torch.equal(distort(self.PIXELS, draws, fast), self.PIXELS)

    def test_grey_pictures_are_made_lighter_and_harder(self):
        draws = np.array([[1.0, STILL, 0.0, 0.0, 0.0]])
        grey = self.PIXELS[:, :1]
        assert torch.equal(distort(grey, draws, TensorFlowColour()), (grey.int() + 32).clamp(max=255).to(torch.uint8))

    def test_other_letters_are_refused(self):
        for orders in ((), ("BSX",)):
            with pytest.raises(UsageError, match="orders are"):
                TensorFlowColour(orders=orders)


def test_slims_fast_mode_begins_with_saturation_in_three_of_four():
    (step,) = (step for step in recipe("mobilenet_v1:slim").augment if isinstance(step, TensorFlowColour))
    assert (step.orders.count("SB"), step.orders.count("BS")) == (3, 1)
    assert step.brightness == 32 / 255
