"""A batch is divided so that every image is in one shard, and in that of its mirror image."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from lenext.parallel.shards import Rows, in_order, spans_of


@pytest.mark.parametrize("images", [*range(1, 23), 128])
@pytest.mark.parametrize("shards", [1, 2, 3, 4, 8])
def test_every_place_is_in_one_shard_with_its_mirror_image(images, shards):
    found = [[place for span in shard for place in range(*span)] for shard in spans_of(100, 100 + images, shards)]
    assert len(found) == shards
    assert sorted(place for shard in found for place in shard) == list(range(100, 100 + images))
    for shard in found:
        assert shard == sorted(shard)
        assert [200 + images - 1 - place for place in reversed(shard)] == shard
        assert len(shard) != 1 or images == 1
    sizes = [len(shard) for shard in found]
    assert max(sizes) - min(sizes) <= 3


def test_the_sum_is_taken_from_the_first_to_the_last():
    rows = torch.tensor([[1e8], [1.0], [-1e8], [1.0]])
    assert in_order(rows).item() == 1.0
    assert in_order(rows[[0, 2, 1, 3]]).item() == 2.0


def rows_of(network, batches):
    """The rows of some batches, each a shard."""
    rows, images, found = Rows(network, 1), sum(map(len, batches)), []
    rows.begin()
    for batch in batches:
        rows.restart()
        network.zero_grad()
        loss = network(batch).square().mean()
        loss.backward()
        found.append(rows.of_pass(len(batch) / images, loss, torch.tensor(len(batch))))
    return rows, found


def test_rows_add_up_to_the_gradient_of_the_batch_as_it_lies_in_memory():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Conv2d(3, 2, 1)).to(memory_format=torch.channels_last)
    batch = torch.randn(6, 2, 4, 4)
    rows, found = rows_of(network, [batch[:4], batch[4:]])
    loss, hits = rows.adopt(in_order(torch.stack(found)))
    ours = [parameter.grad for parameter in network.parameters()]
    network.zero_grad()
    whole = network(batch).square().mean()
    whole.backward()
    assert loss.item() == pytest.approx(whole.item())
    assert hits.item() == 6
    for mine, parameter in zip(ours, network.parameters(), strict=True):
        torch.testing.assert_close(mine, parameter.grad)
        assert mine.stride() == parameter.stride()


def test_running_statistics_are_the_mean_of_the_shards_and_count_one_step():
    network, batches = nn.BatchNorm1d(2), torch.tensor([[[0.0, 1.0], [2.0, 3.0]], [[4.0, 9.0], [6.0, 7.0]]])
    rows, found = rows_of(network, list(batches))
    rows.adopt(in_order(torch.stack(found)))
    assert network.running_mean.tolist() == pytest.approx([0.1 * 3, 0.1 * 5])
    assert network.num_batches_tracked.item() == 1


def test_a_parameter_without_a_gradient_keeps_none():
    network = nn.ModuleDict({"used": nn.Linear(1, 1), "spare": nn.Linear(1, 1)})
    rows = Rows(network, 1)
    network["used"](torch.ones(1, 1)).sum().backward()
    total = rows.of_pass(0.5, torch.tensor(1.0), torch.tensor(1)) + rows.empty()
    rows.adopt(total)
    assert [parameter.grad is None for parameter in network.parameters()] == [False, False, True, True]
    assert network["used"].bias.grad.tolist() == [0.5]


def test_signals_and_lost_ranks_are_known_from_the_sum():
    rows = Rows(nn.Linear(1, 1), 3)
    mine = [[rows.empty()] for _ in range(3)]
    mine[2][0][rows._shared - 1] = float("nan")
    for rank, (own, signal) in enumerate(zip(mine, (0, 15, 0), strict=True)):
        rows.flag(own, rank, signal)
    total = in_order(torch.stack([own for (own,) in mine]))
    assert rows.flagged(total) == 15
    assert rows.lost(total) == [2]
    assert rows.flagged(rows.empty()) == 0


def test_cuts_of_neighbours_meet():
    for shards in (2, 4):
        spans = sorted(span for shard in spans_of(0, 15, shards) for span in shard)
        assert all(before[1] == after[0] for before, after in pairwise(spans))
