"""Updates of weights that torch has in another form, or not at all: each equals its paper's formula."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from lenext.layers.network import Network
from lenext.recipes import Loss, RubbishClass, TruePenalty
from lenext.training.second_order import curvature

Groups = Iterable[dict[str, Any]]


class Update(torch.optim.Optimizer):
    """An optimiser whose ``update`` takes all weights of a group at once, and keeps tensors of their shapes."""

    def __init__(self, groups: Groups, lr: float, **settings: float) -> None:
        for name, number in {"learning rate": lr, **settings}.items():
            if not number >= 0:
                raise ValueError(f"Invalid {name}: {number}")
        super().__init__(groups, {"lr": lr, "weight_decay": 0.0, **settings})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override] # nothing to return
        """One update of every parameter that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if weights:
                self.update(weights, [weight.grad for weight in weights], group)

    @abstractmethod
    def update(self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None: ...

    def kept(self, name: str, weights: list[Tensor], start: float) -> list[Tensor]:
        """What the updates before left under ``name``, one tensor a weight; ``start`` everywhere at first."""
        for weight in weights:
            if name not in self.state[weight]:
                self.state[weight][name] = torch.full_like(weight, start)
        return [self.state[weight][name] for weight in weights]


def decayed(weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> list[Tensor]:
    """The gradients of the loss and of half the squared weights, times the weight decay."""
    if not group["weight_decay"]:
        return gradients
    return list(torch._foreach_add(gradients, weights, alpha=group["weight_decay"]))  # noqa: SLF001 - as torch's own


class VelocitySGD(Update):
    """v <- momentum v - lr g;  w <- w + v (AlexNet, section 5; Caffe)."""

    def update(self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        velocities = self.kept("velocity", weights, 0)
        torch._foreach_mul_(velocities, group["momentum"])
        torch._foreach_add_(velocities, decayed(weights, gradients, group), alpha=-group["lr"])
        torch._foreach_add_(weights, velocities)


class RMSProp(Update):
    """s <- decay s + (1 - decay) g^2, from 1;  v <- momentum v + lr g / sqrt(s + eps);  w <- w - v (TensorFlow)."""

    def update(self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        squares, velocities = self.kept("square", weights, 1), self.kept("velocity", weights, 0)
        gradients = decayed(weights, gradients, group)
        torch._foreach_mul_(squares, group["decay"])
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - group["decay"])
        roots = torch._foreach_add(squares, group["eps"])  # noqa: SLF001 - as torch's own
        torch._foreach_sqrt_(roots)
        torch._foreach_mul_(velocities, group["momentum"])
        torch._foreach_addcdiv_(velocities, gradients, roots, value=group["lr"])
        torch._foreach_sub_(weights, velocities)


class DiagonalLM(Update):
    """w <- w - lr / (mu + h) g, where h of each weight stays as ``begin_epoch`` found it (LeNet, Appendix C)."""

    def begin_epoch(self, network: nn.Module, loss: Loss, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Estimate h on (inputs, labels), as the mean over all of their images.

        Of Eq. 9 the term of the true class alone counts, whose second derivative is 2 for every input of the last
        layer. Those of the whole loss vanish for every image that is recognised; the rates then rise to lr / mu, and
        training diverges in the second epoch.
        """
        assert isinstance(network, Network)
        loss = TruePenalty() if isinstance(loss, RubbishClass) else loss
        images, total = 0, [torch.zeros_like(weight) for weight in network.parameters()]
        for inputs, labels in batches:
            images += len(labels)
            torch._foreach_add_(total, curvature(network, inputs, labels, loss), alpha=len(labels))
        for weight, h in zip(network.parameters(), total, strict=True):
            if weight.requires_grad:
                self.state[weight]["divisor"] = h / images + self.param_groups[0]["mu"]

    def update(self, weights: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        divisors = [self.state[weight]["divisor"] for weight in weights]
        torch._foreach_addcdiv_(weights, gradients, divisors, value=-group["lr"])
