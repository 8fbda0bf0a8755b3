"""A view's pixels are found again on the picture, whatever was scaled, cut or surrounded."""

import pytest
import torch

from lenext.data.geometry import single_crop
from lenext.data.placement import placement
from lenext.protocol import SingleCrop

VIEWS = {
    "centre crop": SingleCrop(resize=64, crop=48),
    "whole": SingleCrop(resize=48, crop=48),
    "odd rest": SingleCrop(resize=57, crop=48),
    "surrounded": SingleCrop(resize=28, crop=32),
    "squashed": SingleCrop(resize=40, crop=40, squash=True),
    "squashed and cut": SingleCrop(resize=40, crop=33, squash=True),
    "cut first": SingleCrop(resize=64, crop=56, crop_first=True),
    "letterboxed": SingleCrop(resize=48, crop=48, letterbox=True),
    "wide": SingleCrop(resize=40, crop=32, width=64),
    "wide and letterboxed": SingleCrop(resize=32, crop=32, width=64, letterbox=True),
}
SIZES = [(120, 200), (200, 120), (97, 97), (64, 301), (900, 21)]


def middle_of(part):
    return (part.start + part.stop) // 2


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_every_pixel_of_a_view_shows_the_place_that_is_said(view, size):
    """The view of a picture of its own coordinates says where each of its pixels came from."""
    height, width = size
    ys, xs = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    shown = single_crop(torch.stack([ys, xs, torch.ones(size)])[None], view)[0]
    placed = placement(height, width, view)
    rows, columns = placed.picture
    assert (shown[2, rows, columns] > 0.99).all()
    assert shown[2].sum() == pytest.approx((rows.stop - rows.start) * (columns.stop - columns.start), rel=1e-4)
    for found, axis, part, along in ((shown[0], placed.y, rows, 0), (shown[1], placed.x, columns, 1)):
        middle = found.select(1 - along, middle_of((columns, rows)[along]))
        inner = range(part.start, part.stop)[3:-3]  # at the edges the filters of resizing lean inwards
        places = [axis.start + axis.scale * (at + 0.5) for at in inner]
        assert len(places) > 4 or part.stop - part.start < 12
        assert middle[list(inner)].tolist() == pytest.approx(places, abs=max(0.3, 0.1 * axis.scale))


@pytest.mark.parametrize("size", SIZES[:3], ids=str)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_bright_spot_comes_back_to_where_it_was(view, size):
    picture = torch.zeros(1, 1, *size)
    y, x = size[0] // 2 - 8, size[1] // 2 + 6
    picture[0, 0, y : y + 6, x : x + 6] = 1
    laid, shown = placement(*size, view).lay(single_crop(picture, view)[0, 0], *size)
    assert laid.shape == shown.shape == size
    peak = divmod(int(laid.argmax()), size[1])
    assert abs(peak[0] - (y + 2.5)) <= 4
    assert abs(peak[1] - (x + 2.5)) <= 4


def test_what_a_centre_crop_leaves_out_is_not_shown():
    placed = placement(100, 200, SingleCrop(resize=50, crop=50))
    laid, shown = placed.lay(torch.ones(50, 50), 100, 200)
    assert placed.x.seen == (50, 150)
    assert placed.y.seen == (0, 100)
    assert shown[:, 50:150].all()
    assert not shown[:, :50].any()
    assert not shown[:, 150:].any()
    assert torch.equal(laid, shown.float())


def test_a_map_can_be_laid_on_the_picture_drawn_larger():
    placed = placement(8, 8, SingleCrop(resize=28, crop=32))
    laid, shown = placed.lay(torch.arange(32.0).expand(32, 32), 80, 80)
    assert shown.all()
    assert laid[0].diff().min() >= 0
    assert laid[40, 39:41].mean() == pytest.approx(15.5, abs=0.01)
