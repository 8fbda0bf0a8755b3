"""``--save-memory``: the blocks of a network keep their inputs alone and are computed again in the backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from lenext.layers.network import Network
from lenext.layers.recompute import recompute
from lenext.training.objective import Objective


def recomputed_heads(objective: Objective, network: nn.Module) -> Objective:
    """The objective with a forward pass that keeps less; losses and gradients are the same to the bit."""
    chosen = blocks(network)

    def heads(inputs: Tensor) -> tuple[Tensor, ...]:
        with recomputed(chosen):
            return objective.heads(inputs)

    return replace(objective, heads=heads)


def blocks(network: nn.Module) -> list[nn.Module]:
    """What is computed again as a whole: the stem, and of every stage its blocks, or it where its layers are plain."""
    if not isinstance(network, Network):
        return []
    stem = [network.stem] if next(network.stem.parameters(), None) is not None else []
    return [*stem, *(part for stage in network.stages for part in inner(stage))]


def inner(part: nn.Module) -> list[nn.Module]:
    """The blocks of a sequence that has any; else the part itself."""
    composed = [child for child in part.children() if next(child.children(), None) is not None]
    if not composed or not isinstance(part, nn.Sequential):
        return [part]
    return [block for child in composed for block in inner(child)]


@contextmanager
def recomputed(parts: list[nn.Module]) -> Iterator[None]:
    """Within, a pass through one of ``parts`` keeps only its inputs and its result; a copy made later knows nothing."""
    for part in parts:
        part.forward = partial(_again, part.forward, part)
    try:
        yield
    finally:
        for part in parts:
            del part.forward


def _again(forward: Callable[..., Tensor], part: nn.Module, *inputs: Tensor) -> Tensor:
    return recompute(forward, inputs, part)
