"""torch as it comes, and compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from lenext.data.statistics import Statistics
from lenext.engines.engine import COMPILED, EAGER, Floats, Pixels, rows
from lenext.evaluation.inference import HALVES, Compute, probabilities


class Eager:
    """A network operator by operator, exactly as ``lenext evaluate`` computes."""

    name = EAGER

    def __init__(self, network: nn.Module, statistics: Statistics, compute: Compute, temperature: float = 1.0) -> None:
        compute.place(network)
        self._network, self._statistics, self._compute = network, statistics, compute
        self._temperature = temperature

    def predict(self, batch: Pixels) -> Floats:
        """See ``Engine``."""
        inputs = torch.from_numpy(batch)
        return probabilities(self._network, self._statistics, [inputs], self._compute, temperature=self._temperature)


class Compiled:
    """A graph of uint8 N H W C to probabilities, compiled with its weights frozen into it.

    The first batch of each size takes seconds to minutes; smaller batches are filled up to ``batch``.
    """

    name = COMPILED

    def __init__(self, graph: nn.Module, shape: tuple[int, ...], precision: str = "fp32", batch: int = 32) -> None:
        """shape: as of ``engine.Graph``."""
        import torch._inductor.config as inductor

        inductor.freezing = True
        self.shape, self._batch, self._half = shape, batch, HALVES.get(precision)
        with warnings.catch_warnings(action="ignore"):  # the compiler's own, of what torch will do without one day
            self._run: Callable[[Tensor], Tensor] = torch.compile(graph, dynamic=False)

    def predict(self, batch: Pixels) -> Floats:
        """See ``Engine``."""
        pixels = torch.from_numpy(rows(batch))
        parts = []
        half = torch.autocast("cpu", dtype=self._half, enabled=self._half is not None)
        with torch.no_grad(), half, warnings.catch_warnings(action="ignore"):
            for part in torch.split(pixels, self._batch):
                filled = torch.cat([part, part.new_zeros(self._batch - len(part), *part.shape[1:])])
                parts.append(self._run(filled)[: len(part)].float())
        found: Floats = torch.cat(parts).numpy()
        return found


class Program:
    """A ``torch.export`` file, run as it is."""

    name = EAGER

    def __init__(self, graph: nn.Module, shape: tuple[int, ...]) -> None:
        """shape: as of ``engine.Graph``."""
        self._graph, self.shape = graph, shape

    def predict(self, batch: Pixels) -> Floats:
        """See ``Engine``."""
        with torch.inference_mode():
            found: Floats = self._graph(torch.from_numpy(rows(batch))).numpy()
        return found
