"""What a step minimises: the loss of the network's logits, and of those of its auxiliary heads, from one pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

from lenext.errors import UsageError
from lenext.layers.auxiliary import AuxiliaryNetwork
from lenext.recipes import BinaryCrossEntropy, Loss, Recipe
from lenext.training.loss import binary_cross_entropy, loss_of, shares

Heads = Callable[[Tensor], tuple[Tensor, ...]]  # N C H W -> the logits, then those of each auxiliary head


@dataclass(frozen=True)
class Objective:
    """The loss of a recipe on a network; ``auxiliary`` weights that of each head beside the last one.

    weights: of the classes (K,), where the recipe has them; an image of mixed classes has the mean of theirs, and of
    several labels each has its own.
    """

    heads: Heads
    loss: Loss
    auxiliary: float
    weights: Tensor | None = None

    def __call__(self, logits: tuple[Tensor, ...], targets: Tensor) -> Tensor:
        """A scalar: labels (N,), or shares or labels (N, classes), against what ``heads`` gave."""
        total = self.of_head(logits[0].float(), targets)
        for side in logits[1:]:
            total = total + self.auxiliary * self.of_head(side.float(), targets)
        return total

    def of_head(self, logits: Tensor, targets: Tensor) -> Tensor:
        if self.weights is None:
            return loss_of(self.loss, logits, targets)
        if isinstance(self.loss, BinaryCrossEntropy):
            return binary_cross_entropy(self.loss, logits, shares(targets, logits), self.weights).mean()
        weights = self.weights[targets] if targets.dim() == 1 else targets @ self.weights
        return (loss_of(self.loss, logits, targets, "none") * weights).mean()


def objective_of(recipe: Recipe, network: nn.Module, weights: Tensor | None = None) -> Objective:
    """The objective of a recipe. Raises UsageError for a weight of auxiliary heads where the network has none."""
    if not recipe.auxiliary:
        return Objective(lambda inputs: (network(inputs),), recipe.loss, 0.0, weights)
    if not isinstance(network, AuxiliaryNetwork) or not len(network.auxiliary):
        raise UsageError(
            "The recipe weights auxiliary heads, and the network has none.", "Train with --set auxiliary=0."
        )
    return Objective(lambda inputs: all_heads(network, inputs), recipe.loss, recipe.auxiliary, weights)


def all_heads(network: AuxiliaryNetwork, inputs: Tensor) -> tuple[Tensor, ...]:
    """The logits of the last head and of the auxiliary ones, in one pass."""
    maps = network.intermediates(inputs)
    return network.forward_head(next(reversed(maps.values()))), *network.forward_auxiliary(maps)
