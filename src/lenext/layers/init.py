"""Initial weights, drawn from torch's generator as a recipe's ``init`` says."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lenext.layers.chain import WeightedSum
from lenext.recipes import FanIn, Gaussian, Glorot, He, Init, TruncatedNormal


@torch.no_grad()
def initialise(network: nn.Module, init: Init) -> None:
    """Draw every convolution and linear weight afresh, set the biases; batch normalisation as if new.

    A classifier has biases 0 where ``Glorot`` gives the others some.
    """
    if isinstance(init, FanIn):
        for part in network.modules():
            uniform(part, init)
        return
    layers = [(name, part) for name, part in network.named_modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    last = classifiers(layers)
    for name, part in layers:
        layer = name.rpartition(".")[2]
        draw(part.weight, of_layer(init, layer))
        if isinstance(init, TruncatedNormal) and part in last:
            part.weight.mul_(init.classifier)
        if part.bias is not None:
            part.bias.fill_(bias_of(init, layer, last=part in last))
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()  # gamma 1, beta 0


def classifiers(layers: Sequence[tuple[str, nn.Module]]) -> set[nn.Module]:
    """The last layer of the network's own, and the last of each auxiliary head."""
    last: dict[str, nn.Module] = {}
    for name, part in layers:
        last[".".join(name.split(".")[:2]) if name.startswith("auxiliary.") else ""] = part
    return set(last.values())


def uniform(part: nn.Module, init: FanIn) -> None:
    """Draw weights and biases of a layer of weighted sums; other layers stay as they are."""
    drawn: Sequence[tuple[Tensor | None, Tensor]]
    match part:
        case nn.Conv2d() | nn.Linear():
            fans = torch.full((len(part.weight),), float(part.weight[0].numel()))
            drawn = [(part.weight, fans), (part.bias, fans)]
        case WeightedSum():
            drawn = part.fans()
        case _:
            return
    for values, fans in drawn:
        if values is not None:
            bounds = (init.gain / fans.double() ** init.power).to(values)
            values.uniform_(-1, 1).mul_(bounds.view(-1, *[1] * (values.dim() - 1)))


def of_layer(init: Init, layer: str) -> Init:
    """What the weights of a layer are drawn from: its own where it stands apart."""
    apart = dict(init.apart) if isinstance(init, Gaussian) else {}
    return Gaussian(std=apart[layer]) if layer in apart else init


def bias_of(init: Init, layer: str, *, last: bool) -> float:
    """What the biases of a layer start from."""
    match init:
        case Gaussian():
            return dict(init.biases_apart).get(layer, init.bias if layer in init.biased else 0.0)
        case Glorot():
            return 0.0 if last else init.bias
        case _:
            return 0.0


def draw(weight: Tensor, init: Init) -> None:
    """Fill one weight from the distribution that ``init`` names."""
    if weight.is_meta:  # nothing to fill, and torch would spend two seconds on importing what it needs for that
        return
    match init:
        case Gaussian():
            nn.init.normal_(weight, std=init.std)
        case He(linear=False) if weight.dim() == 2:
            nn.init.uniform_(weight, -(weight.shape[1] ** -0.5), weight.shape[1] ** -0.5)
        case He():
            nn.init.kaiming_normal_(weight, mode=f"fan_{init.fan}", nonlinearity="relu")  # type: ignore[arg-type]
        case Glorot(fan="in"):
            nn.init.kaiming_uniform_(weight, nonlinearity="linear")
        case Glorot():
            nn.init.xavier_uniform_(weight)
        case TruncatedNormal():
            nn.init.trunc_normal_(weight, std=init.std, a=-init.cut, b=init.cut)
