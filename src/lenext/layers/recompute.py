"""Memory for time: a part of the network whose forward pass is run again by the backward pass (arXiv 1707.06990)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def recompute(function: Callable[..., Tensor], inputs: tuple[Tensor, ...], module: nn.Module) -> Tensor:
    """``function(*inputs)``, of which only the inputs and the result are kept for the backward pass.

    ``module`` holds the layers that ``function`` runs: their running statistics see the batch once, and dropout drops
    the same again.
    """

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), statistics_aside(module)

    result: Tensor = checkpoint(function, *inputs, use_reentrant=False, context_fn=contexts)
    return result


@contextmanager
def statistics_aside(module: nn.Module) -> Iterator[None]:
    """Within, the buffers of batch normalisation are copies, so that nothing that is done to them lasts."""
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    kept = [(norm, name, value) for norm in norms for name, value in norm.named_buffers()]
    for norm, name, value in kept:
        setattr(norm, name, value.clone())
    try:
        yield
    finally:
        for norm, name, value in kept:
            setattr(norm, name, value)
