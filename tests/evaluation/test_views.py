"""The views of a test, pixel by pixel as a naive transcription with Pillow cuts them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from lenext.data.geometry import short_side
from lenext.evaluation.views import spread, views, whole_images
from lenext.protocol import Dense, MultiCrop, SingleCrop, SquareCrops, TenCrop

SIZES = [(37, 53), (53, 37), (41, 41), (40, 161), (161, 40), (9, 7), (1, 1)]  # height, width: odd, long, tiny
sizes = pytest.mark.parametrize("size", SIZES, ids=str)


def picture(size, channels=3):
    return torch.from_numpy(np.random.default_rng(sum(size)).integers(0, 256, (1, channels, *size), dtype=np.uint8))


def pillow(image):
    return Image.fromarray(image[0].permute(1, 2, 0).numpy())


def pixels(crops):
    return torch.from_numpy(np.stack([np.asarray(crop) for crop in crops])).permute(0, 3, 1, 2)


def scaled(image, side):
    return pillow(short_side(image, side))


def square(image, left, top, side):
    return image.crop((left, top, left + side, top + side))


def five(image, side):
    right, bottom = image.width - side, image.height - side
    places = [(0, 0), (right, 0), (0, bottom), (right, bottom), (round(right / 2), round(bottom / 2))]
    return [square(image, left, top, side) for left, top in places]


def mirrored(crops):
    return [*crops, *map(ImageOps.mirror, crops)]


def ten_crops(image, protocol):
    whole = scaled(image, protocol.resize)
    if protocol.square:
        side = protocol.resize
        whole = square(whole, round((whole.width - side) / 2), round((whole.height - side) / 2), side)
    return mirrored(five(whole, protocol.crop))


def crops_of_squares(image, protocol):
    found = []
    for side in protocol.scales:
        whole = scaled(image, side)
        spare = max(whole.size) - side
        wide = whole.width > whole.height
        for place in [0, round(spare / 2), spare] if protocol.places == 3 else [round(spare / 2)]:
            part = square(whole, place, 0, side) if wide else square(whole, 0, place, side)
            tensor = torch.from_numpy(np.asarray(part).copy()).permute(2, 0, 1)[None]
            found += mirrored([*five(part, protocol.crop), scaled(tensor, protocol.crop)])
    return found


def crops_of_grids(image, protocol):
    found = []
    for side in protocol.scales:
        whole = scaled(image, side)
        steps = [step / (protocol.grid - 1) for step in range(protocol.grid)]
        tops = [round((whole.height - protocol.crop) * step) for step in steps]
        lefts = [round((whole.width - protocol.crop) * step) for step in steps]
        found += mirrored([square(whole, left, top, protocol.crop) for top in tops for left in lefts])
    return found


PROTOCOLS = {
    "AlexNet's ten": (TenCrop(resize=32, crop=28, square=True), ten_crops),
    "ResNet's ten": (TenCrop(resize=33, crop=28), ten_crops),
    "GoogLeNet's 144": (SquareCrops(scales=(32, 36, 40, 44), crop=28), crops_of_squares),
    "Inception-v3's 12": (SquareCrops(scales=(35,), crop=30, places=1), crops_of_squares),
    "VGG's 150": (MultiCrop(scales=(32, 48, 64), crop=28), crops_of_grids),
}


@sizes
@pytest.mark.parametrize("name", PROTOCOLS)
def test_crops_are_those_of_the_naive_way_pixel_by_pixel(name, size):
    protocol, naive = PROTOCOLS[name]
    image = picture(size)
    found = views(image, protocol)
    assert found.dtype == torch.uint8
    assert len(found) == protocol.views
    assert found.equal(pixels(naive(image, protocol)))


def test_the_papers_numbers_of_views():
    assert SquareCrops(scales=(256, 288, 320, 352), crop=224).views == 144
    assert SquareCrops(scales=(342,), crop=299, places=1).views == 12
    assert MultiCrop(scales=(256, 384, 512), crop=224).views == 150
    assert TenCrop(resize=256, crop=224).views == 10


@sizes
@pytest.mark.parametrize(("interpolation", "method"), [("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)])
def test_a_single_view_is_pillows_within_a_grey_level(size, interpolation, method):
    """Of middling greys: where bicubic overshoots black or white, Pillow clips between its two passes, torch later."""
    image = 64 + picture(size) // 2
    height, width = size
    low = min(size)
    to = (max(1, 32 * width // low), max(1, 32 * height // low))
    whole = pillow(image).resize(to, method)
    expected = square(whole, round((whole.width - 28) / 2), round((whole.height - 28) / 2), 28)
    found = views(image, SingleCrop(resize=32, crop=28, interpolation=interpolation))
    assert (found.int() - pixels([expected]).int()).abs().max() <= 1


def test_squashing_keeps_the_whole_image_and_cropping_first_its_middle():
    image = 64 + picture((40, 80)) // 2
    squashed = views(image, SingleCrop(resize=24, crop=24, squash=True, interpolation="bicubic"))
    assert (squashed.int() - pixels([pillow(image).resize((24, 24), Image.BICUBIC)]).int()).abs().max() <= 1
    middle = square(pillow(image), 22, 2, 35).resize((28, 28), Image.BICUBIC)  # 40 x 28 / 32 = 35
    cut = views(image, SingleCrop(resize=32, crop=28, crop_first=True, interpolation="bicubic"))
    assert (cut.int() - pixels([middle]).int()).abs().max() <= 1


def test_black_surrounds_images_that_are_smaller_than_the_crop():
    image = torch.full((1, 1, 10, 10), 200, dtype=torch.uint8)
    for protocol in (TenCrop(resize=10, crop=16), MultiCrop(scales=(10,), crop=16, grid=2)):
        found = views(image, protocol)
        assert found.shape == (protocol.views, 1, 16, 16)
        assert (found == 200).sum(dim=(1, 2, 3)).eq(100).all()
        assert (found[:, :, 3:13, 3:13] == 200).all()


@sizes
def test_whole_images_at_every_scale_with_their_mirror_images(size):
    image = picture(size)
    protocol = Dense(scales=(24, 40))
    for shown, side in zip(whole_images(image, protocol), protocol.scales, strict=True):
        assert min(shown.shape[2:]) == side
        assert shown.equal(pixels(mirrored([scaled(image, side)])))
    assert [len(shown) for shown in whole_images(image, Dense(scales=(24, 40), mirror=False))] == [1, 1]


def test_places_run_from_edge_to_edge():
    assert spread(32, 5) == [0, 8, 16, 24, 32]
    assert spread(33, 3) == [0, 16, 33]
    assert spread(0, 5) == [0] * 5
