"""Networks whose weights have no memory, and what they cost."""

import pytest
import torch
from torch import nn

from lenext import create_model
from lenext.layers.network import Network
from lenext.models.table import multiply_adds, parameters


def on_meta(name: str, **options: object) -> Network:
    """The network, ready for a test."""
    with torch.device("meta"):
        return create_model(name, **options).eval()  # type: ignore[arg-type]


def multiply_adds_of(network: Network, size: tuple[int, int, int]) -> int:
    """Normalisation takes most of the time on the meta device and changes no count."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.BatchNorm2d, "forward", lambda _, x: x)
        return multiply_adds(network, size)


def counts(network: Network) -> tuple[int, int]:
    """Parameters, and multiply-adds of one image of the network's own size."""
    return parameters(network), multiply_adds_of(network, network.input_size)
