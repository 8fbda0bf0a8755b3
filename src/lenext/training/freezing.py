"""Parts of a network that keep their weights and statistics while the others train."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lenext.errors import UsageError, did_you_mean
from lenext.layers.network import Network
from lenext.recipes import Transfer
from lenext.recipes.transfer import EVERYTHING, LOWER, NOTHING


def frozen_parts(network: Network, last: str) -> list[nn.Module]:
    """Stem and stages up to the one called ``last``, of "lower" two thirds; the head's other layers too for "all".

    Raises UsageError for a name that no part has.
    """
    parts = {"stem": network.stem, **dict(network.stages.named_children())}
    if last == NOTHING:
        return []
    if last == LOWER:
        return list(parts.values())[: 1 + 2 * len(network.stages) // 3]
    if last == EVERYTHING:
        return [*parts.values(), *list(network.head)[:-1]]
    if last not in parts:
        words = (NOTHING, LOWER, *parts, EVERYTHING)
        hint = did_you_mean(last, words) or f"It has: {', '.join(words)}."
        raise UsageError(f"{network.name} has no stage {last!r} to freeze up to.", hint)
    names = list(parts)
    return [parts[name] for name in names[: names.index(last) + 1]]


def freeze(network: Network, value: Transfer) -> None:
    """Take the frozen parts' weights out of training. Raises UsageError for a stage that is not there."""
    for part in frozen_parts(network, value.freeze):
        part.requires_grad_(False)


def training_mode(network: nn.Module, value: Transfer | None) -> Callable[[], object]:
    """What puts the network into training mode; frozen parts, and every batch normalisation of a transfer, stay out.

    Few images move running statistics more than they tell of them.
    """
    if value is None:
        return network.train
    assert isinstance(network, Network)
    still: list[nn.Module] = [*frozen_parts(network, value.freeze)]
    still += [part for part in network.modules() if isinstance(part, _BatchNorm)]

    def train() -> None:
        network.train()
        for part in still:
            part.eval()

    return train
