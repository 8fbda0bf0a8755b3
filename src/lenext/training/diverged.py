"""The error of a run whose loss is not a number."""

from __future__ import annotations

from lenext.errors import Failed


class Diverged(Failed):
    """A loss that is not a number."""


def diverged(what: str, step: int, where: str = "") -> Diverged:
    """The error of the loss called so, at a step counted from 1; where: on which rank."""
    return Diverged(
        f"The {what} is not a number at step {step:,}{where}; the last checkpoint is from before.",
        "Train with a smaller learning rate (--set optimizer.lr=...), or look at the data with `lenext check`.",
    )
