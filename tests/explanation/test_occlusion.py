"""Occlusion: what is hidden is found, every pixel is covered, and the fall is that of the log odds."""

import pytest
import torch
from small_networks import OnePixel

from lenext.errors import UsageError
from lenext.explanation.occlusion import occlusion, patch_of, places
from lenext.explanation.odds import log_odds


def test_the_only_informative_pixel_is_found():
    heat = occlusion(OnePixel(3, 5), torch.ones(1, 1, 8, 9), 1, patch=1, stride=1)
    assert heat.nonzero().tolist() == [[3, 5]]
    assert heat[3, 5] == pytest.approx(4.0)  # log odds: the difference of the two logits
    against = occlusion(OnePixel(3, 5), torch.ones(1, 1, 8, 9), 0, patch=1, stride=1)
    assert against[3, 5] == pytest.approx(-4.0)


def test_larger_patches_spread_it_over_what_they_hide_together():
    heat = occlusion(OnePixel(3, 5), torch.ones(1, 1, 8, 8), 1, patch=3, stride=1)
    assert int(heat.argmax()) == 3 * 8 + 5
    assert heat[3, 5] == pytest.approx(4.0)  # every patch over it hides it
    assert heat[3, 4] == pytest.approx(4.0 * 2 / 3)  # of the nine patches over its neighbour six
    assert heat[0, 0] == 0
    assert (heat > 0).nonzero().min(0).values.tolist() == [1, 3]


def test_patches_reach_the_edge_whatever_the_stride():
    assert places(10, 4, 3) == [0, 3, 6]
    assert places(11, 4, 3) == [0, 3, 6, 7]
    assert places(4, 4, 4) == [0]
    heat = occlusion(OnePixel(10, 10), torch.ones(1, 1, 11, 11), 1, patch=4, stride=4)
    assert heat[10, 10] == pytest.approx(4.0)


def test_many_patches_in_several_batches_are_the_same_as_one_by_one():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(144, 3)).eval()
    x = torch.randn(1, 1, 12, 12)
    heat = occlusion(network, x, 2, patch=1, stride=1)
    for y, x_ in ((0, 0), (5, 7), (11, 11)):
        hidden = x.clone()
        hidden[0, 0, y, x_] = 0
        fall = log_odds(network(x), 2) - log_odds(network(hidden), 2)
        assert float(heat[y, x_]) == pytest.approx(float(fall.detach()), abs=1e-5)


def test_default_patches_and_those_that_make_no_sense():
    assert patch_of(224, None, None) == (28, 14)
    assert patch_of(8, None, None) == (1, 1)
    assert patch_of(32, 5, None) == (5, 2)
    with pytest.raises(UsageError, match="33 pixels"):
        patch_of(32, 33, None)
    with pytest.raises(UsageError, match="gaps"):
        patch_of(32, 4, 5)


def test_log_odds_go_on_where_probabilities_end():
    odds = log_odds(torch.tensor([[0.0, 400.0, 1.0], [0.0, 0.0, 0.0]]), 1)
    assert odds.tolist() == pytest.approx([400 - 1.3132617, -0.6931472], rel=1e-5)
