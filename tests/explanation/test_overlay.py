"""Layers: transparent where it is cold, a line around the hottest tenth, grey where nothing was shown."""

import io

import numpy as np
import pytest
from PIL import Image

from lenext.explanation.overlay import LINE, VEIL, drawn_size, layer, levels, overlay


def hill(side=40):
    y, x = np.mgrid[:side, :side]
    return np.exp(-((y - 10) ** 2 + (x - 30) ** 2) / 60).astype(np.float32)


def opened(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


def test_a_layer_hides_nothing_where_it_is_cold_and_most_where_it_is_hot():
    pixels = opened(layer(hill(), np.ones((40, 40), dtype=bool)))
    assert pixels.shape == (40, 40, 4)
    assert pixels[39, 0, 3] == 0
    assert pixels[10, 30, 3] > 190


def test_a_line_surrounds_the_hottest_tenth():
    numbers = levels(hill(), np.ones((40, 40), dtype=bool))
    line = np.argwhere(numbers == LINE)
    assert np.hypot(*(line - (10, 30)).T) == pytest.approx(np.sqrt(160 / np.pi), abs=1.6)


def test_a_plateau_has_no_speckles():
    heat = np.ones((40, 40), dtype=np.float32) + np.random.default_rng(0).normal(0, 1e-6, (40, 40)).astype(np.float32)
    assert not (levels(heat, np.ones((40, 40), dtype=bool)) == LINE).any()


def test_what_was_not_shown_is_veiled_and_a_cold_map_is_empty():
    shown = np.ones((40, 40), dtype=bool)
    shown[:, :10] = False
    numbers = levels(hill(), shown)
    assert (numbers[:, :10] == VEIL).all()
    assert not (numbers[:, 10:] == VEIL).any()
    assert not levels(np.zeros((4, 4), dtype=np.float32), np.ones((4, 4), dtype=bool)).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_an_overlay_is_the_picture_where_it_is_cold(channels):
    picture = np.random.default_rng(1).integers(0, 255, (40, 40, channels), dtype=np.uint8)
    drawn = opened(overlay(picture, hill(), np.ones((40, 40), dtype=bool)))[:, :, :3]
    assert np.array_equal(drawn[30:, :10], np.broadcast_to(picture, (40, 40, 3))[30:, :10])
    assert not np.array_equal(drawn[8:12, 28:32], np.broadcast_to(picture, (40, 40, 3))[8:12, 28:32])


def test_sizes_stay_in_bounds_and_keep_their_shape():
    assert drawn_size(8, 8, 256, 1024) == (256, 256)
    assert drawn_size(3000, 4000, 256, 1024) == (768, 1024)
    assert drawn_size(300, 400, 256, 1024) == (300, 400)
    assert drawn_size(1, 5000, 256, 1024) == (1, 1024)
