"""Nearest pictures by the angle between features."""

import numpy as np
import pytest
import torch
from small_networks import linear_network

from lenext.data.statistics import Statistics
from lenext.evaluation.inference import Compute
from lenext.explanation.neighbours import direction, features, nearest


def test_the_nearest_by_hand():
    rows = direction(torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [-1.0, 0.0]])).numpy()
    found = nearest(rows, np.array([1.0, 0.0], dtype=np.float32), 3)
    assert [one.row for one in found] == [0, 2, 1]
    assert [one.distance for one in found] == pytest.approx([0, 1 - 2**-0.5, 1], abs=1e-6)


def test_a_picture_is_its_own_nearest():
    torch.manual_seed(1)
    images = torch.randint(0, 256, (7, 1, 6, 6), dtype=torch.uint8)
    compute, statistics = Compute(torch.device("cpu")), Statistics((0.5,), (0.25,))
    found = features(linear_network(), statistics, images.split(3), compute)
    assert found.shape == (7, 3)
    assert [nearest(found, row, 1)[0].row for row in found] == list(range(7))


def test_maps_count_by_their_mean_and_zeros_stay():
    torch.testing.assert_close(direction(torch.ones(2, 4, 3, 3)), torch.full((2, 4), 0.5))
    assert direction(torch.zeros(1, 4)).tolist() == [[0, 0, 0, 0]]
