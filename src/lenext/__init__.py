"""lenext: the line of convolutional image recognisers from LeNet to ConvNeXt, as published and made practical.

Names load when they are first used, so that ``import lenext`` imports no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lenext.api.bench import bench
    from lenext.api.check import check
    from lenext.api.compare import compare
    from lenext.api.evaluate import evaluate
    from lenext.api.explain import explain
    from lenext.api.predict import predict
    from lenext.api.train import train
    from lenext.models import list_models, paper, protocols, recipe
    from lenext.weights.card import load
    from lenext.weights.pretrained import create_model

_HOME = {
    "bench": "lenext.api.bench",
    "check": "lenext.api.check",
    "compare": "lenext.api.compare",
    "create_model": "lenext.weights.pretrained",
    "evaluate": "lenext.api.evaluate",
    "explain": "lenext.api.explain",
    "list_models": "lenext.models",
    "load": "lenext.weights.card",
    "paper": "lenext.models",
    "predict": "lenext.api.predict",
    "protocols": "lenext.models",
    "recipe": "lenext.models",
    "train": "lenext.api.train",
}

__all__ = [
    "__version__",
    "bench",
    "check",
    "compare",
    "create_model",
    "evaluate",
    "explain",
    "list_models",
    "load",
    "paper",
    "predict",
    "protocols",
    "recipe",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'lenext' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
