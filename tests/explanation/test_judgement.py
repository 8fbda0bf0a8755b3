"""A map put to the test: the falls are those of the pictures without and with the hottest tenth alone."""

import math

import pytest
import torch
from small_networks import OnePixel

from lenext.explanation.judgement import hottest, judge, moved
from lenext.explanation.region import Region, region, where, why


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def spot(y, x, side=10):
    heat = torch.zeros(side, side)
    heat[y, x] = 1
    return heat


def test_deletion_and_insertion_by_hand():
    found = judge(OnePixel(7, 2), torch.ones(1, 1, 10, 10), 1, spot(7, 2), trials=19)
    assert found.whole == pytest.approx(sigmoid(4))
    assert found.hidden == pytest.approx(0.5)
    assert found.alone == pytest.approx(sigmoid(4))


def test_a_map_beside_the_point_changes_nothing_and_is_no_better_than_chance():
    heat = torch.zeros(10, 10)
    heat[8:, 5:] = 1
    found = judge(OnePixel(2, 2), torch.ones(1, 1, 10, 10), 1, heat, trials=19)
    assert found.hidden == found.whole
    assert found.alone == pytest.approx(0.5)
    assert found.matched == 19
    assert found.better_than_random is False


def test_a_map_on_the_point_beats_most_random_ones():
    heat = torch.zeros(10, 10)
    heat[6:8, 1:6] = 1  # ten of the hundred pixels: a random map holds the point one time in ten
    found = judge(OnePixel(7, 2), torch.ones(1, 1, 10, 10), 1, heat, trials=99, seed=3)
    assert 2 <= found.matched <= 20
    assert judge(OnePixel(7, 2), torch.ones(1, 1, 10, 10), 1, heat, trials=0).better_than_random is None


def test_saturated_answers_are_still_told_apart():
    class Sure(OnePixel):
        def forward(self, images):
            return super().forward(images) * 100 + torch.tensor([0.0, 100.0])

    heat = torch.zeros(10, 10)
    heat[8:, 5:] = 1
    good = judge(Sure(8, 6), torch.ones(1, 1, 10, 10), 1, heat, trials=19)
    assert good.whole == good.hidden == 1.0
    assert good.matched < 10
    assert judge(Sure(2, 2), torch.ones(1, 1, 10, 10), 1, heat, trials=19).matched == 19


def test_what_surrounds_the_picture_is_never_hidden():
    heat = torch.full((10, 10), float("nan"))
    heat[2:8, 2:8] = 0
    heat[5, 5] = 1
    found = judge(OnePixel(0, 0), torch.ones(1, 1, 10, 10), 1, heat, trials=5)
    assert found.whole == found.hidden == found.alone


def test_the_hottest_tenth_is_a_tenth():
    assert hottest(torch.rand(20, 30)).sum() == 60
    assert hottest(torch.zeros(3, 3)).sum() == 1
    assert hottest(spot(4, 4))[4, 4]


def test_random_maps_are_the_same_map_elsewhere_and_the_same_every_time():
    heat = torch.rand(9, 7)
    first, again, other = (moved(heat, 6, seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    for one in first:
        assert torch.equal(one.flatten().sort().values, heat.flatten().sort().values)


@pytest.mark.parametrize(
    ("y", "x", "words"),
    [
        (1, 1, "upper left"),
        (1, 15, "upper middle"),
        (15, 28, "middle right"),
        (15, 15, "centre"),
        (28, 2, "lower left"),
    ],
)
def test_places_in_words(y, x, words):
    heat = torch.zeros(30, 30)
    heat[y, x] = 1
    shown = torch.ones(30, 30, dtype=torch.bool).numpy()
    soft = torch.nn.functional.avg_pool2d(heat[None], 9, stride=1, padding=4)[0]
    found = region(soft.numpy(), shown)
    assert found.words == words
    assert found.share == pytest.approx(1.0)


def test_spread_places_in_words():
    ys, xs = torch.meshgrid(torch.arange(30), torch.arange(30), indexing="ij")
    assert where(ys.flatten().numpy(), xs.flatten().numpy(), (30, 30)) == "all over the picture"
    assert where(ys[:3].flatten().numpy(), xs[:3].flatten().numpy(), (30, 30)) == "across the upper part"
    assert where(ys[:, 27:].flatten().numpy(), xs[:, 27:].flatten().numpy(), (30, 30)) == "down the right side"


def test_a_cold_map_says_nothing():
    cold = torch.zeros(4, 4)
    assert region(cold.numpy(), (cold == 0).numpy()) is None
    assert "cold everywhere" in why("cat", None, None)[0]


def test_the_words_carry_the_figures_and_the_warning():
    found = Region(peak=(1, 2), share=0.456, words="upper left")
    bad = judge(OnePixel(2, 2), torch.ones(1, 1, 10, 10), 1, spot(9, 9), trials=19)
    first, second, third = why("cat", found, bad)
    assert "cat lies in the upper left" in first
    assert "46%" in first
    assert "from 98.2% to 98.2%" in second
    assert "no better than chance: 19 of 19" in third
