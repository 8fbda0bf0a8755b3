"""What a network sees of an image on the way to its answer: mean and spread of the maps of every stage.

They are caught while an ordinary pass runs, so that an answer costs one pass, with or without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lenext.layers.network import Network

MOST = 256  # features: their square is stored in the weight file, 256 KiB


class Seen:
    """Logits and features of all images that went through, in their order."""

    def __init__(self, logits: Tensor | None = None, features: Tensor | None = None) -> None:
        self._logits = [] if logits is None else [logits]
        self._features = [] if features is None else [features]
        self._maps: list[Tensor] = []

    def logits(self) -> NDArray[np.float32]:  # images classes
        return stacked(self._logits)

    def features(self) -> NDArray[np.float32]:  # images features
        return stacked(self._features)

    def catch(self, _: nn.Module, __: Any, output: Tensor) -> None:
        """A map, N C H W or N C."""
        self._maps.append(summary(output.detach().float()))

    def close(self, _: nn.Module, __: Any, output: Tensor) -> None:
        """The end of a pass."""
        self._logits.append(output.detach().float().cpu())
        self._features.append(chosen(torch.cat(self._maps, 1)).cpu())
        self._maps.clear()


@contextmanager
def seen(network: Network) -> Iterator[Seen]:
    """Catch what ``network`` sees inside."""
    caught = Seen()
    with ExitStack() as hooks:
        for module in (network.stem, *network.stages.children()):
            hooks.enter_context(module.register_forward_hook(caught.catch))
        hooks.enter_context(network.register_forward_hook(caught.close))
        yield caught


def summary(maps: Tensor) -> Tensor:  # N C H W -> N 2C; N C, and maps of one pixel -> N C
    """Mean and standard deviation of every map."""
    flat = maps.flatten(2) if maps.dim() > 2 else maps[:, :, None]
    mean = flat.mean(2)
    return mean if flat.shape[2] == 1 else torch.cat([mean, flat.std(2, correction=0)], 1)


def chosen(features: Tensor) -> Tensor:  # N F -> N min(F, MOST)
    """Every so manieth feature, where there are more than ``MOST``: those of one stage are all of a kind."""
    width = features.shape[1]
    if width <= MOST:
        return features
    return features[:, torch.linspace(0, width - 1, MOST, dtype=torch.float64).round().long().to(features.device)]


def stacked(parts: list[Tensor]) -> NDArray[np.float32]:
    return torch.cat(parts).numpy() if parts else np.empty((0, 0), dtype=np.float32)
