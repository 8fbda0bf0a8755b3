"""AutoAugment and RandAugment: the operations are Pillow's, the draws choose among them as the policies say."""

from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from lenext.data import policies
from lenext.data.colour import from_pictures, jitter, to_pictures
from lenext.data.draws import uniforms
from lenext.data.policies import BICUBIC, BILINEAR, NEAREST, V0, V0_OPERATIONS, Level, auto_augment, rand_augment
from lenext.errors import UsageError
from lenext.recipes import AutoAugment, ColourJitter, RandAugment
from lenext.recipes.standard import RAND_AUGMENT_AND_ERASING

GREY = (128, 128, 128)


def pixels(count=1, channels=3, height=24, width=17, seed=0):
    shape = (count, channels, height, width)
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))


def picture(seed=0, channels=3):
    return to_pictures(pixels(1, channels, seed=seed))[0]


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_and_tensors_are_each_others_reverse(channels):
    images = pixels(3, channels)
    assert torch.equal(from_pictures(to_pictures(images)), images)


def test_colours_of_four_channels_are_refused():
    with pytest.raises(UsageError, match="4 channels"):
        jitter(pixels(channels=4), np.full((1, 6), 0.5), ColourJitter(brightness=0.4))


class TestJitter:
    def test_changes_come_in_the_order_of_the_draws(self):
        draws = np.array([[0.9, 0.2, 0.7, 0.5, 0.9, 0.1]])  # saturation, brightness, contrast
        found = jitter(pixels(), draws, ColourJitter(brightness=0.4, contrast=0.5, saturation=0.3))
        expected = ImageEnhance.Color(picture()).enhance(1 + 0.4 * 0.3)
        expected = ImageEnhance.Brightness(expected).enhance(1 + 0.8 * 0.4)
        expected = ImageEnhance.Contrast(expected).enhance(1 - 0.6 * 0.5)
        assert np.array_equal(found[0].permute(1, 2, 0), np.asarray(expected))

    def test_no_bound_is_no_change(self):
        assert torch.equal(jitter(pixels(), np.full((1, 6), 0.9), ColourJitter()), pixels())

    def test_all_six_orders_come_equally_often(self):
        draws = uniforms((3, 7), 0, 0, 6_000, 6)
        orders = Counter(map(tuple, np.argsort(draws[:, 3:], axis=1).tolist()))
        assert len(orders) == 6
        assert all(850 < count < 1150 for count in orders.values())  # 5 deviations of 29


def at(level, sign=1, resampling=NEAREST):
    return Level(level, sign, resampling, GREY)


class TestOperations:
    """Arguments at some levels, from the tables of the TPU code and of timm."""

    @pytest.mark.parametrize(
        ("name", "level", "expected"),
        [
            ("Color", 9, lambda image: ImageEnhance.Color(image).enhance(1.72)),
            ("Posterize", 6, lambda image: ImageOps.posterize(image, 2)),
            ("Solarize", 3, lambda image: ImageOps.solarize(image, 76)),
            ("SolarizeAdd", 3, lambda image: image.point([min(255, i + 33) if i < 128 else i for i in range(256)] * 3)),
            ("Equalize", 1, ImageOps.equalize),
            ("AutoContrast", 7, ImageOps.autocontrast),
            ("Invert", 9, ImageOps.invert),
            ("Rotate", 8, lambda image: image.rotate(24, fillcolor=GREY)),
            ("ShearX", 9, lambda image: image.transform(image.size, 0, (1, 0.27, 0, 0, 1, 0), fillcolor=GREY)),
            ("ShearY", 4, lambda image: image.transform(image.size, 0, (1, 0, 0, 0.12, 1, 0), fillcolor=GREY)),
            ("TranslateY", 9, lambda image: Image.new("RGB", image.size, GREY)),  # 225 pixels are out of the picture
        ],
    )
    def test_efficientnets(self, name, level, expected):
        found = V0_OPERATIONS[name](picture(), at(level))
        assert np.array_equal(np.asarray(found), np.asarray(expected(picture())))

    def test_stronger_with_the_level(self):
        image = picture()
        assert np.array_equal(policies.posterize_more(image, at(5)), ImageOps.posterize(image, 2))
        assert not np.any(policies.posterize_more(image, at(10)))
        assert np.array_equal(policies.solarize_more(image, at(9)), ImageOps.solarize(image, 26))
        strong = policies.blended_more(policies.contrast, image, at(9, sign=-1))
        assert np.array_equal(strong, ImageEnhance.Contrast(image).enhance(0.19))
        moved = policies.translate_x(image, at(9, sign=-1, resampling=BILINEAR))
        rows = (1, 0, -0.405 * 17, 0, 1, 0)
        assert np.array_equal(moved, image.transform(image.size, 0, rows, resample=BILINEAR, fillcolor=GREY))

    @pytest.mark.parametrize("operation", [*policies.RANDOM_OPERATIONS, *V0_OPERATIONS.values()])
    def test_every_one_takes_grey_pictures_and_keeps_the_size(self, operation):
        for level in (0, 4.5, 10):
            found = operation(picture(channels=1), at(level, resampling=BICUBIC))
            assert (found.size, found.mode) == ((17, 24), "L")


class TestAutoAugment:
    def test_the_policy_has_25_pairs_of_known_operations(self):
        assert len(V0) == 25
        assert {name for pair in V0 for name, _, _ in pair} == set(V0_OPERATIONS)

    def test_one_pair_is_applied_as_its_draws_say(self):
        draws = np.array([[1.5 / 25, 0.39, 0.9, 0.61, 0.2]])  # (Color .4 9) used, (Equalize .6 3) not
        found = auto_augment(pixels(), draws, AutoAugment())
        expected = ImageEnhance.Color(picture()).enhance(1.72)
        assert np.array_equal(found[0].permute(1, 2, 0), np.asarray(expected))

    def test_the_side_is_drawn(self):
        draws = np.array([[2.5 / 25, 0.9, 0.9, 0.1, 0.2]])  # (Rotate .6 8) to the left
        found = auto_augment(pixels(), draws, AutoAugment(fill=7))
        expected = picture().rotate(-24, fillcolor=(7, 7, 7))
        assert np.array_equal(found[0].permute(1, 2, 0), np.asarray(expected))


class TestRandAugment:
    def test_two_operations_as_their_draws_say(self):
        # Invert (3rd of 15) used; Rotate (4th) at the middle of N(9, 0.5), positive, bilinear.
        draws = np.array([[2.5 / 15, 0.1, 0.5, 0.9, 0.1, 3.5 / 15, 0.49, 0.5, 0.9, 0.1]])
        found = rand_augment(pixels(), draws, RandAugment(fill=GREY))
        expected = ImageOps.invert(picture()).rotate(27, resample=BILINEAR, fillcolor=GREY)
        assert np.array_equal(found[0].permute(1, 2, 0), np.asarray(expected))

    def test_how_a_moved_picture_is_read_may_be_fixed(self):
        # Rotate as above, whose draw says bilinear; ConvNeXt's code hands its interpolation of crops down to timm.
        draws = np.array([[3.5 / 15, 0.1, 0.5, 0.9, 0.1, 0.0, 0.9, 0.5, 0.9, 0.1]])
        found = rand_augment(pixels(), draws, RandAugment(fill=GREY, interpolation="bicubic"))
        expected = picture().rotate(27, resample=BICUBIC, fillcolor=GREY)
        assert np.array_equal(found[0].permute(1, 2, 0), np.asarray(expected))
        assert [step.interpolation for step in RAND_AUGMENT_AND_ERASING if isinstance(step, RandAugment)] == ["bicubic"]

    def test_another_way_of_reading_is_refused(self):
        with pytest.raises(UsageError, match="interpolation is 'area'"):
            RandAugment(interpolation="area")

    def test_an_operation_that_is_not_used_changes_nothing(self):
        draws = np.array([[0.3, 0.5, 0.5, 0.5, 0.5] * 2])
        assert torch.equal(rand_augment(pixels(), draws, RandAugment()), pixels())

    def test_magnitudes_are_normal_about_nine_and_stop_at_ten(self, monkeypatch):
        seen = []
        monkeypatch.setattr(
            policies, "RANDOM_OPERATIONS", tuple([lambda image, level: seen.append(level) or image] * 15)
        )
        draws = uniforms((1, 2), 0, 0, 4_000, 10)
        rand_augment(pixels(4_000, height=1, width=1), draws, RandAugment())
        levels = np.array([level.level for level in seen])
        assert 3_750 < len(levels) < 4_250  # half of 8,000
        assert np.median(levels) == pytest.approx(9, abs=0.05)
        assert np.quantile(levels, 0.1587) == pytest.approx(8.5, abs=0.05)
        assert levels.max() == 10
        assert 0.015 < np.mean(levels == 10) < 0.031  # 2.3 % lie two deviations above
        assert np.mean([level.sign for level in seen]) == pytest.approx(0, abs=0.08)
        assert Counter(level.resampling for level in seen).keys() == {BILINEAR, BICUBIC}

    def test_every_operation_comes_equally_often(self, monkeypatch):
        seen = Counter()
        named = tuple(lambda image, _, number=number: seen.update([number]) or image for number in range(15))
        monkeypatch.setattr(policies, "RANDOM_OPERATIONS", named)
        draws = uniforms((5, 2), 0, 0, 7_500, 10)
        rand_augment(pixels(7_500, height=1, width=1), draws, RandAugment(p=1.0))
        assert len(seen) == 15
        assert all(840 < count < 1160 for count in seen.values())  # 5 deviations of 31


class TestRandAugmentOfTheTpuCode:
    """Always, at one magnitude, which passes 10: EfficientNet's RandAugment (autoaugment.py)."""

    NAMES = (
        "AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "Color", "Contrast", "Brightness",
        "Sharpness", "ShearX", "ShearY", "TranslateX", "TranslateY", "Cutout", "SolarizeAdd",
    )  # fmt: skip

    def after(self, name, magnitude=17.0, side=0.9, read=0.1, **how):
        value = RandAugment(
            operations=1, magnitude=magnitude, std=0, p=1, fill=GREY, interpolation="nearest", code="tpu"
        )
        draws = np.array([[(self.NAMES.index(name) + 0.5) / 16, 0.999, 0.5, side, read]])
        return rand_augment(pixels(**how), draws, value)[0]

    def image(self, name, **how):
        return Image.fromarray(self.after(name, **how).permute(1, 2, 0).numpy())

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("Invert", ImageOps.invert),
            ("Rotate", lambda one: one.rotate(51, fillcolor=GREY)),
            ("Posterize", lambda one: one.point([value & 0b11111100 for value in range(256)] * 3)),
            ("Solarize", lambda one: one),  # a threshold of 435
            ("Color", lambda one: ImageEnhance.Color(one).enhance(0.1 + 1.8 * 1.7)),
            ("Brightness", lambda one: ImageEnhance.Brightness(one).enhance(0.1 + 1.8 * 1.7)),
            ("SolarizeAdd", lambda one: one.point([min(255, v + 187) if v < 128 else v for v in range(256)] * 3)),
        ],
    )
    def test_an_operation_is_that_of_its_place_at_1_7_times_its_strength(self, name, expected):
        assert np.array_equal(np.asarray(self.image(name)), np.asarray(expected(picture())))

    def test_it_moves_by_a_hundred_pixels_at_ten(self):
        far = self.after("TranslateX", magnitude=1.0, side=0.9)
        assert torch.equal(far[:, :, :-10], pixels()[0, :, :, 10:])
        assert (far[:, :, -10:] == 128).all()
        assert torch.equal(self.after("TranslateY", magnitude=1.0, side=0.1)[:, 10:], pixels()[0, :, :-10])

    def test_contrast_starts_from_the_count_of_pixels(self):
        """histogram / 256 is no mean: 24 x 17 pixels give 1, 256 x 256 white, whatever the picture."""
        small = pixels()[0].float()
        expected = (1 + 3.16 * (small - 1)).clamp(0, 255)
        assert (self.after("Contrast").float() - expected).abs().max() <= 1
        large = self.after("Contrast", magnitude=0.0, height=256, width=256).float()
        assert (large - (255 + 0.1 * (pixels(height=256, width=256)[0].float() - 255))).abs().max() <= 1

    def test_a_square_is_cut_out_about_a_place(self):
        found = self.after("Cutout", magnitude=1.0, side=0.5, read=0.9)  # 4 pixels about row 12 and column 15
        changed = (found != pixels()[0]).any(0)
        rows, columns = changed.nonzero().unbind(1)
        assert (found[:, 8:16, 11:17] == 128).all()
        assert (rows.min(), rows.max(), columns.min()) == (8, 15, 11)
        grey = self.after("Cutout", magnitude=1.0, side=0.1, channels=1)
        assert torch.equal(grey[:, 6:], pixels(channels=1)[0, :, 6:])
        assert (grey[:, :6, :5] == 128).all()

    def test_its_operations_are_timms_no_more(self):
        assert len(policies.TPU_OPERATIONS) == len(self.NAMES) == 16
        with pytest.raises(UsageError, match="code is 'jax'"):
            RandAugment(code="jax")
        with pytest.raises(UsageError, match=r"magnitude is 10\.5") as refused:
            RandAugment(magnitude=10.5)
        assert refused.value.remedy == "Give 10 at most for the operations of code timm."
        assert RandAugment(magnitude=30, code="tpu").magnitude == 30
