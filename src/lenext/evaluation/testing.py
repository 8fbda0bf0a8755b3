"""A network tested by a protocol: the mean of its answers over all views of an image, views batched well."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lenext.data.statistics import Statistics
from lenext.evaluation.dense import densely
from lenext.evaluation.inference import Compute, activated
from lenext.evaluation.products import counted
from lenext.evaluation.views import views, whole_images
from lenext.layers.network import Network
from lenext.protocol import SOFTMAX, Dense, Mean, Protocol, TenCrop

WAITING = 4  # batches that may wait for others of their size


@dataclass(frozen=True)
class Stack:
    """Views of one image and one size, the share of each in its mean, and how they are looked at.

    views: V C h w, uint8, or float less the mean image; logits: these have a mean of their own, then its probabilities.
    """

    views: Tensor
    share: float
    dense: bool = False
    logits: bool = False


@dataclass(frozen=True)
class Tested:
    """probabilities: float32 (images, classes); views, macs (multiply-adds): of all images together."""

    probabilities: NDArray[np.float32]
    views: int
    macs: int


class Kind(NamedTuple):
    """Views that can go through together."""

    dense: bool
    logits: bool
    height: int
    width: int


def stacks(image: Tensor, protocol: Protocol, statistics: Statistics) -> list[Stack]:
    """What the protocol shows of one image (uint8 1 C H W), whose shares add up to 1."""
    match protocol:
        case Mean():
            parts = [stack for part in protocol.parts for stack in stacks(image, part, statistics)]
            return [replace(stack, share=stack.share / len(protocol.parts)) for stack in parts]
        case Dense():
            return [Stack(shown, 1 / protocol.views, dense=True) for shown in whole_images(image, protocol)]
        case _:
            shown = views(image, protocol, statistics)
            return [Stack(shown, 1 / len(shown), logits=isinstance(protocol, TenCrop) and protocol.logits)]


def run(
    network: Network,
    statistics: Statistics,
    shown: Iterable[list[Stack]],
    compute: Compute,
    pixels: int,
    temperature: float = 1.0,
    activation: str = SOFTMAX,
) -> Tested:
    """Test a network on what is ``shown`` of each image; ``pixels``: how many of one channel go through at once.

    ``temperature`` divides the logits, of which ``activation`` makes probabilities.

    The network is used in evaluation mode and left in it.
    """
    answer = partial(activated, temperature=temperature, activation=activation)
    bench = Bench(network.eval(), statistics, compute, pixels, answer)
    for image in shown:
        bench.add(image)
    return bench.finish()


class Bench:
    """Views wait, sorted by size, until a batch is full; each answer is added to the mean of its image."""

    def __init__(
        self,
        network: Network,
        statistics: Statistics,
        compute: Compute,
        pixels: int,
        answer: Callable[[Tensor], Tensor] = activated,
    ) -> None:
        self._network = network
        self._dense: nn.Module | None = None
        self._statistics = statistics
        self._compute = compute
        self._pixels = pixels
        self._answer = answer
        self._waiting: dict[Kind, list[tuple[int, Stack]]] = {}
        self._means: list[Tensor | None] = []
        self._logits: dict[int, tuple[float, Tensor]] = {}  # of an image: their share so far, and their sum
        self._macs: dict[Kind, int] = {}
        self._views = self._products = 0

    def add(self, image: list[Stack]) -> None:
        """Take the next image; whatever is ready goes through the network."""
        row = len(self._means)
        self._means.append(None)
        for stack in image:
            kind = Kind(stack.dense, stack.logits, *stack.views.shape[2:])
            queue = self._waiting.setdefault(kind, [])
            queue.append((row, stack))
            if area(kind, queue) >= self._pixels:
                self._run(kind, leave_rest=True)
        while sum(area(kind, queue) for kind, queue in self._waiting.items()) > WAITING * self._pixels:
            self._run(max(self._waiting, key=lambda kind: area(kind, self._waiting[kind])), leave_rest=False)

    def finish(self) -> Tested:
        """Whatever still waits, and the result."""
        for kind in list(self._waiting):
            self._run(kind, leave_rest=False)
        for row, (share, total) in self._logits.items():
            self._add(row, share * self._answer((total / share)[None])[0])
        means = [mean for mean in self._means if mean is not None]
        probabilities = torch.stack(means).numpy() if means else np.empty((0, 0), dtype=np.float32)
        return Tested(probabilities, self._views, self._products)

    def _run(self, kind: Kind, *, leave_rest: bool) -> None:
        """Full batches of a kind, then the rest or not."""
        queue = self._waiting.pop(kind)
        rows = [row for row, stack in queue for _ in range(len(stack.views))]
        shares = torch.tensor([stack.share for _, stack in queue for _ in range(len(stack.views))])
        views = torch.cat([stack.views for _, stack in queue])
        size = max(1, self._pixels // (kind.height * kind.width))
        end = len(views) // size * size if leave_rest else len(views)
        for start in range(0, end, size):
            part = slice(start, min(start + size, end))
            answers = self._answers(kind, views[part]) * shares[part, None]
            for row, share, answer in zip(rows[part], shares[part].tolist(), answers, strict=True):
                if kind.logits:
                    before, total = self._logits.get(row, (0.0, torch.zeros_like(answer)))
                    self._logits[row] = before + share, total + answer
                else:
                    self._add(row, answer)
        if end < len(views):
            rest = views[end:].clone()  # the full batches need not stay in memory
            self._waiting[kind] = [
                (row, Stack(rest[at : at + 1], float(share), kind.dense, kind.logits))
                for at, (row, share) in enumerate(zip(rows[end:], shares[end:], strict=True))
            ]

    def _add(self, row: int, answer: Tensor) -> None:
        """To the mean of an image."""
        mean = self._means[row]
        self._means[row] = answer.clone() if mean is None else mean.add_(answer)

    def _answers(self, kind: Kind, views: Tensor) -> Tensor:
        """Probabilities of a batch, or its logits, on the CPU; the first of its kind is counted."""
        if kind.dense and self._dense is None:
            self._dense = densely(self._network)
        network = self._network if self._dense is None or not kind.dense else self._dense
        statistics = self._statistics.for_views(kind.height, kind.width)
        with torch.no_grad(), self._compute.autocast():
            inputs = statistics.normalise(views.to(self._compute.device))
            if kind in self._macs:
                logits = network(inputs)
            else:
                with counted(network) as products:
                    logits = network(inputs)
                self._macs[kind] = products.macs // len(views)
        self._views += len(views)
        self._products += self._macs[kind] * len(views)
        return (logits.float() if kind.logits else self._answer(logits)).cpu()


def area(kind: Kind, queue: list[tuple[int, Stack]]) -> int:
    """The pixels that wait in a queue."""
    return kind.height * kind.width * sum(len(stack.views) for _, stack in queue)
