"""Whose names a state dict is written in: ours, or those of a library that an adapter knows."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from lenext.layers.network import Network
from lenext.weights.adapters import SOURCES
from lenext.weights.adapters.renaming import Adapter, Counterpart

COUNT = ".num_batches_tracked"  # lacking in old files


def spelling(network: Network, shapes: Mapping[str, tuple[int, ...]]) -> tuple[str, set[str]]:
    """The source in whose names every tensor has its place in ``network``, and the names that are left out.

    "" where no source's fit; "lenext" for ours.
    """
    ours = network.state_dict()
    if counted({name: tuple(tensor.shape) for name, tensor in ours.items()}) == counted(shapes):
        return "lenext", set()
    for source, adapters in SOURCES.items():
        for adapter in adapters:
            if network.name in adapter.networks and adapter.reading == network.reading:
                theirs, left_out = expected(adapter, network, ours), beyond(adapter, shapes)
                if theirs == counted({name: shape for name, shape in shapes.items() if name not in left_out}):
                    return source, left_out
    return "", set()


def counted(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape in shapes.items() if not name.endswith(COUNT)}


def expected(adapter: Adapter, network: Network, ours: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Names and shapes that the library's own network would have."""
    pairs = adapter.counterparts(network)
    return counted({theirs.name: shape_of(theirs, ours[name]) for name, theirs in pairs if theirs})


def shape_of(theirs: Counterpart, ours: Tensor) -> tuple[int, ...]:
    if theirs.shape is None:
        return tuple(ours.shape)
    return tuple(size or ours.shape[place] for place, size in enumerate(theirs.shape))


def beyond(adapter: Adapter, shapes: Mapping[str, tuple[int, ...]]) -> set[str]:
    """What only the library has, such as heads for training."""
    return {name for name in shapes if name.startswith(tuple(adapter.left_out))}
