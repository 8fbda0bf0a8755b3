"""What ``lenext audit`` is given: a network of ours, of another library, of the user's own code, or a weight file."""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lenext.errors import UsageError, did_you_mean
from lenext.explain.trace import Size
from lenext.layers.network import Network
from lenext.models import create_model
from lenext.weights.card import load

OURS, TORCHVISION, TIMM, KERAS = "lenext", "torchvision", "timm", "keras"
FORMS = "Give torchvision:NAME, timm:NAME, package.module:function, a weight file or a name of `lenext models`."

_declared: list[Any] = []  # a library of operators lives as long as its object


@dataclass(frozen=True)
class Target:
    """A network and the (channels, height, width) that its makers say it is for, None where they do not."""

    name: str
    network: nn.Module
    size: Size | None


def read_target(word: str, reading: str = "paper") -> Target:
    """The network that ``word`` means; it is never downloaded. ``reading`` is for a network of ours.

    Raises UsageError for what is not there or not a network, and the errors of weight files.
    """
    scheme, colon, name = word.partition(":")
    readers: dict[str, Callable[[str], nn.Module]] = {TORCHVISION: from_torchvision, TIMM: from_timm, KERAS: from_keras}
    ours = scheme == OURS or not (colon or looks_like_path(word))
    if reading != "paper" and not ours:
        raise UsageError(f"{word!r} has no readings.", "Leave --reading out: only `lenext models` have them.")
    if ours:
        network: nn.Module = without_memory(lambda: create_model(name if colon else word, reading=reading))
    elif not colon or os.path.exists(word):
        network = load(word).network
    elif scheme in readers:
        network = readers[scheme](name)
    else:
        network = from_import_path(scheme, name)
    return Target(word, network, declared_size(network))


def looks_like_path(word: str) -> bool:
    return os.path.exists(word) or os.sep in word or word.endswith(".safetensors")


def declared_size(network: nn.Module) -> Size | None:
    """Ours and timm's networks say for which images they are."""
    if isinstance(network, Network):
        return network.input_size
    told = getattr(network, "default_cfg", None)
    size = told.get("input_size") if isinstance(told, dict) else None
    return (size[0], size[1], size[2]) if size and len(size) == 3 else None


def without_memory(build: Callable[[], nn.Module]) -> nn.Module:
    """The network without memory for weights, or with it where its constructor computes with numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the constructor's initial weights, which nobody will use
        try:
            with torch.device("meta"):
                return build()
        except RuntimeError:  # an operator without a meta kernel, or a constructor that reads its weights
            return build()


def from_torchvision(name: str) -> nn.Module:
    try:
        models = imported("torchvision.models", TORCHVISION)
    except RuntimeError:
        models = importlib.import_module(declare_operators())
    if name not in models.list_models():
        raise UsageError(f"torchvision has no network {name!r}.", did_you_mean(name, models.list_models()) or FORMS)
    options = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}  # minutes of scipy otherwise
    return without_memory(lambda: models.get_model(name, weights=None, **options))


def declare_operators() -> str:
    """torchvision's wheels do not fit torch's for the CPU: two operators of detection are missing at its import."""
    library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)
    for module in [module for module in sys.modules if module.partition(".")[0] == "torchvision"]:
        del sys.modules[module]
    return "torchvision.models"


def from_timm(name: str) -> nn.Module:
    try:
        timm = imported("timm", TIMM)
    except RuntimeError:
        declare_operators()
        timm = importlib.import_module("timm")
    if not timm.is_model(name):
        raise UsageError(f"timm has no network {name!r}.", did_you_mean(name, timm.list_models()) or FORMS)
    return without_memory(lambda: timm.create_model(name, pretrained=False))


def imported(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UsageError(f"{package} is not installed here.", f"Install it: pip install {package}.") from error


def from_keras(name: str) -> nn.Module:
    raise UsageError(
        f"keras:{name} cannot be audited: a network of Keras is no torch module.",
        "Give its torch form, such as torchvision:NAME, timm:NAME or package.module:function.",
    )


def from_import_path(module: str, name: str) -> nn.Module:
    """``package.module:thing``, looked for in the current folder too: a module, or what returns one when called."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"{module}:{name} cannot be imported: {error}.", FORMS) from error
    try:
        network = found if isinstance(found, nn.Module) else without_memory(found)
    except TypeError as error:
        remedy = "Name a torch module, or a function that makes one without arguments."
        raise UsageError(f"{module}:{name} cannot be called: {error}.", remedy) from error
    if not isinstance(network, nn.Module):
        raise UsageError(f"{module}:{name} is no torch module but {type(network).__name__}.", FORMS)
    return network
