"""Asynchronous SGD as DistBelief had it, which trained GoogLeNet ("Large scale distributed deep networks", 2012).

For the study only: no two runs are alike. The parameters lie in shards in shared memory. Each worker takes the next
batch, fetches every shard as it is then, computes a gradient, and pushes it shard by shard; nobody waits for anybody.
Staleness is how often a shard was changed by others between a worker's fetch and its push.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import torch
import torch.multiprocessing as mp
from torch import Tensor

from lenext.errors import Failed

POLL = 0.1  # seconds between two looks at the workers


class Learner(Protocol):
    """What a worker computes with; it is sent to each of them."""

    def parameters(self) -> list[Tensor]: ...

    def learn(self, step: int) -> tuple[float, float, int]:
        """Leave the gradient of the batch of a step in the parameters; mean loss, right answers, images."""
        ...

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        ...


@dataclass(frozen=True)
class Server:
    """The parameters in shared memory, in ``shards`` parts of nearly equal length, with their velocities and versions.

    sums: loss, right answers, images, and of staleness the sum, the number of pushes and the maximum.
    """

    values: Tensor
    shards: int
    momentum: float = 0.9  # GoogLeNet, 6
    velocity: Tensor = field(init=False)
    versions: Tensor = field(init=False)
    sums: Tensor = field(init=False)
    locks: list[Any] = field(init=False)
    step: Any = field(init=False)

    def __post_init__(self) -> None:
        context = mp.get_context("spawn")
        made = {
            "velocity": torch.zeros_like(self.values).share_memory_(),  # type: ignore[no-untyped-call]
            "versions": torch.zeros(self.shards, dtype=torch.int64).share_memory_(),  # type: ignore[no-untyped-call]
            "sums": torch.zeros(6, dtype=torch.float64).share_memory_(),  # type: ignore[no-untyped-call]
            "locks": [context.Lock() for _ in range(self.shards + 1)],  # the last one is that of the sums
            "step": context.Value("q", 0),
        }
        self.values.share_memory_()  # type: ignore[no-untyped-call]
        for name, value in made.items():
            object.__setattr__(self, name, value)

    def slices(self) -> list[slice]:
        cuts = [len(self.values) * shard // self.shards for shard in range(self.shards + 1)]
        return [slice(start, stop) for start, stop in pairwise(cuts)]

    def take(self) -> int:
        """The next step, each of which one worker takes."""
        with self.step.get_lock():
            number = int(self.step.value)
            self.step.value = number + 1
        return number

    def fetch(self) -> tuple[Tensor, list[int]]:
        """The parameters and the version of each shard; shards may be of different moments."""
        values, versions = torch.empty_like(self.values), []
        for shard, part in enumerate(self.slices()):
            with self.locks[shard]:
                values[part] = self.values[part]
                versions.append(int(self.versions[shard]))
        return values, versions

    def push(self, gradient: Tensor, versions: list[int], rate: float) -> list[int]:
        """Take a step with a gradient at the versions that were fetched; returns the staleness of each shard."""
        stale = []
        for shard, part in enumerate(self.slices()):
            with self.locks[shard]:
                stale.append(int(self.versions[shard]) - versions[shard])
                self.velocity[part].mul_(self.momentum).add_(gradient[part])
                self.values[part].sub_(self.velocity[part], alpha=rate)
                self.versions[shard] += 1
        return stale

    def note(self, loss: float, hits: float, images: int, stale: list[int]) -> None:
        """Add the figures of a step to the sums."""
        with self.locks[-1]:
            self.sums[:5] += torch.tensor([loss * images, hits, images, sum(stale), len(stale)], dtype=torch.float64)
            self.sums[5] = max(float(self.sums[5]), *stale)

    def figures(self) -> dict[str, float]:
        """The means since the last time, and the largest staleness."""
        with self.locks[-1]:
            loss, hits, images, stale, pushes, most = self.sums.tolist()
            self.sums.zero_()
        return {
            "loss": loss / max(images, 1),
            "train_top1": hits / max(images, 1),
            "staleness_mean": stale / max(pushes, 1),
            "staleness_max": most,
        }


def work(server: Server, learner: Learner, steps: int) -> None:
    """One worker's life."""
    torch.set_num_threads(1)
    parameters = learner.parameters()
    sizes = [parameter.numel() for parameter in parameters]
    while (step := server.take()) < steps:
        values, versions = server.fetch()
        with torch.no_grad():
            for parameter, value in zip(parameters, torch.split(values, sizes), strict=True):
                parameter.copy_(value.view_as(parameter))
        loss, hits, images = learner.learn(step)
        gradient = torch.cat(
            [one.new_zeros(one.numel()) if one.grad is None else one.grad.reshape(-1) for one in parameters]
        )
        server.note(loss, hits, images, server.push(gradient, versions, learner.rate(step)))


def train(server: Server, learner: Learner, workers: int, steps: int, look: Callable[[int], None]) -> None:
    """Let so many workers take the steps; ``look`` is called now and then with the number of those begun.

    Raises Failed where a worker ends before its time; no worker outlives this call.
    """
    context = mp.get_context("spawn")
    processes = [context.Process(target=work, args=(server, learner, steps), daemon=True) for _ in range(workers)]
    try:
        for process in processes:
            process.start()
        while any(process.is_alive() for process in processes):
            for number, process in enumerate(processes):
                process.join(POLL / workers)
                if process.exitcode:
                    raise Failed(
                        f"Worker {number} has ended with status {process.exitcode}.", "Look at its message above."
                    )
            look(min(int(server.step.value), steps))
    finally:
        for process in processes:
            if process.is_alive():
                process.terminate()
        for process in processes:
            if process.pid is not None:
                process.join()
