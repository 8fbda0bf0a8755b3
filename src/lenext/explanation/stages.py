"""A network cut at one of its stages: the maps that stand there, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenext.errors import UsageError, did_you_mean
from lenext.explanation.receptive_field import Field, Sight, Span
from lenext.layers.dispatch import OperatorMode
from lenext.layers.network import Network

STEM = "stem"


@dataclass(frozen=True)
class Stage:
    """One stage of a network: ``name`` as in ``Network.intermediates``, its maps' sides and what their units see."""

    name: str
    height: int
    width: int
    field: Field | None


class Watch(OperatorMode):  # type: ignore[no-untyped-call]
    """Follows what every tensor sees of the image."""

    def __init__(self, sight: Sight) -> None:
        super().__init__()
        self._sight = sight

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self._sight.follow(func.overloadpacket, args, result)
        return result


def stages(network: Network, height: int, width: int) -> list[Stage]:
    """The stem and every stage, in order, for images of that size."""
    weight = next(network.parameters())
    image = torch.zeros(1, network.input_size[0], height, width, device=weight.device, dtype=weight.dtype)
    sight = Sight(image)
    with torch.no_grad(), Watch(sight):
        maps = network.intermediates(image)
    return [Stage(name, one.shape[2], one.shape[3], sight.of(one)) for name, one in maps.items()]


def chosen_stage(network: Network, height: int, width: int, name: str | None) -> Stage:
    """The stage of that name; without one the last whose maps are larger than one unit.

    Raises UsageError for a name that the network does not have, and where a heat map has no place to point to.
    """
    found = stages(network, height, width)
    names = [stage.name for stage in found]
    wide = [stage for stage in found if stage.height * stage.width > 1]
    if name is not None and name not in names:
        near = did_you_mean(name, names)
        raise UsageError(f"{network.name} has no stage {name!r}.", near or f"It has: {', '.join(names)}.")
    chosen = next((stage for stage in found if stage.name == name), wide[-1] if wide else None)
    if chosen is None or chosen.height * chosen.width == 1:
        where = "Every stage" if chosen is None else f"The stage {chosen.name}"
        offer = f"Choose one of {', '.join(stage.name for stage in wide)}." if wide else "Use --method occlusion."
        raise UsageError(f"{where} of {network.name} has maps of one unit, which cannot say where.", offer)
    return chosen


def upto(network: Network, x: Tensor, name: str) -> Tensor:  # N C H W -> N features h w
    """The maps of a stage."""
    x = network.stem(x)
    for own, stage in network.stages.named_children():
        if name == STEM:
            break
        x = stage(x)
        if own == name:
            break
    return x


def onwards(network: Network, maps: Tensor, name: str) -> Tensor:  # N features h w -> N classes
    """The logits that become of the maps of a stage."""
    names = [STEM, *(own for own, _ in network.stages.named_children())]
    x = maps
    for stage in list(network.stages)[names.index(name) :]:
        x = stage(x)
    return network.forward_head(x)


def spread(maps: Tensor, stage: Stage, height: int, width: int) -> Tensor:  # N h w -> N height width
    """Maps of a stage over the view: every unit's value stands in the middle of what the unit sees, others between.

    Where a unit also sees the whole image (squeeze and excitation), the map is stretched evenly instead.
    """
    if stage.field is None or not all(
        plausible(span, units, side)
        for span, units, side in zip(stage.field, maps.shape[1:], (height, width), strict=True)
    ):
        return F.interpolate(maps[:, None], size=(height, width), mode="bilinear", align_corners=False)[:, 0]
    axes = [
        unit_places(span, units, side, maps)
        for span, units, side in zip(stage.field, maps.shape[1:], (height, width), strict=True)
    ]
    points = torch.stack(torch.meshgrid(axes[1], axes[0], indexing="xy"), dim=2).expand(len(maps), -1, -1, -1)
    return F.grid_sample(maps[:, None], points, padding_mode="border", align_corners=True)[:, 0]


def first_middle(span: Span) -> float:
    """The input pixel in the middle of what the first unit sees."""
    return (span.start + span.stop - 1) / 2


def plausible(span: Span, units: int, side: int) -> bool:
    """Whether the units' middles lie about as evenly on the image as units of such a step must."""
    first = first_middle(span)
    last = first + (units - 1) * span.step
    return abs(first + last - (side - 1)) <= 2 * span.step and last - first < side


def unit_places(span: Span, units: int, side: int, like: Tensor) -> Tensor:
    """For every input pixel the unit that stands there, on a scale from -1 (the first) to 1 (the last)."""
    pixels = torch.arange(side, device=like.device, dtype=like.dtype)
    return (pixels - first_middle(span)) / span.step * 2 / max(1, units - 1) - 1


def has_own_weights(network: nn.Module) -> bool:
    """Whether a classifier is learnt; LeNet-5's distances to fixed codes are not."""
    return any(True for _ in network.parameters())
