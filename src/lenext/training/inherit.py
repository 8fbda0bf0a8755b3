"""Weights that a run starts from: single layers of another network (VGG 3.1), or all of the same one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from lenext.errors import UsageError
from lenext.layers.auxiliary import AuxiliaryNetwork
from lenext.layers.first_convolution import adapted_state
from lenext.layers.network import Network
from lenext.recipes import Inherit


@torch.no_grad()
def inherit_layers(network: Network, value: Inherit, source: Network) -> list[str]:
    """Copy the layers that ``value`` names, which have the same last names in both; returns their names.

    Raises UsageError when the source is another network, or lacks such a layer, or has it in another shape.
    """
    if source.name != value.network:
        raise UsageError(
            f"The recipe inherits from {value.network}, and the weights are those of {source.name}.",
            f"Name weights of {value.network}, or train without any: --set inherit=null.",
        )
    copied = []
    for last in value.layers:
        here, there = _layer(network, last), _layer(source, last)
        for name, tensor in network.get_submodule(here).state_dict().items():
            theirs = source.get_submodule(there).state_dict().get(name)
            if theirs is None or theirs.shape != tensor.shape:
                raise _unfit(f"{here}.{name}", tensor, theirs)
            tensor.copy_(theirs)
        copied.append(here)
    return copied


@torch.no_grad()
def go_on_from(network: Network, source: Network, *, same_classes: bool) -> list[str]:
    """Copy every layer of the same network that was trained before; returns the layers that stay as drawn.

    These are the classifiers where the classes are others, and auxiliary heads that the source does not have.
    Where the source sees images of another number of channels its first convolution is adapted.
    Raises UsageError when the two are not the same network in the same form.
    """
    if (source.name, source.reading) != (network.name, network.reading):
        raise UsageError(
            f"The weights are those of {source.name} (reading: {source.reading}), "
            f"the run trains {network.name} (reading: {network.reading}).",
            f"Train --model {source.name} --reading {source.reading}, or leave --weights out.",
        )
    fresh = [] if same_classes else classifiers(network)
    theirs = adapted_state(source, network.input_size[0])
    if not any(name.startswith("auxiliary.") for name in theirs):
        fresh += ["auxiliary"] * isinstance(network, AuxiliaryNetwork)
    for name, tensor in network.state_dict().items():
        if any(name.startswith(f"{layer}.") for layer in fresh):
            continue
        if name not in theirs or theirs[name].shape != tensor.shape:
            raise _unfit(name, tensor, theirs.get(name))
        tensor.copy_(theirs[name])
    return _present(fresh, network.state_dict())


def classifiers(network: Network) -> list[str]:
    """The names of the layers with one output a class: the head's last, and each auxiliary head's."""
    last = {network.get_classifier()}
    if isinstance(network, AuxiliaryNetwork):
        last |= {list(head.children())[-1] for head in network.auxiliary.values()}
    return [name for name, part in network.named_modules() if part in last]


def _layer(network: Network, last: str) -> str:
    """The one layer of a network whose name ends in ``last``."""
    found = [name for name, _ in network.named_modules() if name.rpartition(".")[2] == last]
    if len(found) != 1:
        raise UsageError(
            f"{network.name} has {len(found) or 'no'} layers called {last!r}, and the recipe inherits one.",
            "Name layers of `lenext show` with --set inherit.layers=[...], or train with --set inherit=null.",
        )
    return str(found[0])


def _unfit(name: str, ours: Tensor, theirs: Tensor | None) -> UsageError:
    found = f"has shape {tuple(theirs.shape)}" if theirs is not None else "is missing"
    return UsageError(
        f"The weights do not fit: {name} {found}, and the run's network wants {tuple(ours.shape)}.",
        "Build the network as that run built it (--option, --image-size), or leave --weights out.",
    )


def _present(layers: Iterable[str], state: Mapping[str, Tensor]) -> list[str]:
    return [layer for layer in layers if any(name.startswith(f"{layer}.") for name in state)]
