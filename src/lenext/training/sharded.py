"""A task whose batches are divided into shards, on one process or several; the loop is that of every task.

Each shard's gradient is computed apart, and all are added up: in the order of the shards where the same bits are asked
of any number of processes, else as it is fastest. All that a step needs of the others goes with the gradients:
that a signal has come, too. Batch normalisation takes its statistics shard by shard, and the running ones are the mean
of the shards'; or it is synchronised.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenext.errors import Failed
from lenext.evaluation.memory import ran_out
from lenext.parallel.batch_norm import synchronised
from lenext.parallel.shards import Rows, Span, in_order, share_of, spans_of
from lenext.parallel.team import Alone, RankLost
from lenext.training.optim import set_rate
from lenext.training.signals import StopRequested, StopSignals
from lenext.training.soundness import lost
from lenext.training.task import Batch, Task

LOCAL, SYNC = BATCH_NORMS = ("local", "sync")


class Shard(NamedTuple):
    """A part of a batch: its number, where its pieces begin in the epoch's order, their pixels, and all labels."""

    number: int
    starts: tuple[int, ...]
    pixels: tuple[Tensor, ...]
    labels: Tensor


class ShardedBatch(NamedTuple):
    """The shards that this process computes, of a batch of ``images``."""

    images: int
    shards: list[Shard]


class TeamSignals(StopSignals):
    """Signals that all processes answer after the same step.

    alone: whether this process may stop without the others, who then follow; so it is while it tests.
    """

    agreed = 0
    alone = False

    def __init__(self, team: Alone) -> None:
        super().__init__()
        self._team = team

    def poll(self) -> None:
        number = self.received if self.alone else self.agreed
        if number:
            self._team.spare()
            raise StopRequested(number)


@dataclass(frozen=True)
class ShardedTask(Task):
    """A task of ``team``, whose processes have as many shards each.

    ordered: whether sums are the same bits for any number of processes; batch_norm: "local" or "sync".
    """

    team: Alone = field(default_factory=Alone)
    shards: int = 1
    ordered: bool = False
    batch_norm: str = LOCAL

    @cached_property
    def mine(self) -> range:
        """The shards of this process."""
        each = self.shards // self.team.size
        return range(self.team.rank * each, (self.team.rank + 1) * each)

    @cached_property
    def rows(self) -> Rows:
        """What shards leave; made once the layers are in training mode."""
        return Rows(self.network, self.team.size)

    @cached_property
    def signals(self) -> TeamSignals:
        return TeamSignals(self.team)

    def batches(  # type: ignore[override] # learn takes what this gives
        self, epoch: int, order: NDArray[np.int64], cuts: Sequence[int]
    ) -> Iterator[ShardedBatch]:
        plan = [(stop - start, self.spans(start, stop)) for start, stop in pairwise(cuts)]
        spans = [span for _, shards in plan for _, pieces in shards for span in pieces]
        read = self.training.spans(self.pipeline, epoch, order, spans)
        for images, shards in plan:
            yield ShardedBatch(images, [self.shard(number, pieces, read) for number, pieces in shards])

    def spans(self, start: int, stop: int) -> list[tuple[int, list[Span]]]:
        """The shards of this process that have images, with their places."""
        found = spans_of(start, stop, self.shards)
        return [(number, found[number]) for number in self.mine if found[number]]

    def shard(self, number: int, spans: Sequence[Span], read: Iterator[Batch]) -> Shard:
        pieces = [next(read) for _ in spans]
        pixels, labels = zip(*pieces, strict=True)
        return Shard(number, tuple(start for start, _ in spans), pixels, torch.cat(labels))

    def learn(  # type: ignore[override] # what batches gives
        self, batch: ShardedBatch, at: tuple[int, int, int], rate: float, bias_rate: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """One step on the whole batch; its mean loss and number of right answers, the same on every process.

        Raises Diverged, on all of them, when the loss of one is not a number: before the weights take it in.
        """
        set_rate(self.optimizer, rate, bias_rate)
        self.rows.begin()
        try:
            made = {shard.number: self.of_shard(shard, batch.images, at) for shard in batch.shards}
        except (MemoryError, RuntimeError) as error:
            if not ran_out(error):
                raise
            raise Failed("The memory is too small for a shard of the batch.", "Give a --micro-batch.") from None
        found = [made.get(number, self.rows.empty()) for number in self.mine]
        self.rows.flag(found, self.team.rank, self.signals.received)
        total = self.total(found)
        ranks = self.rows.lost(total)
        if ranks:
            self.team.conclude()
            where = f"loss on rank {', '.join(map(str, ranks))}" if self.team.size > 1 else "loss"
            raise lost(where, at[0] + 1, ())
        loss, hits = self.rows.adopt(total)
        self.signals.agreed = self.rows.flagged(total)
        if self.signals.agreed:
            self.team.conclude()
        self.scaling.update(self.optimizer, self.clip)
        return loss, hits

    def of_shard(self, shard: Shard, images: int, at: tuple[int, int, int]) -> Tensor:
        """The row of one shard's forward and backward pass."""
        step, epoch, position = at
        self.rows.restart()
        self.seed(step, shard.number)
        self.zero_grad()
        labels = shard.labels.to(self.compute.device)
        pieces = [self.shown(pixels, epoch, start) for start, pixels in zip(shard.starts, shard.pixels, strict=True)]
        inputs, targets = self.mix(torch.cat(pieces), labels, epoch, position)
        share = len(labels) / images
        with self.normalising(share):
            loss, hits = self.gradients(inputs, targets, labels)
        return self.rows.of_pass(share, loss, hits)

    def normalising(self, share: float) -> AbstractContextManager[None]:
        """What batch normalisation does during a pass."""
        return synchronised(self.network, self.team.sum, share) if self.batch_norm == SYNC else nullcontext()

    def total(self, rows: list[Tensor]) -> Tensor:
        """The sum of the rows of all shards."""
        if self.ordered:
            return in_order(self.team.gather(torch.stack(rows)))
        return self.team.sum(in_order(torch.stack(rows)))

    def validation_views(self) -> Iterator[Tensor]:
        """Those of this process: the batches are the same on any number of processes."""
        assert self.validation is not None
        self.signals.alone = True
        return self.validation.views(self.recipe.view, self.test_batch, self.tested)

    @property
    def tested(self) -> Span:
        """From where up to where this process tests the validation images."""
        assert self.validation is not None
        return share_of(len(self.validation.part), self.test_batch, self.team.rank, self.team.size)

    def whole(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        assert self.validation is not None
        start, stop = self.tested
        everyone = torch.zeros(len(self.validation.part), self.classes)
        if stop > start:
            everyone[start:stop] = torch.from_numpy(scores)
        try:
            everyone = self.team.sum(everyone)
        except RankLost:
            number = self.team.interruption()
            if not number:
                raise
            raise StopRequested(number) from None
        finally:
            self.signals.alone = False
        return everyone.numpy()
