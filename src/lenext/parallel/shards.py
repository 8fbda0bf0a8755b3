"""How a batch is divided into shards, and what a shard's pass leaves, as one row of numbers that can be added up."""

from __future__ import annotations

import math
from itertools import pairwise
from signal import SIGINT, SIGTERM

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Span = tuple[int, int]


def spans_of(start: int, stop: int, shards: int) -> list[list[Span]]:
    """The places of each shard of the batch that stands from ``start`` up to ``stop``.

    An image and its mirror image in the batch, the i-th and the last but i, are in one shard: mixing, which brings them
    together, is then the same in shards. No shard has a single image while another has three.
    """
    pairs = (stop - start) // 2
    cuts = [pairs * shard // shards for shard in range(shards + 1)]
    found = [[(start + a, start + b), (stop - b, stop - a)] for a, b in pairwise(cuts)]
    found[-1] = [(start + cuts[-2], stop - cuts[-2])]  # with the middle, which is its own mirror image
    return [[span for span in shard if span[0] < span[1]] for shard in found]


class Rows:
    """Rows of one length: gradients, statistics of batch normalisation, loss, and counts.

    All but the counts are taken times the shard's share of the batch, so that the sum of all rows is the batch's. A
    gradient lies in its row as its parameter lies in memory.
    """

    def __init__(self, network: nn.Module, ranks: int) -> None:
        self.parameters = [one for one in network.parameters() if one.requires_grad]
        norms = [one for one in network.modules() if isinstance(one, _BatchNorm) and one.track_running_stats]
        learning = [one for one in norms if one.training]
        self.statistics = [
            value for one in learning for value in (one.running_mean, one.running_var) if value is not None
        ]
        self.tracked = [one.num_batches_tracked for one in learning if one.num_batches_tracked is not None]
        self._sizes = [one.numel() for one in (*self.parameters, *self.statistics)]
        self._shared = sum(self._sizes) + 1  # and the loss
        # After right answers, SIGINT and SIGTERM: which ranks have a loss that is no number.
        self._lost = self._shared + 3
        self._used = self._lost + ranks  # which gradients there are
        self._length = self._used + len(self.parameters)
        self._before = [value.clone() for value in (*self.statistics, *self.tracked)]

    def begin(self) -> None:
        """Keep what the statistics are before a step."""
        for kept, now in zip(self._before, (*self.statistics, *self.tracked), strict=True):
            kept.copy_(now)

    def restart(self) -> None:
        """Put the statistics back to what they were before the step: every shard starts there."""
        for kept, now in zip(self._before, (*self.statistics, *self.tracked), strict=True):
            now.copy_(kept)

    def empty(self) -> Tensor:
        """The row of a shard without an image."""
        one = self.parameters[0]
        return torch.zeros(self._length, dtype=one.dtype, device=one.device)

    @torch.no_grad()
    def of_pass(self, share: float, loss: Tensor, hits: Tensor) -> Tensor:
        """The row of a shard that has ``share`` of the batch's images, after its backward pass."""
        row = self.empty()
        for parameter, place in zip(self.parameters, self._views(row), strict=False):
            if parameter.grad is not None:
                place.copy_(parameter.grad)
        for value, place in zip(self.statistics, self._views(row)[len(self.parameters) :], strict=True):
            place.copy_(value)
        row[self._shared - 1] = loss
        row[: self._shared] *= share
        row[self._shared] = hits
        row[self._used :] = row.new_tensor([parameter.grad is not None for parameter in self.parameters])
        return row

    @torch.no_grad()
    def adopt(self, total: Tensor) -> tuple[Tensor, Tensor]:
        """Put the batch's gradient and statistics into the network; returns its mean loss and its right answers."""
        views, used = self._views(total), total[self._used :].tolist()
        for parameter, gradient, shards in zip(self.parameters, views, used, strict=False):
            parameter.grad = gradient if shards else None
        for value, found in zip(self.statistics, views[len(self.parameters) :], strict=True):
            value.copy_(found)
        for value, before in zip(self.tracked, self._before[len(self.statistics) :], strict=True):
            value.copy_(before + 1)
        return total[self._shared - 1].clone(), total[self._shared].clone()

    def flag(self, rows: list[Tensor], rank: int, signal: int) -> None:
        """Write into the first row of a rank which signal has come, 0 for none, and whether a loss is no number."""
        rows[0][self._shared + 1] = signal == SIGINT
        rows[0][self._shared + 2] = signal == SIGTERM
        rows[0][self._lost + rank] = not all(math.isfinite(row[self._shared - 1]) for row in rows)

    def lost(self, total: Tensor) -> list[int]:
        """The ranks that have a loss that is no number."""
        return [rank for rank, lost in enumerate(total[self._lost : self._used].tolist()) if lost]

    def flagged(self, total: Tensor) -> int:
        """The signal that has come to any process."""
        interrupts, terminations = total[self._shared + 1 : self._shared + 3].tolist()
        return SIGINT if interrupts else SIGTERM if terminations else 0

    def _views(self, row: Tensor) -> list[Tensor]:
        """The parts of a row in the shapes, and orders in memory, of parameters and statistics."""
        found, at = [], row.storage_offset()
        for one, size in zip((*self.parameters, *self.statistics), self._sizes, strict=True):
            found.append(row.as_strided(one.shape, one.stride(), at))
            at += size
        return found


def share_of(images: int, batch: int, rank: int, size: int) -> Span:
    """From where up to where a process tests images: whole batches, so that they are the same on any number of them."""
    batches = -(-images // batch)
    first, last = (min(images, batches * one // size * batch) for one in (rank, rank + 1))
    return first, last


def in_order(rows: Tensor) -> Tensor:
    """The sum of rows, one after the other: however many processes made them, the same bits."""
    total = rows[0].clone()
    for row in rows[1:]:
        total += row
    return total
