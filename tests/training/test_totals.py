"""Sums of an epoch: in order and in float64, whenever one looks."""

import torch

from lenext.training.totals import WAITING, Totals


def test_looking_changes_no_bit():
    losses = torch.rand(WAITING * 2 + 7, generator=torch.Generator().manual_seed(0))
    rarely, always = Totals((0.0, 0.0, 0.0)), Totals((0.0, 0.0, 0.0))
    expected = 0.0
    for loss in losses:
        rarely.add(loss, torch.tensor(1), 3)
        always.add(loss, torch.tensor(1), 3)
        always.values()
        expected += loss.item() * 3
    assert rarely.values() == always.values() == (expected, len(losses), 3 * len(losses))


def test_they_go_on_where_they_stopped():
    totals = Totals((1.5, 2.0, 4.0))
    assert totals.values() == (1.5, 2.0, 4.0)
    totals.add(torch.tensor(0.25), torch.tensor(2), 2)
    assert totals.values() == (2.0, 4.0, 6.0)
