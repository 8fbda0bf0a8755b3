"""What ``lenext audit`` is given: a network of ours, of another library, of the user's own code, or a file."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lenext.errors import LenextError, UsageError, did_you_mean
from lenext.explanation import keras_graph, onnx_file
from lenext.explanation.form import Form
from lenext.explanation.keras_graph import KerasNetwork
from lenext.explanation.trace import Size
from lenext.layers.network import Network
from lenext.models import create_model
from lenext.weights.adapters.operators import library
from lenext.weights.card import has_card, load, weight_file
from lenext.weights.state_dict import PICKLES, shapes

OURS, TORCHVISION, TIMM, KERAS = "lenext", "torchvision", "timm", "keras"
FORMS = (
    "Give torchvision:NAME, timm:NAME, keras:NAME, package.module:function, a file of weights or an ONNX file, or a "
    "name of ours."
)
FILES = (".safetensors", ".onnx", *PICKLES)

Build = Callable[[], nn.Module]


@dataclass(frozen=True)
class Target:
    """A network and the (channels, height, width) that its makers say it is for, None where they do not.

    form: what a file for inference shows of it; None where all of it can be seen. fresh: builds it anew; None for what
    may have been trained.
    """

    name: str
    network: nn.Module
    size: Size | None
    form: Form | None = None
    fresh: Build | None = None


@dataclass(frozen=True)
class Tensors:
    """A state dict: names and shapes without a network."""

    name: str
    shapes: Mapping[str, tuple[int, ...]]


def read_target(word: str, reading: str = "paper") -> Target | Tensors:
    """What ``word`` means; it is never downloaded. ``reading`` is for a network of ours.

    Raises UsageError for what is not there or not a network, and the errors of weight files.
    """
    scheme, colon, name = word.partition(":")
    makers: dict[str, Callable[[str], Build]] = {TORCHVISION: from_torchvision, TIMM: from_timm}
    ours = scheme == OURS or not (colon or looks_like_path(word))
    if reading != "paper" and not ours:
        raise UsageError(f"{word!r} has no readings.", "Leave --reading out: only `lenext models` have them.")
    fresh: Build | None = None
    if ours:
        network = without_memory(lambda: create_model(name if colon else word, reading=reading))
    elif not colon or os.path.exists(word):
        return from_file(word)
    elif scheme in makers:
        fresh = makers[scheme](name)
        network = without_memory(fresh)
    elif scheme == KERAS:
        network = from_keras(name)
    else:
        network, fresh = from_import_path(scheme, name)
    return Target(word, network, declared_size(network), fresh=fresh)


def looks_like_path(word: str) -> bool:
    return os.path.exists(word) or os.sep in word or word.lower().endswith(FILES)


def from_file(word: str) -> Target | Tensors:
    """An ONNX graph, a run or weight file of ours, else the tensors that a file holds."""
    graph = Path(word) / "model.onnx"  # of a folder that `lenext export` made
    file = graph if graph.is_file() else weight_file(Path(word))
    kind = file.suffix.lower()
    if kind == ".onnx":
        network, size = onnx_file.read(str(file))
        return Target(word, network, size, network.form)
    if kind in PICKLES or (kind == ".safetensors" and not has_card(file)):
        return Tensors(word, shapes(file))
    ours = load(word).network
    return Target(word, ours, ours.input_size)


def declared_size(network: nn.Module) -> Size | None:
    """Ours, timm's and Keras' networks say for which images they are."""
    if isinstance(network, Network):
        return network.input_size
    if isinstance(network, KerasNetwork):
        return network.size
    told = getattr(network, "default_cfg", None)
    size = told.get("input_size") if isinstance(told, dict) else None
    return (size[0], size[1], size[2]) if size and len(size) == 3 else None


def without_memory(build: Build) -> nn.Module:
    """The network without memory for weights, or with it where its constructor computes with numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the constructor's initial weights, which nobody will use
        try:
            with torch.device("meta"):
                return build()
        except RuntimeError:  # an operator without a meta kernel, or a constructor that reads its weights
            return build()


def from_torchvision(name: str) -> Build:
    models = imported("torchvision.models", TORCHVISION)
    if name not in models.list_models():
        raise UsageError(f"torchvision has no network {name!r}.", did_you_mean(name, models.list_models()) or FORMS)
    options = {"init_weights": False} if name in {"googlenet", "inception_v3"} else {}  # their papers print no law
    return lambda: models.get_model(name, weights=None, **options)


def from_timm(name: str) -> Build:
    timm = imported("timm", TIMM)
    if not timm.is_model(name):
        raise UsageError(f"timm has no network {name!r}.", did_you_mean(name, timm.list_models()) or FORMS)
    return lambda: timm.create_model(name, pretrained=False)


def imported(module: str, package: str) -> Any:
    try:
        return library(module)
    except ImportError as error:
        raise UsageError(f"{package} is not installed here.", f"Install it: pip install {package}.") from error


def from_keras(name: str) -> nn.Module:
    """The graph of a network of ``keras.applications``."""
    keras = keras_itself()
    known = {word: found for word, found in vars(keras.applications).items() if word[0].isupper() and callable(found)}
    if name not in known:
        same = next((word for word in known if word.lower() == name.lower()), "")
        hint = f"Did you mean {same}?" if same else did_you_mean(name, known) or FORMS
        raise UsageError(f"keras.applications has no network {name!r}.", hint)
    try:
        return KerasNetwork(keras_graph.without_memory(lambda: known[name](weights=None)))
    except ValueError as error:
        raise UsageError(f"keras:{name} cannot be built: {error}", "Choose another backend: KERAS_BACKEND.") from error


def keras_itself() -> Any:
    """The package, which must be Keras 3."""
    choose_backend()
    try:
        keras = importlib.import_module(KERAS)
    except ImportError as error:
        if importlib.util.find_spec(KERAS) is None:
            raise UsageError("keras is not installed here.", "Install it: pip install keras.") from error
        raise UsageError(f"Keras cannot be imported: {error}.", "Set KERAS_BACKEND=torch.") from error
    if not hasattr(keras, "KerasTensor"):
        raise UsageError(f"Keras {keras.__version__} is too old.", "Install Keras 3: pip install -U keras.")
    return keras


def choose_backend() -> None:
    """Keras on torch, where it is not imported yet and nothing else is asked for."""
    if KERAS not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", "torch")


def from_import_path(module: str, name: str) -> tuple[nn.Module, Build | None]:
    """``package.module:thing``, looked for in the current folder too: a module, or what returns one when called."""
    here = str(Path.cwd())
    choose_backend()
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"{module}:{name} cannot be imported: {error}.", FORMS) from error
    except Exception as error:  # somebody's code, which may raise anything
        raise failed(f"{module} cannot be imported", error) from error
    try:
        network = found if isinstance(found, nn.Module) or is_keras(found) else built(found)
    except TypeError as error:
        remedy = "Name a torch module or a Keras model, or a function that makes one without arguments."
        raise UsageError(f"{module}:{name} cannot be called: {error}.", remedy) from error
    except LenextError:
        raise
    except Exception as error:
        raise failed(f"{module}:{name} makes no network", error) from error
    if is_keras(network):  # first: on torch, its layers are torch modules too
        return KerasNetwork(network), None
    if not isinstance(network, nn.Module):
        raise UsageError(f"{module}:{name} is no torch module or Keras model but {type(network).__name__}.", FORMS)
    return network, None if network is found else found


def failed(what: str, error: Exception) -> UsageError:
    """What to raise of code that is not ours: its own error, and where it was raised."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    said = f"{type(error).__name__}: {error} in {place.filename}, line {place.lineno}"
    return UsageError(f"{what}: {said}.", "Correct that code, and try it in Python first.")


def built(build: Callable[[], Any]) -> Any:
    """What somebody's function makes, where it may be a module of torch or a model of Keras."""
    return without_memory((lambda: keras_graph.without_memory(build)) if KERAS in sys.modules else build)


def is_keras(thing: Any) -> bool:
    keras = sys.modules.get(KERAS)
    return keras is not None and hasattr(keras, "KerasTensor") and isinstance(thing, keras.Layer)
