"""LeCun's estimate of second derivatives: back-propagated like gradients, without the terms between two units.

Appendix C of the LeNet paper. With h = d2E/da2 of a unit's weighted sum a = sum_j w_j x_j, each weight receives h x_j^2
and each input h w_j^2, summed over all connections that share the weight or start from the input. These are the sums
that back-propagation computes, with squares in place of weights and inputs: so the layer is run on squares.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lenext.errors import UsageError
from lenext.layers.chain import SQUASHES, SUMS, chain
from lenext.layers.network import Network
from lenext.recipes import Loss
from lenext.training.loss import loss_of


def curvature(network: Network, images: Tensor, labels: Tensor, loss: Loss) -> list[Tensor]:
    """h of every parameter of a chain of layers, as the mean over images (N C H W).

    It starts from the exact second derivatives of the loss with respect to the inputs of the last layer, which has no
    parameters: of LeNet's Eq. 8 they are 2. Raises UsageError for another kind of network.
    """
    layers = checked_chain(network)
    inputs = [images]
    with torch.no_grad():
        for layer in layers[:-1]:
            inputs.append(layer(inputs[-1]))
    h = of_output(layers[-1], inputs.pop(), labels, loss)
    found: dict[nn.Parameter, Tensor] = {}
    for layer, x in zip(reversed(layers[:-1]), reversed(inputs), strict=True):
        if isinstance(layer, SUMS):
            h, of_parameters = through_sum(layer, x, h)
            found |= of_parameters
        else:
            h = through_squash(layer, x, h)
    return [found[parameter] / len(images) for parameter in network.parameters()]


def checked_chain(network: Network) -> list[nn.Module]:
    """The layers from input to output. Raises UsageError where one is neither a sum nor a squashing function."""
    *layers, last = chain(network)
    foreign = [layer for layer in layers if not isinstance(layer, SUMS + SQUASHES)]
    foreign += [last] if next(last.parameters(), None) is not None else []  # only distances to fixed codes are known
    if foreign:
        raise UsageError(
            f"{network.name or 'The network'} has a {type(foreign[0]).__name__}, and DiagonalLM's second derivatives "
            "are known for LeNet's kinds of layers only.",
            "Train it with another optimizer: --recipe practical, or a recipe file.",
        )
    return [*layers, last]


def of_output(layer: nn.Module, x: Tensor, labels: Tensor, loss: Loss) -> Tensor:  # N features -> N features
    """The diagonal of the Hessian of each image's loss with respect to the inputs of the last layer."""
    x = x.requires_grad_()
    total = loss_of(loss, layer(x), labels) * len(x)  # the sum over images: each has its own inputs
    (slope,) = torch.autograd.grad(total, x, create_graph=True)
    columns = range(x.shape[1])
    return torch.stack([torch.autograd.grad(slope[:, i].sum(), x, retain_graph=True)[0][:, i] for i in columns], 1)


def through_sum(layer: nn.Module, x: Tensor, h: Tensor) -> tuple[Tensor, dict[nn.Parameter, Tensor]]:
    """h of the inputs, and of each parameter summed over images, of a layer of weighted sums."""
    squares = {name: parameter.detach().square().requires_grad_() for name, parameter in layer.named_parameters()}
    square = x.square().requires_grad_()
    of_input, *of_parameters = torch.autograd.grad(
        functional_call(layer, squares, square), [square, *squares.values()], h
    )
    return of_input, dict(zip(layer.parameters(), of_parameters, strict=True))


def through_squash(layer: nn.Module, x: Tensor, h: Tensor) -> Tensor:
    """h of the inputs of a function of each unit alone: f'(a)^2 h; Gauss-Newton leaves out the term with f''."""
    x = x.detach().requires_grad_()
    y = layer(x)
    slopes = [torch.autograd.grad(y, x, weight, retain_graph=True)[0] for weight in (h, torch.ones_like(h))]
    return slopes[0] * slopes[1]
