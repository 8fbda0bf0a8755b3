"""The blocked search finds what comparing everything with everything finds."""

import pytest
import torch

from lenext.data import neighbours as module
from lenext.data.neighbours import neighbours


def by_hand(points, radius):
    distances = torch.cdist(points.double(), points.double())
    near = (distances < radius).triu(1).nonzero()
    return {tuple(pair) for pair in near.tolist()}


@pytest.mark.parametrize("blocks", [(2048, 256), (7, 5), (1, 1)])
def test_every_pair_within_the_radius_is_found(monkeypatch, blocks):
    monkeypatch.setattr(module, "ROWS", blocks[0])
    monkeypatch.setattr(module, "BOX", blocks[1])
    points = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    pairs = neighbours(points, 0.8, 60)
    assert {tuple(pair) for pair in pairs.tolist()} == by_hand(points, 0.8)
    assert len(pairs) == len(by_hand(points, 0.8))


@pytest.mark.parametrize("blocks", [(2048, 256), (7, 5)])
def test_others_are_searched_from_either_side(monkeypatch, blocks):
    monkeypatch.setattr(module, "ROWS", blocks[0])
    monkeypatch.setattr(module, "BOX", blocks[1])
    points, others = torch.randn(2, 60, 3, generator=torch.Generator().manual_seed(1)).unbind()
    near = {tuple(sorted(pair)) for pair in (torch.cdist(points, others) < 0.8).nonzero().tolist()}
    pairs = neighbours(points, 0.8, 60, others)
    assert {tuple(pair) for pair in pairs.tolist()} == {pair for pair in near if pair[0] < pair[1]}


@pytest.mark.parametrize("box", [256, 16])
def test_of_too_many_the_nearest_are_kept(monkeypatch, box):
    monkeypatch.setattr(module, "BOX", box)
    points = torch.arange(200.0)[:, None] ** 1.01
    pairs = neighbours(points, 1e4, 3)
    assert {tuple(pair) for pair in pairs.tolist()} == {
        (i, j) for i in range(200) for j in range(i + 1, min(i + 4, 200))
    }


def test_none_and_one():
    assert neighbours(torch.empty(0, 2), 1.0, 3).shape == (0, 2)
    assert len(neighbours(torch.zeros(1, 2), 1.0, 3)) == 0
