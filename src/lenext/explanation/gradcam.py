"""Grad-CAM: where the maps of a stage speak for a class.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization" (1610.02391), 3:
the maps of the stage, each weighted by the mean of its gradient, added up, and only what speaks for the class kept.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lenext.explanation.stages import Stage, has_own_weights, onwards, spread, upto
from lenext.layers.network import Network


def score(network: Network, logits: Tensor, classes: Tensor) -> Tensor:  # N K, N -> N
    """What is explained: the logit of each image's class (3).

    Where the classifier measures distances to fixed codes, all logits hold the length of the features themselves, which
    speaks for no class and whose gradient vanishes at a perfect answer: the mean of all logits is taken off, and what
    stays is linear in the features, as for every other network.
    """
    own = logits.gather(1, classes[:, None])[:, 0]
    return own if has_own_weights(network.get_classifier()) else own - logits.mean(1)


def weighted_maps(network: Network, inputs: Tensor, classes: Tensor, stage: Stage) -> Tensor:  # -> N h w
    """Equation 1 and the sum of equation 2, before negative values are cut off; in evaluation mode.

    inputs: the network's, N C H W; classes: int64, one an image.
    """
    with torch.no_grad():
        maps = upto(network, inputs, stage.name)
    with torch.enable_grad():
        leaf = maps.detach().requires_grad_()
        logits = onwards(network, leaf.clone(), stage.name)  # the next layer may work in place
        (gradient,) = torch.autograd.grad(score(network, logits, classes).sum(), leaf)
    weights = gradient.float().mean((2, 3))  # Eq. 1
    return torch.einsum("nk,nkhw->nhw", weights, maps.float())


def gradcam(network: Network, inputs: Tensor, classes: Tensor, stage: Stage) -> Tensor:  # N C H W, N -> N H W
    """Heat maps of the inputs' size, 0 where nothing speaks for the class; their unit is that of the logit."""
    return spread(weighted_maps(network, inputs, classes, stage).relu(), stage, *inputs.shape[2:])  # Eq. 2
