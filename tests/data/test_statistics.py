"""What the training images say of themselves, against numpy; and the network's input, against its formula."""

import numpy as np
import pytest
import torch

from lenext.data.statistics import Statistics, colour_axes, gather
from lenext.recipes import ChannelMean, FixedScale, PixelMean

GENERATOR = np.random.default_rng(0)
MIXING = GENERATOR.normal(size=(3, 3))
NOISE = GENERATOR.normal(size=(40, 9, 7, 3)) @ MIXING * 20 + (120, 90, 140)
PHOTOS = np.ascontiguousarray(NOISE.clip(0, 255).astype(np.uint8).transpose(0, 3, 1, 2))  # N 3 H W, channels correlated
GREY = PHOTOS[:, :1]


def batches(images, size=16):
    return (torch.from_numpy(images[start : start + size]) for start in range(0, len(images), size))


def gathered(normalise, images=PHOTOS, size=16):
    return gather(normalise, batches(images, size), images.shape[1])


class TestConstants:
    @pytest.mark.parametrize("images", [PHOTOS, GREY])
    def test_mean_and_deviation_of_each_channel(self, images):
        found = gathered(ChannelMean(unit_variance=True), images)
        assert found.mean == pytest.approx(images.mean((0, 2, 3)) / 255, rel=1e-12)
        assert found.std == pytest.approx(images.std((0, 2, 3)) / 255, rel=1e-9)
        assert found.pixel_mean is None

    def test_without_unit_variance_the_input_stays_in_grey_levels(self):
        found = gathered(ChannelMean(unit_variance=False))
        input_ = found.normalise(torch.from_numpy(PHOTOS)).double().numpy()
        assert np.abs(input_ - (PHOTOS - PHOTOS.mean((0, 2, 3), keepdims=True)[0])).max() < 1e-4

    @pytest.mark.parametrize("before_crop", [False, True])
    def test_the_mean_image(self, before_crop):
        found = gathered(PixelMean(before_crop=before_crop))
        assert found.subtract_first is before_crop
        assert found.pixel_mean.dtype == torch.float32
        assert np.abs(found.pixel_mean.numpy() - PHOTOS.mean(0)).max() < 1e-4
        input_ = found.normalise(torch.from_numpy(PHOTOS))
        assert (input_ == torch.from_numpy(PHOTOS).float() - found.pixel_mean).all()

    def test_the_batches_do_not_matter(self):
        one, many = gathered(ChannelMean(), size=40), gathered(ChannelMean(), size=7)
        assert one.mean == pytest.approx(many.mean, rel=1e-12)
        assert one.std == pytest.approx(many.std, rel=1e-9)

    def test_an_image_without_contrast_has_a_finite_input(self):
        flat = np.full((1, 3, 4, 4), 200, np.uint8)
        found = gathered(ChannelMean(), flat)
        assert found.std == pytest.approx((1 / 255,) * 3), "a deviation below one grey level counts as one"
        assert found.normalise(torch.from_numpy(flat)).abs().max() < 1e-5

    def test_fixed_constants_need_no_image(self):
        assert gather(FixedScale(mean=0.5, std=0.25), [], 3) == Statistics((0.5,) * 3, (0.25,) * 3)
        assert gather(FixedScale(mean=0.5, std=0.25), [], 1).mean == (0.5,)

    def test_fixed_constants_stay_when_images_are_shown_for_their_colours(self):
        found = gathered(FixedScale(mean=0.5, std=0.25))
        assert (found.mean, found.std) == ((0.5,) * 3, (0.25,) * 3)
        assert found.colour_axes.any()


class TestColourAxes:
    def test_they_are_the_principal_axes_of_the_pixels(self):
        axes = gathered(ChannelMean()).colour_axes.numpy()
        covariance = np.cov(PHOTOS.transpose(1, 0, 2, 3).reshape(3, -1), bias=True)
        assert np.allclose(axes @ axes.T, covariance, rtol=1e-8), "axes times deviations give the covariance back"
        lengths = np.linalg.norm(axes, axis=0)
        assert np.allclose(lengths**2, np.linalg.eigvalsh(covariance), rtol=1e-8)
        assert np.allclose((axes / lengths).T @ (axes / lengths), np.eye(3), atol=1e-9), "they stand at right angles"

    def test_their_signs_do_not_depend_on_the_solver(self):
        axes = gathered(ChannelMean()).colour_axes
        assert (axes.sum(0) > 0).all()
        turned = colour_axes(torch.diag(torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64)))
        assert turned.tolist() == torch.diag(torch.tensor([3.0, 2.0, 1.0]).double().sqrt()).fliplr().tolist()

    def test_grey_images_have_none(self):
        """AlexNet's noise moves colours; of one channel there is no colour to move."""
        axes = gathered(ChannelMean(), GREY).colour_axes
        assert axes.shape == (3, 3)
        assert not axes.any()

    def test_grey_pictures_in_three_channels_vary_along_grey_alone(self):
        axes = gathered(ChannelMean(), np.repeat(GREY, 3, axis=1)).colour_axes.numpy()
        assert np.abs(axes[:, :2]).max() < 1e-3
        assert np.ptp(axes[:, 2]) < 1e-6 * axes[0, 2]


class TestInput:
    def test_it_is_the_formula(self):
        constants = Statistics((0.4, 0.5, 0.6), (0.2, 0.3, 0.25))
        mean, std = np.array(constants.mean)[:, None, None], np.array(constants.std)[:, None, None]
        input_ = constants.normalise(torch.from_numpy(PHOTOS))
        assert input_.dtype == torch.float32
        assert np.abs(input_.numpy() - (PHOTOS / 255 - mean) / std).max() < 1e-6

    def test_lenets_background_and_ink(self):
        """II.B of 1998: background -0.1, ink 1.175."""
        input_ = gather(FixedScale(mean=0.1 / 1.275, std=1 / 1.275), [], 1)
        shown = input_.normalise(torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1))
        assert shown.flatten().tolist() == pytest.approx([-0.1, 1.175], abs=1e-6)

    def test_a_mean_image_is_subtracted_once(self):
        constants = gathered(PixelMean(before_crop=True))
        pixels = torch.from_numpy(PHOTOS)
        once = constants.subtract(pixels)
        assert (constants.subtract(once) == once).all()
        assert (constants.normalise(once) == constants.normalise(pixels)).all()

    def test_a_smaller_view_loses_the_central_window_of_a_mean_image(self):
        constants = gathered(PixelMean(side=9), PHOTOS[:, :, :7])
        view = torch.from_numpy(PHOTOS[:, :, 1:6, 1:6])
        assert (constants.subtract(view) == view.float() - constants.pixel_mean[:, 1:6, 1:6]).all()

    def test_an_image_alone_has_the_bits_that_it_has_in_a_batch(self):
        constants = gathered(ChannelMean())
        pixels = torch.from_numpy(PHOTOS)
        assert (constants.normalise(pixels) == torch.cat([constants.normalise(one[None]) for one in pixels])).all()
