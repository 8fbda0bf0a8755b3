"""What is said before time is lost."""

from __future__ import annotations

from lenext.engines.engine import COMPILED, EAGER
from lenext.evaluation.inference import Compute
from lenext.training.watch import Watcher


def warn_of_imitation(compute: Compute, watcher: Watcher, engine: str | None = None) -> None:
    """Where torch (``engine``; None for torch as it comes) computes in what the processor has no instructions for."""
    if compute.caution is not None and engine in (None, EAGER, COMPILED):
        watcher.message(compute.caution)
