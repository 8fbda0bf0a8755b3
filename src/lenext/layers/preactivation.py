"""The unit of pre-activation: activations before the convolutions, and a sum that nothing follows (1603.05027)."""

from __future__ import annotations

from torch import Tensor, nn


class Unit(nn.Module):
    """Figure 4. A shortcut of its own starts after the first activation, as where dimensions change.

    after: what follows the sum; skip: what the input goes through to the sum where it has no shortcut of its own.
    """

    def __init__(
        self,
        activation: nn.Module,
        branch: nn.Module,
        shortcut: nn.Module | None,
        after: nn.Module | None = None,
        skip: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.activation, self.branch, self.shortcut = activation, branch, shortcut
        self.after, self.skip = after, skip

    def forward(self, x: Tensor) -> Tensor:
        active = self.activation(x)
        y: Tensor = self.branch(active) + self.along(x, active)
        return y if self.after is None else self.after(y)

    def along(self, x: Tensor, active: Tensor) -> Tensor:
        """The other term of the sum."""
        if self.shortcut is not None:
            return self.shortcut(active)  # type: ignore[no-any-return]
        return x if self.skip is None else self.skip(x)
