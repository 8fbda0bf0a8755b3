"""Whether a network starts from the weights that its paper draws."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from lenext.api.audited.target import Target
from lenext.errors import UsageError
from lenext.explanation.audit import Point
from lenext.explanation.initial import Drawn, drawn, initial_points, initially
from lenext.layers.init import initialise
from lenext.models import FILE_OF, create_model, recipe
from lenext.recipes import Init

# The papers that print what the weights are drawn from. The others leave it out, or cite a paper that allows several.
PRINTED = {"lenet", "alexnet", "vgg", "convnext"}  # Appendix A; 5; 3.1; Table 5


def start_points(target: Target, name: str, options: Mapping[str, Any]) -> Iterator[Point]:
    """What ``target`` draws otherwise, where the paper prints it and the target can be built afresh."""
    if target.fresh is None or FILE_OF[name] not in PRINTED:
        return
    found = starts(target)
    if found:
        yield from initial_points(list(allowed(name, options)), found)


def starts(target: Target) -> dict[str, list[Drawn]]:
    """The target's layers with their initial weights, none where it cannot be built with numbers."""
    try:
        return drawn(initially(target.fresh)) if target.fresh else {}
    except RuntimeError:  # too large for this machine
        return {}


def allowed(name: str, options: Mapping[str, Any]) -> Iterator[dict[str, list[Drawn]]]:
    """Our layers as they are built, and as the paper's recipe draws them: VGG's paper trains from both."""
    network = initially(lambda: create_model(name, **options))
    yield drawn(network)
    init = init_of(name)
    if init is not None:
        yield drawn(initially(lambda: redrawn(network, init)))


def init_of(name: str) -> Init | None:
    try:
        return recipe(name).init
    except UsageError:  # no recipe
        return None


def redrawn(network: nn.Module, init: Init) -> nn.Module:
    initialise(network, init)
    return network
