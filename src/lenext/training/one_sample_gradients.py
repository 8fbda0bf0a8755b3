"""The gradient of a batch of one image where the network is a chain of layers that are written for that.

The same numbers as autograd's up to rounding, in a tenth of the time: a paper's pass over 60,000 single images takes
seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from lenext.evaluation.inference import Compute
from lenext.layers.chain import one_sample_chain
from lenext.layers.network import Network
from lenext.layers.one_sample import Array, Layer
from lenext.recipes import ClassWeights, CrossEntropy, Recipe, RubbishClass, TruePenalty

Slope = Callable[[Array, int], tuple[float, Array]]  # logits and label -> loss and its gradient


class OneSampleGradients:
    """Puts the gradient of the loss of one image into the parameters."""

    def __init__(self, layers: list[Layer], slope: Slope) -> None:
        self._forward, self._backward, self._slope = layers, layers[::-1], slope
        self._gradients = [(weight, torch.from_numpy(array)) for layer in layers for weight, array in layer.gradients]

    def __call__(self, inputs: Tensor, targets: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:  # 1 C H W, 1, 1
        """Loss and number of right answers, as scalars."""
        x: Array = inputs.numpy()[0]
        for layer in self._forward:
            x = layer.forward(x)
        label = int(targets)
        loss, slope = self._slope(x, label)
        hit = int(x.argmax()) == int(labels)
        for layer in self._backward:
            slope = layer.backward(slope)
        for weight, gradient in self._gradients:
            weight.grad = gradient
        return torch.tensor(loss, dtype=torch.float64), torch.tensor(hit)


def one_sample_gradients(recipe: Recipe, network: nn.Module, compute: Compute) -> OneSampleGradients | None:
    """For a recipe of single images; None where network, loss or device are not written for it."""
    alone = recipe.batch_size == 1 and not recipe.auxiliary and recipe.mixing is None
    alone = alone and not isinstance(recipe.balance, ClassWeights)
    if not (alone and isinstance(network, Network) and compute.device.type == "cpu" and compute.precision == "fp32"):
        return None
    # Of weights that lie in another order the layers would hold copies, which no update reaches.
    if not all(parameter.requires_grad and parameter.is_contiguous() for parameter in network.parameters()):
        return None
    slope = slope_of(recipe)
    square = network.input_size[1:] == recipe.view.shape
    layers = one_sample_chain(network) if slope and square else None
    return OneSampleGradients(layers, slope) if layers and slope else None


def slope_of(recipe: Recipe) -> Slope | None:
    """The loss of the recipe for one image."""
    match recipe.loss:
        case RubbishClass(j=j):
            return lambda logits, label: softmax_slope(logits, label, -j)
        case CrossEntropy(label_smoothing=0):
            return lambda logits, label: softmax_slope(logits, label, -math.inf)
        case TruePenalty():
            return penalty_slope
        case _:
            return None


def softmax_slope(logits: Array, label: int, rubbish: float) -> tuple[float, Array]:
    """-log of the label's share among the exponentials of the logits and of ``rubbish``, one more; its gradient."""
    top = max(float(logits.max()), rubbish)
    slope: Array = np.exp(logits - top)
    total = float(slope.sum()) + math.exp(rubbish - top)
    slope /= total
    slope[label] -= 1
    return top + math.log(total) - float(logits[label]), slope


def penalty_slope(logits: Array, label: int) -> tuple[float, Array]:
    """Minus the logit of the label, and its gradient."""
    slope = np.zeros_like(logits)
    slope[label] = -1
    return -float(logits[label]), slope
