"""A random network of torchvision or timm, and ours with its weights."""

from __future__ import annotations

from typing import NamedTuple

import timm
import torch
import torchvision
from torch import Tensor, nn

from lenext.models import create_model
from lenext.weights.adapters import SOURCES, known, load_state

CLASSES = 10
LIBRARIES = ("torchvision", "timm")
# torchvision's GoogLeNet and Inception would draw initial values for minutes, and have auxiliary heads if nobody asks.
PLAIN = {name: {"init_weights": False, "aux_logits": False} for name in ("googlenet", "inception_v3")}
DROPOUT = {"Dropout": "p", "StochasticDepth": "p", "DropPath": "drop_prob"}  # class -> where it keeps its rate


class Counterparts(NamedTuple):
    """A network that both have."""

    source: str
    ours: str
    reading: str
    theirs: str


NETWORKS = [Counterparts(source, *names) for source in LIBRARIES if source in SOURCES for names in known(source)]


class Pair:
    """Both networks with the same weights, at test, in float32."""

    def __init__(self, counterparts: Counterparts, **options: bool) -> None:
        """options: of our network."""
        self.source, name, reading, theirs = counterparts
        self.theirs = filled(foreign(self.source, theirs, **options)).eval()
        with torch.device("meta"):
            ours = create_model(name, reading=reading, num_classes=CLASSES, **options)
        self.ours = ours.to_empty(device="cpu").eval()
        self.remarks = load_state(self.ours, self.theirs.state_dict(), self.source)

    def to(self, dtype: torch.dtype) -> Pair:
        self.theirs.to(dtype)
        self.ours.to(dtype)
        return self


def foreign(source: str, name: str, *, auxiliary: bool = False, classes: int = CLASSES) -> nn.Module:
    """A network of the library, without memory for weights."""
    with torch.device("meta"):
        if source == "timm":
            model: nn.Module = timm.create_model(
                name, num_classes=classes, **({"aux_logits": True} if auxiliary else {})
            )
        else:
            options = PLAIN.get(name, {}) | ({"aux_logits": True} if auxiliary else {})
            model = torchvision.models.get_model(name, weights=None, num_classes=classes, **options)
    return model


def filled(model: nn.Module) -> nn.Module:
    """Memory for the weights, and random values in it that nothing is lost in: no zeros, no ones, no growing maps."""
    torch.manual_seed(1)
    model.to_empty(device="cpu")
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            tensor.zero_()
        elif name.endswith(("running_mean", "bias")):
            tensor.normal_(std=0.1)
        elif tensor.numel() == tensor.shape[0]:  # variances, gammas and layer scales
            tensor.uniform_(0.5, 1.5)
        else:
            nn.init.kaiming_uniform_(tensor, nonlinearity="linear")
    return model


def training(model: nn.Module) -> nn.Module:
    """In training, without what draws random numbers; how slowly statistics move is no matter of the weights."""
    for module in model.train().modules():
        kind = type(module).__name__
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
        if kind in DROPOUT:
            rate = DROPOUT[kind] if hasattr(module, DROPOUT[kind]) else "rate"
            assert hasattr(module, rate)
            setattr(module, rate, 0.0)
    return model


def images(size: int, dtype: torch.dtype) -> Tensor:
    """Two, and of large ones, which are slow, one."""
    return torch.randn(
        1 if size > 200 else 2, 3, size, size, generator=torch.Generator().manual_seed(size), dtype=dtype
    )


@torch.no_grad()
def logits(model: nn.Module, batch: Tensor) -> Tensor:
    output: Tensor = model(batch)
    return output


def error(found: Tensor, wanted: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    assert found.shape == wanted.shape
    assert wanted.std() > 0, "equal values would say nothing"
    return float((found - wanted).abs().max() / wanted.abs().max())
