"""Each step of a recipe against its plain transcription, with the same drawn numbers."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from batches import AXES, COLOURFUL, NO_STATISTICS, pixels
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lenext.data.augment import STEPS, Pipeline
from lenext.data.draws import AUGMENTATION, uniforms
from lenext.data.geometry import resize, short_side, single_crop
from lenext.data.random_part import TRIES, area_box
from lenext.data.statistics import Statistics
from lenext.protocol import SingleCrop
from lenext.recipes import PCAColour, RandomAffine, RandomCrop, RandomFlip, RandomResizedCrop, ShortSide


def applied(step, images, draws, statistics=NO_STATISTICS):
    return STEPS[type(step)].apply(images, np.array(draws, dtype=np.float64), step, statistics)


def by_pillow(image, height, width):
    """C H W -> C height width"""
    planes = [Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR) for plane in image.numpy()]
    return np.stack([np.asarray(plane) for plane in planes])


class TestScaling:
    @given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.integers(0, 99))
    @settings(max_examples=60, deadline=None, derandomize=True)  # of noise, one pixel in ten million differs by two
    def test_it_is_pillows_bilinear_to_one_grey_level(self, height, width, new_height, new_width, seed):
        image = pixels(1, 3, height, width, seed)
        found = resize(image, new_height, new_width)
        assert found.dtype == torch.uint8
        expected = by_pillow(image[0], new_height, new_width)
        assert np.abs(found[0].numpy().astype(int) - expected).max() <= 1

    @pytest.mark.parametrize(
        ("before", "length", "after"),
        [
            ((30, 45), 20, (20, 30)),
            ((45, 30), 20, (30, 20)),
            ((31, 46), 20, (20, 29)),  # 29.67, rounded down as torchvision does
            ((20, 20), 20, (20, 20)),
            ((7, 7), 32, (32, 32)),
            ((1, 1), 5, (5, 5)),
            ((1, 6), 4, (4, 24)),
            ((6, 1), 4, (24, 4)),
        ],
    )
    def test_the_shorter_side_gets_the_length(self, before, length, after):
        assert short_side(pixels(2, 3, *before), length).shape == (2, 3, *after)

    def test_an_image_of_the_right_size_is_not_touched(self):
        image = pixels()
        assert resize(image, 12, 15) is image


class TestSingleCrop:
    @pytest.mark.parametrize(
        ("size", "resize_to", "crop"),
        [((30, 40), 20, 16), ((40, 30), 20, 16), ((31, 47), 20, 17), ((47, 31), 20, 17), ((33, 33), 33, 32)],
    )
    def test_it_is_the_middle_of_the_scaled_image(self, size, resize_to, crop):
        image = pixels(1, 3, *size)
        found = single_crop(image, SingleCrop(resize=resize_to, crop=crop))
        scaled = short_side(image, resize_to)
        top, left = (round((side - crop) / 2) for side in scaled.shape[2:])
        assert found.shape == (1, 3, crop, crop)
        assert (found == scaled[:, :, top : top + crop, left : left + crop]).all()

    def test_mnist_stands_in_the_middle_of_lenets_field(self):
        digit = pixels(1, 1, 28, 28)
        shown = single_crop(digit, SingleCrop(resize=28, crop=32, fill=9))
        assert (shown[:, :, 2:30, 2:30] == digit).all()
        shown[:, :, 2:30, 2:30] = 9
        assert (shown == 9).all()

    def test_an_odd_margin_is_wider_below_and_on_the_right(self):
        shown = single_crop(pixels(1, 1, 4, 4) | 1, SingleCrop(resize=4, crop=7))
        assert shown[0, 0].bool().tolist() == [[1 <= y < 5 and 1 <= x < 5 for x in range(7)] for y in range(7)]

    def test_a_narrow_image_is_filled_on_its_short_side_and_cut_on_its_long(self):
        image = pixels(1, 1, 4, 9)
        shown = single_crop(image, SingleCrop(resize=4, crop=6, fill=7))
        assert (shown[:, :, 1:5] == image[:, :, :, 2:8]).all()
        assert (shown[:, :, [0, 5]] == 7).all()

    @pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1)])
    def test_a_line_or_a_point_makes_a_view(self, size):
        assert single_crop(pixels(1, 3, *size), SingleCrop(resize=8, crop=8)).shape == (1, 3, 8, 8)


class TestShortSide:
    def test_every_whole_length_is_drawn_alike(self):
        step = ShortSide(low=3, high=7)
        rows = uniforms((0, AUGMENTATION), 0, 0, 2000, 1)
        image = pixels(1, 1, 9, 9)
        counts = np.bincount([applied(step, image, row[None]).shape[2] for row in rows])
        assert counts[:3].sum() == 0
        assert len(counts) == 8
        assert counts[3:].min() > 330

    @pytest.mark.parametrize(("draw", "length"), [(0.0, 3), (np.nextafter(1, 0), 7)])
    def test_both_ends_are_reached_and_not_passed(self, draw, length):
        assert applied(ShortSide(low=3, high=7), pixels(1, 1, 9, 9), [[draw]]).shape[2] == length


class TestRandomCrop:
    @given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 12), st.integers(0, 4), st.integers(0, 10**6))
    @settings(max_examples=60, deadline=None)
    def test_it_is_a_square_of_the_padded_image(self, height, width, size, pad, seed):
        images = pixels(3, 3, height, width, seed)
        draws = uniforms((seed, AUGMENTATION), 0, 0, 3, 2)
        found = applied(RandomCrop(size=size, pad=pad, fill=5), images, draws)
        for image, (y, x), crop in zip(images.numpy(), draws, found.numpy(), strict=True):
            padded = np.pad(image, ((0, 0), (pad, pad), (pad, pad)), constant_values=5)
            tall, wide = max(0, size - padded.shape[1]), max(0, size - padded.shape[2])
            around = ((0, 0), (tall // 2, tall - tall // 2), (wide // 2, wide - wide // 2))
            padded = np.pad(padded, around, constant_values=5)
            top, left = int(y * (padded.shape[1] - size + 1)), int(x * (padded.shape[2] - size + 1))
            assert (crop == padded[:, top : top + size, left : left + size]).all()

    def test_every_place_is_reached(self):
        marked = torch.arange(25, dtype=torch.uint8).view(1, 1, 5, 5)
        draws = uniforms((0, AUGMENTATION), 0, 0, 500, 2)
        found = applied(RandomCrop(size=3), marked.expand(500, 1, 5, 5), draws)
        assert set(found[:, 0, 0, 0].tolist()) == {0, 1, 2, 5, 6, 7, 10, 11, 12}

    def test_padding_may_be_the_mean_of_each_channel(self):
        """fb.resnet.torch: the mean goes before the padding, which so is 0 to the network."""
        statistics = Statistics((0.5, 0.25, 0.75), (0.2,) * 3)
        step, images = RandomCrop(size=8, pad=4, fill=9, mean=True), pixels(200, 3, 8, 8)
        draws = uniforms((0, AUGMENTATION), 0, 0, 200, 2)
        for image, (y, x), crop in zip(images, draws, applied(step, images, draws, statistics), strict=True):
            around = zip(image.numpy(), (128, 64, 191), strict=True)
            padded = np.stack([np.pad(channel, 4, constant_values=grey) for channel, grey in around])
            top, left = int(y * 9), int(x * 9)
            assert (crop.numpy() == padded[:, top : top + 8, left : left + 8]).all()

    def test_of_images_without_their_mean_that_is_zero(self):
        images, draws = pixels(20, 3, 8, 8).float(), uniforms((0, AUGMENTATION), 0, 0, 20, 2)
        found = applied(RandomCrop(size=8, pad=4, fill=9, mean=True), images, draws, COLOURFUL)
        assert found.equal(applied(RandomCrop(size=8, pad=4), images, draws))

    def test_padding_after_the_mean_image_stands_for_the_mean(self):
        """CIFAR: zero is the mean once it was subtracted."""
        mean = pixels(1, 3, 8, 8, seed=1)[0].float()
        statistics = Statistics((0.0,) * 3, (1 / 255,) * 3, mean, subtract_first=True)
        images = pixels(200, 3, 8, 8)
        found = Pipeline((RandomCrop(size=8, pad=4),), statistics, 0)(images, 0, 0)
        places = (uniforms((0, AUGMENTATION), 0, 0, 200, 2) * 9).astype(int)
        row = next(row for row, (top, left) in enumerate(places) if top == 0 and left > 4)
        left = places[row][1]
        assert not found[row, :, :4].any()
        assert (found[row, :, 4:, : 12 - left] == (images[row].float() - mean)[:, :4, left - 4 :]).all()
        assert statistics.normalise(found).equal(found)

    def test_images_of_another_size_are_brought_to_the_mean_image_first(self):
        mean = torch.full((3, 8, 8), 100.0)
        statistics = Statistics((0.0,) * 3, (1 / 255,) * 3, mean, subtract_first=True)
        pipeline = Pipeline((RandomFlip(p=0),), statistics, 0)
        photo = pixels(1, 3, 21, 34)
        expected = single_crop(photo, SingleCrop(resize=8, crop=8)).float() - 100
        assert pipeline(photo, 0, 0).equal(expected)


class TestRandomResizedCrop:
    STEP = RandomResizedCrop(size=6)

    def test_the_box_is_scaled_to_the_size(self):
        image = pixels(1, 3, 30, 50)
        row = uniforms((3, AUGMENTATION), 0, 0, 1, 4 * TRIES)
        top, left, h, w = area_box(30, 50, row[0].reshape(TRIES, 4), self.STEP)
        found = applied(self.STEP, image, row)
        expected = by_pillow(image[0, :, top : top + h, left : left + w], 6, 6)
        assert np.abs(found[0].numpy().astype(int) - expected).max() <= 1


class TestRandomFlip:
    def test_left_and_right_change_places_below_p(self):
        images = pixels(3)
        found = applied(RandomFlip(p=0.3), images, [[0.29], [0.3], [0.0]])
        assert (found[[0, 2]] == images[[0, 2]].numpy()[..., ::-1].copy()).all()
        assert (found[1] == images[1]).all()

    def test_half_of_the_images_are_mirrored(self):
        images = pixels(1).expand(4000, -1, -1, -1)
        found = Pipeline((RandomFlip(),), NO_STATISTICS, 0)(images, 0, 0)
        share = (found != images).flatten(1).any(1).float().mean().item()
        assert share == pytest.approx(0.5, abs=0.03)


STILL = [0.5, 0.5, 0.5, 0.5, 0.5]  # rotation, shift to the side, shift down, scale, shear


class TestRandomAffine:
    @pytest.mark.parametrize("size", [(8, 8), (7, 12), (1, 1), (28, 28)])
    def test_in_the_middle_of_every_bound_nothing_moves(self, size):
        image = pixels(1, 3, *size)
        step = RandomAffine(degrees=90, shift=0.5, scale=0.5, shear=0.5, fill=3)
        assert applied(step, image, [STILL]).equal(image)

    @pytest.mark.parametrize(("draw", "turns"), [(1.0, 1), (0.0, -1)])
    def test_a_quarter_turn_moves_every_pixel_of_a_square_whole(self, draw, turns):
        image = pixels(1, 3, 9, 9)
        found = applied(RandomAffine(degrees=90), image, [[draw, *STILL[1:]]])
        assert found.equal(torch.rot90(image, turns, (2, 3)))

    def test_a_half_turn_of_an_oblong_image(self):
        image = pixels(1, 3, 6, 9)
        assert applied(RandomAffine(degrees=180), image, [[1.0, *STILL[1:]]]).equal(torch.rot90(image, 2, (2, 3)))

    def test_a_quarter_turn_of_an_oblong_image_keeps_its_middle_undistorted(self):
        image = pixels(1, 1, 6, 10)
        found = applied(RandomAffine(degrees=90, fill=1), image, [[1.0, *STILL[1:]]])
        assert found[:, :, :, 2:8].equal(torch.rot90(image[:, :, :, 2:8], 1, (2, 3)))
        assert (found[:, :, :, :2] == 1).all()

    def test_a_shift_is_a_share_of_the_side_and_fill_comes_in(self):
        image = pixels(1, 3, 8, 12)
        step = RandomAffine(shift=0.25, fill=77)
        found = applied(step, image, [[0.5, 1.0, 0.0, 0.5, 0.5]])  # input lies 3 to the right and 2 above
        assert found[:, :, 2:, :9].equal(image[:, :, :6, 3:])
        assert (found[:, :, :2] == 77).all()
        assert (found[:, :, :, 9:] == 77).all()

    def test_doubling_shows_the_middle_half(self):
        image = pixels(1, 1, 4, 4).repeat_interleave(2, 2).repeat_interleave(2, 3)
        found = applied(RandomAffine(scale=1.0), image, [[0.5, 0.5, 0.5, 1.0, 0.5]])
        middle = image[:, :, 2:6, 2:6].float()
        expected = torch.nn.functional.interpolate(middle, scale_factor=2, mode="bilinear")
        assert (found.float() - expected)[:, :, 1:-1, 1:-1].abs().max() <= 0.5

    def test_a_shear_moves_rows_by_their_height_times_the_slope(self):
        image = pixels(1, 1, 5, 21)
        found = applied(RandomAffine(shear=2.0, fill=0), image, [[0.5, 0.5, 0.5, 0.5, 1.0]])
        for row in range(5):
            moved = 2 * (row - 2)
            for column in range(21):
                source = column + moved
                expected = image[0, 0, row, source].item() if 0 <= source < 21 else 0
                assert found[0, 0, row, column].item() == expected

    def test_the_whole_map_against_its_transcription(self):
        """Bilinear sampling at centre + shift + zoom R S Q (p - centre), in float64."""
        height, width = 11, 16
        step = RandomAffine(degrees=20, shift=0.1, scale=0.3, shear=0.2, squeeze=0.3, fill=40)
        image = pixels(1, 1, height, width)
        for row in uniforms((5, AUGMENTATION), 0, 0, 5, 6):
            found = applied(step, image, row[None])[0, 0].numpy()
            expected = transcribed_affine(image[0, 0].numpy().astype(float), row, step)
            assert np.abs(found - expected).max() <= 0.51

    def test_floats_keep_their_fractions(self):
        image = pixels(1, 1, 8, 8).float() - 100.25
        found = applied(RandomAffine(degrees=180), image, [[1.0, *STILL[1:]]])
        assert found.is_floating_point()
        assert torch.allclose(found, torch.rot90(image, 2, (2, 3)), atol=1e-3)


def transcribed_affine(image, row, step):
    height, width = image.shape
    angle, x, y, size, shear, squeeze = 2 * row - 1
    turn, longer = math.radians(angle * step.degrees), 1 + squeeze * step.squeeze
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    matrix = rotation @ np.array([[1, shear * step.shear], [0, 1]]) / (1 + size * step.scale)
    matrix = matrix @ np.diag([1 / longer, longer])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    shift = np.array([x * step.shift * width, y * step.shift * height])
    framed = np.pad(image, 1, constant_values=step.fill)
    result = np.empty_like(image)
    for row_number in range(height):
        for column in range(width):
            u, v = centre + shift + matrix @ (np.array([column, row_number]) - centre)
            u, v = np.clip(u, -1, width), np.clip(v, -1, height)
            left, top = min(math.floor(u), width - 1), min(math.floor(v), height - 1)
            a, b = u - left, v - top
            corners = framed[top + 1 : top + 3, left + 1 : left + 3]
            result[row_number, column] = np.array([1 - b, b]) @ corners @ np.array([1 - a, a])
    return result


class TestPCAColour:
    STEP = PCAColour(std=0.1)

    def test_every_pixel_moves_by_the_same_mix_of_the_axes(self):
        from scipy.stats import norm

        images = torch.full((4, 3, 5, 6), 128, dtype=torch.uint8)
        draws = uniforms((1, AUGMENTATION), 0, 0, 4, 3)
        shifts = 0.1 * norm.ppf(draws) @ AXES.numpy().T  # N 3
        assert np.abs(shifts).max() > 2, "the noise is visible"
        expected = np.round(128 + shifts)[:, :, None, None]
        assert (applied(self.STEP, images, draws, COLOURFUL).numpy() == expected).all()

    def test_eigenvalues_of_shares_are_squares_of_deviations(self):
        """fb.resnet.torch: the noise along an axis of deviation s is 0.1 s^2 of 0..1, that is 0.1 s^2 / 255 levels."""
        draws = np.array([[0.5, 0.5, 0.9]])
        images = torch.zeros(1, 3, 1, 1)
        strong = applied(self.STEP, images, draws, COLOURFUL).flatten()
        weak = applied(PCAColour(std=0.1, size="eigenvalue"), images, draws, COLOURFUL).flatten()
        assert torch.allclose(weak, strong * float(AXES[:, 2].norm()) / 255)

    def test_the_spread_along_each_axis_is_a_tenth_of_its_deviation(self):
        images = torch.zeros(5000, 3, 1, 1)
        draws = uniforms((2, AUGMENTATION), 0, 0, 5000, 3)
        moved = applied(self.STEP, images, draws, COLOURFUL)[:, :, 0, 0].double()
        along = moved @ torch.linalg.inv(AXES).T
        assert along.std(0).tolist() == pytest.approx([0.1] * 3, rel=0.05)
        assert along.mean(0).abs().max() < 0.006

    @pytest.mark.parametrize("subtracted", [False, True])
    def test_shrunk_it_is_a_tenth_nearer_to_the_mean(self, subtracted):
        """cuda-convnet2, convdata.py: (x - mean + noise) / 1.1; the mean is gone where its image was subtracted."""
        draws = uniforms((1, AUGMENTATION), 0, 0, 4, 3)
        images = torch.full((4, 3, 2, 2), 200.0 if not subtracted else 200.0 - 127.5)
        moved = applied(self.STEP, images, draws, COLOURFUL)
        step, mean = PCAColour(std=0.1, shrink=True), 255 * np.array(COLOURFUL.mean)
        if subtracted:
            assert torch.allclose(applied(step, images, draws, COLOURFUL), moved / 1.1)
            return
        expected = mean[:, None, None] + (moved.numpy() - mean[:, None, None]) / 1.1
        found = applied(step, images.to(torch.uint8), draws, COLOURFUL).numpy()
        assert np.abs(found - expected).max() < 0.51

    @pytest.mark.parametrize("side", [2, 4])
    def test_shrunk_it_nears_the_mean_image_that_is_subtracted_later(self, side):
        """cuda-convnet2 subtracts the mean image's central window from every crop, then adds the noise."""
        mean = torch.arange(48.0).view(3, 4, 4) + 100
        statistics = replace(COLOURFUL, mean=(0.0,) * 3, std=(1 / 255,) * 3, pixel_mean=mean)
        draws = uniforms((1, AUGMENTATION), 0, 0, 4, 3)
        images = torch.full((4, 3, side, side), 200, dtype=torch.uint8)
        middle = mean[:, (4 - side) // 2 :, (4 - side) // 2 :][:, :side, :side]
        noise = applied(self.STEP, torch.zeros(4, 3, side, side), draws, statistics)
        found = applied(PCAColour(std=0.1, shrink=True), images, draws, statistics)
        assert (statistics.subtract(found) - (200 - middle + noise) / 1.1).abs().max() < 0.51

    def test_levels_stay_between_black_and_white(self):
        images = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 2, 2)
        found = applied(self.STEP, images, [[0.5, 0.5, 1e-9], [0.5, 0.5, 1 - 1e-9]], COLOURFUL)
        assert found.tolist() == images.tolist()

    @pytest.mark.parametrize("draw", [0.0, np.nextafter(1, 0)])
    def test_the_ends_of_the_interval_are_finite(self, draw):
        assert applied(self.STEP, torch.zeros(1, 3, 1, 1), [[draw] * 3], COLOURFUL).isfinite().all()

    def test_grey_images_stay_as_they_are(self):
        images = pixels(3, channels=1)
        draws = uniforms((1, AUGMENTATION), 0, 0, 3, 3)
        assert applied(self.STEP, images, draws, Statistics((0.5,), (0.5,))).equal(images)


@pytest.mark.parametrize(("height", "width"), [(1, 30_000), (30_000, 1), (2, 20_000)])
def test_a_line_of_pixels_is_scaled_without_gigabytes(height, width):
    """Its middle is kept; a bar across the middle is still seen there."""
    line = torch.zeros(1, 3, height, width, dtype=torch.uint8)
    line[:, :, height // 3 : height - height // 3, width // 2 - width // 8 : width // 2 + width // 8] = 200
    line[:, :, height // 2 - height // 8 : height // 2 + height // 8, width // 3 : width - width // 3] = 200
    scaled = short_side(line, 64)
    assert min(scaled.shape[2:]) == 64
    assert max(scaled.shape[2:]) == 64 * 32
    assert single_crop(line, SingleCrop(resize=64, crop=56)).float().mean() == 200
