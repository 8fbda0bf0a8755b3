"""Which weights decay, and at what share of the rate each learns: the parameter groups of an optimiser."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from lenext.layers.network import Network
from lenext.recipes import Optimizer

BLOCKS = 3  # of a stage make one group of layer decay: arXiv 2201.03545's code, 12 groups for 3, 3, 27, 3 blocks
NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm)


def parameter_groups(value: Optimizer, network: nn.Module) -> list[dict[str, Any]]:
    """The parameters that want a gradient, those of equal ``weight_decay``, ``scale`` and schedule of the rate."""
    spared = spared_parameters(network, getattr(value, "spared", ()))
    scales = layer_scales(network, getattr(value, "layer_decay", 1.0))
    biases, bias_rate = set(kind(network, "biases")), getattr(value, "bias_rate", 1.0)
    scheduled = biases if getattr(value, "bias_schedule", None) else set()
    groups: dict[tuple[float, float, bool], list[Tensor]] = {}
    for parameter in network.parameters():
        if parameter.requires_grad:
            decay = 0.0 if parameter in spared else getattr(value, "weight_decay", 0.0)
            scale = scales.get(parameter, 1.0) * (bias_rate if parameter in biases else 1.0)
            groups.setdefault((decay, scale, parameter in scheduled), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "scale": scale, **({"own_schedule": True} if own else {})}
        for (decay, scale, own), parameters in groups.items()
    ]


def spared_parameters(network: nn.Module, kinds: Iterable[str]) -> set[Tensor]:
    """The parameters of any of the kinds that a recipe spares from weight decay."""
    return {parameter for name in kinds for parameter in kind(network, name)}


def kind(network: nn.Module, name: str) -> list[Tensor]:
    """The parameters of one kind of ``recipes.optimizers.SPARED``; the shift of a normalisation is no bias."""
    if name == "vectors":
        return [parameter for parameter in network.parameters() if parameter.dim() == 1]
    found: list[Tensor] = []
    for module in network.modules():
        own = dict(module.named_parameters(recurse=False))
        norm = isinstance(module, NORMS)
        if name == "norms" and norm:
            found += own.values()
        elif name == "biases" and not norm:
            found += [own["bias"]] if "bias" in own else []
        elif name == "depthwise" and isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1:
            found.append(module.weight)
    return found


def layer_scales(network: nn.Module, decay: float) -> dict[Tensor, float]:
    """The share of the rate of each parameter: 1 in the head, ``decay`` times less in each group below it."""
    if decay == 1 or not isinstance(network, Network):
        return {}
    groups = groups_from_input(network)
    return {
        parameter: decay ** (len(groups) - number)
        for number, modules in enumerate(groups)
        for module in modules
        for parameter in module.parameters()
    }


def groups_from_input(network: Network) -> list[list[nn.Module]]:
    """All below the head: the stem, then of each stage up to three blocks at a time."""
    return [[network.stem], *(group for stage in network.stages for group in groups_of_stage(stage))]


def groups_of_stage(stage: nn.Module) -> list[list[nn.Module]]:
    """Three blocks and what stands before them; blocks are of the last layer's type, the others are downsampling."""
    layers = [layer for layer in stage.children() if next(layer.parameters(), None) is not None]
    ends = [number + 1 for number, layer in enumerate(layers) if type(layer) is type(layers[-1])]
    cuts = [0, *ends[BLOCKS - 1 :: BLOCKS]]
    if cuts[-1] != len(layers):
        cuts.append(len(layers))
    return [layers[start:stop] for start, stop in pairwise(cuts)]
