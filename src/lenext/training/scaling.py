"""Half precision: gradients too small for fp16 are computed times a factor, which is taken out before they are used."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Scale = dict[str, float]


class Unscaled:
    """Gradients as they are: fp32 and bf16 have the range for them."""

    def backward(self, loss: Tensor) -> None:
        loss.backward()  # type: ignore[no-untyped-call]

    def update(self, optimizer: torch.optim.Optimizer, clip: Callable[[], object]) -> None:
        """One step of the optimiser on the gradients, once ``clip`` has seen them."""
        clip()
        optimizer.step()

    def state(self) -> Scale | None:
        """What a checkpoint must hold."""

    def restore(self, state: Scale | None) -> None:
        """Go on from the ``state`` of a checkpoint."""


class Scaled(Unscaled):
    """Gradients times a power of two that falls when one is infinite (that step is left out) and rises in peace."""

    def __init__(self, device: torch.device) -> None:
        self._scaler = torch.amp.GradScaler(device.type)
        self._device = device

    def backward(self, loss: Tensor) -> None:
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def update(self, optimizer: torch.optim.Optimizer, clip: Callable[[], object]) -> None:
        self._scaler.unscale_(optimizer)
        clip()
        self._scaler.step(optimizer)
        self._scaler.update()

    def state(self) -> Scale | None:
        found = self._scaler.state_dict()
        return {name: found[name] for name in ("scale", "_growth_tracker")}

    def restore(self, state: Scale | None) -> None:
        if state is not None:
            self._scaler.load_state_dict({**self._scaler.state_dict(), **state})


def scaling_of(precision: str, device: torch.device) -> Unscaled:
    """What a precision needs."""
    return Scaled(device) if precision == "fp16" else Unscaled()
