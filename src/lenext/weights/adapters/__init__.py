"""Weights of other libraries: their state dicts into our networks and back, with the reading checked.

Names alone do not tell whose function a weight belongs to: the ResNet-50 of torchvision fits the paper's network by
every shape, but halves its maps elsewhere. So each adapter says for which reading its weights are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from lenext.errors import UsageError, WeightFileError, did_you_mean
from lenext.layers.network import Network
from lenext.models import differences
from lenext.weights.adapters import caffe, efficientnet_pytorch, keras, timm, torchvision
from lenext.weights.adapters.foreign import Foreign, read_foreign
from lenext.weights.adapters.renaming import Adapter

SOURCES: Mapping[str, tuple[Adapter, ...]] = {
    "torchvision": torchvision.ADAPTERS,
    "timm": timm.ADAPTERS,
    "efficientnet_pytorch": efficientnet_pytorch.ADAPTERS,
    "keras": keras.ADAPTERS,
    "caffe": caffe.ADAPTERS,
}
BLUE_FIRST = {"caffe"}  # sources whose networks see BGR

# Options of ``build`` that leave the function at test as it is, or whose change shapes and names give away.
HARMLESS = {"dropout", "drop_path", "layer_scale", "image_size", "memory_efficient", "form", "auxiliary"}
_COUNT = ".num_batches_tracked"  # files older than torch 0.4.1 lack it, and only momentum=None needs it


class Fit(NamedTuple):
    """tensors: by our names; remarks: what differs but does no harm; faults: what does not fit."""

    tensors: dict[str, Tensor]
    remarks: list[str]
    faults: list[str]


def known(source: str) -> list[tuple[str, str, str]]:
    """(our network, its reading, the library's name) of everything that ``source`` has the same function of."""
    return [(ours, one.reading, theirs) for one in _adapters(source) for ours, theirs in one.networks.items()]


def load_file(network: Network, path: str | Path, source: str = "", strict: bool = True) -> list[str]:
    """Put a weight file of any known kind into ``network``; of a torch state dict the names tell the source.

    Returns and raises as ``load_state`` and ``read_foreign`` do.
    """
    state = read_foreign(path)
    return load_state(network, state, source or state.source or _recognised(network, state), strict)


def load_state(
    network: Network, state: Mapping[str, Tensor], source: str, strict: bool = True, bgr: bool | None = None
) -> list[str]:
    """Put a state of ``source`` (one of ``SOURCES``) into ``network``; values are cast to its type.

    bgr: whether the weights expect blue first; the first convolution is then turned round, so that the network sees
    RGB as all of ours do. None: as ``BLUE_FIRST`` says.
    Returns short sentences about what differs. Raises ``WeightFileError`` when the weights belong to another reading
    or to other options than the network's, or when a name or shape does not fit; with ``strict=False`` what fits is
    loaded and the rest is only said, unless nothing fits. ``UsageError`` where the source has no such network. The
    network is as before after an error.
    """
    adapter = _adapter(network, source)
    _check_reading(network, adapter, source)
    _check_name(network, adapter, state, source)
    fit = _fit(network, adapter, state)
    if fit.faults and (strict or not fit.tensors):
        more = f" ({len(fit.faults) - 1} more)" if len(fit.faults) > 1 else ""
        raise WeightFileError(f"These weights do not fit {network.name}: {fit.faults[0]}{more}.", _remedy(fit))
    first = _first_weight(network, source, bgr)
    if first in fit.tensors:
        fit.tensors[first] = fit.tensors[first].flip(1)
        fit.remarks.append(f"{first} turned from BGR to RGB")
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name in fit.tensors:
                tensor.copy_(fit.tensors[name])
    return fit.faults + fit.remarks


def export_state(network: Network, target: str, bgr: bool | None = None) -> dict[str, Tensor]:
    """The weights of ``network`` under the names, and in the shapes, of ``target``; a copy on the same device.

    bgr: whether they shall expect blue first, as in ``load_state``.
    Raises ``WeightFileError`` when the target's network computes another function (reading, options, size).
    """
    adapter = _adapter(network, target)
    _check_reading(network, adapter, target)
    state = network.state_dict()
    first = _first_weight(network, target, bgr)
    exported = {}
    for ours, theirs in adapter.counterparts(network):
        tensor = state[ours].flip(1) if ours == first else state[ours]
        moved = theirs and theirs.outward(tensor.detach())
        if theirs is None or moved is None:
            raise WeightFileError(
                f"{target} has no place for {ours} of {network.name}.", "Build the network at its paper's size."
            )
        exported[theirs.name] = moved.clone(memory_format=torch.contiguous_format)
    return exported


def _adapters(source: str) -> tuple[Adapter, ...]:
    if source not in SOURCES:
        hint = did_you_mean(source, SOURCES) or f"There are: {', '.join(SOURCES)}."
        raise UsageError(f"There are no adapters for {source!r}.", hint)
    return SOURCES[source]


def _adapter(network: Network, source: str) -> Adapter:
    """The rules for a network, of several readings those of its own."""
    found = [adapter for adapter in _adapters(source) if network.name in adapter.networks]
    if not found:
        others = [other for other in SOURCES if any(network.name == ours for ours, _, _ in known(other))]
        hint = f"There is one in {' and '.join(others)}." if others else "Load a weight file that lenext wrote."
        raise UsageError(f"{source} has no network that computes what {network.name or 'this one'} does.", hint)
    return next((adapter for adapter in found if adapter.reading == network.reading), found[0])


def _check_reading(network: Network, adapter: Adapter, source: str) -> None:
    """Refuse a network that is built otherwise than the source's, though every shape may fit."""

    def built(reading: str) -> dict[str, Any]:
        return {difference.option: difference.value for difference in differences(network.name, reading)}

    ours = {**built(network.reading), **network.options}
    theirs = built(adapter.reading)
    different = sorted(key for key in (ours.keys() | theirs.keys()) - HARMLESS if ours.get(key) != theirs.get(key))
    if not different:
        return
    call = f'create_model("{network.name}", reading="{adapter.reading}")'
    if network.reading != adapter.reading:
        raise WeightFileError(
            f"{source}'s {network.name} belongs to the reading {adapter.reading!r}; this network is of the reading "
            f"{network.reading!r}.",
            f"Build it with {call}.",
        )
    options = ", ".join(f"{key}={ours[key]!r}" for key in different)
    raise WeightFileError(f"{source}'s {network.name} is not built with {options}.", f"Build it with {call}.")


def _check_name(network: Network, adapter: Adapter, state: Mapping[str, Tensor], source: str) -> None:
    """Refuse the weights of another reading that have the same names and shapes, where the file says whose they are."""
    told = state.network if isinstance(state, Foreign) else ""
    for other in _adapters(source):
        if told and told == other.networks.get(network.name) != adapter.networks[network.name]:
            raise WeightFileError(
                f"These are the weights of {told}, of the reading {other.reading!r}; this network is of the reading "
                f"{network.reading!r}.",
                f'Build it with create_model("{network.name}", reading="{other.reading}").',
            )


def _first_weight(network: Network, source: str, bgr: bool | None) -> str:
    """The tensor whose colours are to be turned round, "" for none."""
    if not (source in BLUE_FIRST if bgr is None else bgr):
        return ""
    first = next((path for path, module in network.named_modules() if isinstance(module, nn.Conv2d)), "")
    return f"{first}.weight" if network.input_size[0] == 3 else ""


def _recognised(network: Network, state: Mapping[str, Tensor]) -> str:
    """The library of torch whose names most of the state has."""
    shares = {
        source: len(state.keys() & {theirs.name for _, theirs in adapter.counterparts(network) if theirs})
        for source in SOURCES
        for adapter in _adapters(source)
        if network.name in adapter.networks
    }
    if not any(shares.values()):
        raise WeightFileError(
            f"The names in this file are not those of any library's {network.name or 'network'}.",
            "Name the network that the weights are of.",
        )
    return max(shares, key=shares.__getitem__)


def _fit(network: Network, adapter: Adapter, state: Mapping[str, Tensor]) -> Fit:
    """What of a foreign state goes where."""
    fit = Fit({}, [], [])
    state = adapter.todays(state)
    ours = network.state_dict()
    pairs = dict(adapter.counterparts(network))
    absent = {ours: theirs.name if theirs else ours for ours, theirs in pairs.items()}
    for name, theirs in pairs.items():
        if theirs is None or theirs.name not in state:
            continue
        del absent[name]
        tensor = state[theirs.name]
        like = theirs.outward(ours[name])
        fault = _fault(tensor, None if like is None else tuple(like.shape))
        if fault:
            fit.faults.append(f"{theirs.name} {fault}")
        else:
            fit.tensors[name] = theirs.inward(tensor, ours[name])
    uncounted = [name for name in absent.values() if name.endswith(_COUNT)]
    missing = [name for name in absent.values() if name not in uncounted]
    surplus = state.keys() - {theirs.name for theirs in pairs.values() if theirs}
    for beginning, what in adapter.left_out.items():
        more = sorted(name for name in surplus if name.startswith(beginning))
        surplus -= set(more)
        if more:
            fit.remarks.append(f"{what} left out: {_some(more)}")
    if missing:
        fit.faults.append(f"missing {_some(missing)}")
    if surplus:
        fit.faults.append(f"unknown {_some(sorted(surplus))}")
    if uncounted:
        fit.remarks.append(f"counts of batches stay as they are, for want of {_some(uncounted)}")
    casts = {f"cast from {t.dtype} to {ours[n].dtype}" for n, t in fit.tensors.items() if t.dtype != ours[n].dtype}
    fit.remarks.extend(sorted(casts))
    return fit


def _fault(tensor: Any, shape: tuple[int, ...] | None) -> str:
    """What is wrong with a foreign tensor, which may be anything that a file holds."""
    if not isinstance(tensor, Tensor):
        return f"is no tensor but {type(tensor).__name__}"
    if tuple(tensor.shape) != shape:
        return f"has shape {tuple(tensor.shape)}, not {shape or 'one that the network can take'}"
    if tensor.is_floating_point() and not torch.isfinite(tensor).all():
        return "holds values that are not numbers"
    return ""


def _some(names: list[str]) -> str:
    """The first of many names, and how many more."""
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _remedy(fit: Fit) -> str:
    if not fit.tensors:
        return "These are the weights of another network; name theirs."
    if any("has shape" in fault for fault in fit.faults):
        return (
            "Build the network with the classes, channels and size of the weights, or load with strict=False and keep "
            "its own where they do not fit."
        )
    return "Use the weights of this network, or load what fits with strict=False."
