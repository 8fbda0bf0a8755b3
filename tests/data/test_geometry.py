"""Views and scalings against plain transcriptions with Pillow."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from confined import confined
from PIL import Image

from lenext.data.augment import GOOGLENETS, STEPS, Pipeline
from lenext.data.geometry import cover, resize, short_side, single_crop, window
from lenext.data.statistics import Statistics
from lenext.protocol import SingleCrop
from lenext.recipes import RandomCrop, RandomResizedCrop, ShortSide

METHODS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BOX,
    "nearest": Image.Resampling.NEAREST,
}


def pixels(height, width, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (1, 3, height, width), dtype=np.uint8))


def picture(images):
    return Image.fromarray(images[0].permute(1, 2, 0).numpy())


def difference(images, expected):
    return np.abs(images[0].permute(1, 2, 0).numpy().astype(int) - np.asarray(expected).astype(int)).max()


@pytest.mark.parametrize("interpolation", METHODS)
@pytest.mark.parametrize(("height", "width"), [(20, 31), (47, 13), (9, 9), (64, 90)])
def test_every_interpolation_is_pillows_within_a_grey_level(interpolation, height, width):
    images = pixels(41, 57)
    expected = picture(images).resize((width, height), METHODS[interpolation])
    assert difference(resize(images, height, width, interpolation), expected) <= 1


@pytest.mark.parametrize(("height", "width"), [(50, 80), (81, 49), (33, 33)])
def test_a_squashed_view_is_the_whole_image(height, width):
    images = pixels(height, width)
    view = SingleCrop(resize=24, crop=24, squash=True, interpolation="bicubic")
    expected = picture(images).resize((24, 24), Image.Resampling.BICUBIC)
    assert difference(single_crop(images, view), expected) <= 1


@pytest.mark.parametrize(("height", "width"), [(50, 80), (81, 49), (21, 300)])
def test_cropped_first_means_the_square_of_the_original(height, width):
    """EfficientNet: the central square of side min * S / (S + 32), then to S x S."""
    images = pixels(height, width)
    side = min(height, width) * 48 // 80
    top, left = (height - side) // 2, (width - side) // 2
    expected = picture(images).crop((left, top, left + side, top + side)).resize((48, 48), Image.Resampling.BICUBIC)
    view = SingleCrop(resize=80, crop=48, crop_first=True, interpolation="bicubic")
    assert difference(single_crop(images, view), expected) <= 1


WIDE = {"crop": 24, "width": 60}


@pytest.mark.parametrize(("height", "width"), [(50, 80), (81, 49), (24, 60), (20, 300)])
def test_a_wide_view_is_the_middle_of_an_image_that_covers_it(height, width):
    images = pixels(height, width)
    scale = max(32 / height, 80 / width)
    tall, wide = max(32, int(height * scale + 1e-9)), max(80, int(width * scale + 1e-9))
    top, left = round((tall - 24) / 2), round((wide - 60) / 2)
    scaled = picture(images).resize((wide, tall), METHODS["bilinear"])
    expected = scaled.crop((left, top, left + 60, top + 24))
    assert difference(single_crop(images, SingleCrop(resize=32, **WIDE)), expected) <= 1


@pytest.mark.parametrize(("height", "width"), [(50, 80), (81, 49), (33, 33), (5, 300)])
@pytest.mark.parametrize("shape", [{"crop": 24}, WIDE])
def test_a_letterboxed_view_is_the_whole_image_and_its_surroundings(height, width, shape):
    images, view = pixels(height, width), SingleCrop(resize=24, letterbox=True, fill=9, **shape)
    (tall, wide), scale = view.shape, min(view.shape[0] / height, view.shape[1] / width)
    inner = picture(images).resize((max(1, round(width * scale)), max(1, round(height * scale))), METHODS["bilinear"])
    expected = Image.new("RGB", (wide, tall), (9, 9, 9))
    expected.paste(inner, ((wide - inner.width) // 2, (tall - inner.height) // 2))
    assert difference(single_crop(images, view), expected) <= 1


def test_a_wide_view_can_be_squashed_or_cut_first():
    images = pixels(50, 80)
    squashed = single_crop(images, SingleCrop(resize=24, squash=True, **WIDE))
    assert difference(squashed, picture(images).resize((60, 24), METHODS["bilinear"])) <= 1
    cut = single_crop(images, SingleCrop(resize=32, crop_first=True, **WIDE))  # three quarters of 80 x 32
    assert difference(cut, picture(images).crop((10, 13, 70, 37)).resize((60, 24), METHODS["bilinear"])) <= 1


@pytest.mark.parametrize("options", [{}, {"squash": True}, {"crop_first": True}, {"letterbox": True}])
def test_a_width_like_the_height_changes_nothing(options):
    images = pixels(50, 80)
    square = single_crop(images, SingleCrop(resize=32, crop=24, **options))
    assert square.equal(single_crop(images, SingleCrop(resize=32, crop=24, width=24, **options)))


@pytest.mark.parametrize(
    "augment",
    [
        (RandomResizedCrop(size=24, width=60),),
        (ShortSide(low=24, high=30, aspect=2.5), RandomCrop(size=24, width=60)),
        (RandomCrop(size=24, width=60, pad=4),),
    ],
)
def test_training_has_the_shape_of_the_view(augment):
    pipeline = Pipeline(augment, Statistics((0.0,) * 3, (1.0,) * 3), 0)
    assert pipeline(pixels(50, 80), 0, 0).shape == (1, 3, 24, 60)


def test_random_rectangles_keep_the_aspect_of_the_view():
    """All of the area and an aspect of one: the whole of an image that has the view's aspect."""
    image = pixels(40, 100)
    step = RandomResizedCrop(size=24, width=60, area=(1.0, 1.0), aspect=(1.0, 1.0))
    kind = STEPS[RandomResizedCrop]
    assert kind.apply(image, np.full((1, kind.width(step)), 0.5), step, None).equal(resize(image, 24, 60))


def test_lines_of_pixels_stay_small():
    assert short_side(pixels(1, 3000), 16).shape == (1, 3, 16, 16 * 32)
    assert single_crop(pixels(1, 3000), SingleCrop(resize=32, **WIDE)).shape == (1, 3, 24, 60)


def test_a_random_interpolation_is_one_of_four_with_equal_chances():
    images = pixels(30, 30)
    step = RandomResizedCrop(size=12, area=(1.0, 1.0), aspect=(1.0, 1.0), interpolation="random")
    kind = STEPS[RandomResizedCrop]
    draws = np.full((4, kind.width(step)), 0.5)
    draws[:, -1] = [0.1, 0.3, 0.6, 0.9]
    found = kind.apply(images.expand(4, 3, 30, 30), draws, step, None)
    for row, name in enumerate(GOOGLENETS):
        assert torch.equal(found[row : row + 1], resize(images, 12, 12, name))


def test_images_whose_interpolation_is_drawn_go_one_by_one():
    statistics = Statistics((0.0,) * 3, (1.0,) * 3)
    assert Pipeline((ShortSide(low=8, high=8),), statistics, 0).whole_batches
    assert not Pipeline((ShortSide(low=8, high=8, interpolation="random"),), statistics, 0).whole_batches


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_a_line_of_pixels_is_scaled_along_its_length(channels, kind):
    column = torch.arange(240)[None, None, :, None].expand(1, channels, -1, 7).to(kind)
    thin, flat = resize(column, 8, 1).float(), resize(column.mT, 1, 8).float()
    assert thin[0, 0, :, 0].tolist() == pytest.approx([30 * at + 14.5 for at in range(8)], abs=4)
    assert torch.allclose(thin, flat.mT, atol=1e-3)


class TestWhatIsNotSeen:
    """Of a very long picture only the middle is scaled, and it looks as if all had been."""

    VIEW = SingleCrop(resize=64, crop=56)

    @pytest.mark.parametrize("shape", [(8, 90), (90, 8), (20, 200), (1, 30_000), (30_000, 1), (64, 700)])
    @pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "area", "nearest"])
    def test_the_view_is_the_same(self, shape, interpolation):
        rng = np.random.default_rng(3)
        smooth = rng.integers(0, 256, (3, *shape), dtype=np.uint8) // 4 + 90
        images = torch.from_numpy(smooth)[None]
        view = replace(self.VIEW, interpolation=interpolation)
        whole = window(cover(images, *view.scaled, interpolation), view.shape, view.fill)
        found = single_crop(images, view)
        assert found.shape == (1, 3, 56, 56)
        assert (found.int() - whole.int()).abs().max() <= 1

    @pytest.mark.parametrize("shape", [(1, 30_000), (30_000, 1), (30_000, 40)])
    def test_no_more_is_made_than_the_picture_and_four_views(self, shape):
        """All of it scaled would be 400 MB."""
        view = SingleCrop(resize=2048, crop=2000)
        images = torch.zeros(1, 3, *shape, dtype=torch.uint8)
        single_crop(images, SingleCrop(resize=256, crop=224))  # what is loaded once
        found = confined(lambda: tuple(single_crop(images, view).shape))
        assert found.answer == (1, 3, 2000, 2000)
        assert found.megabytes * 2**20 <= images.numel() + 4 * 3 * 2000 * 2000
