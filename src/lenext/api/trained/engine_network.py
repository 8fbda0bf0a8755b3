"""Exported networks, and networks by other engines, in the place of a network: for ``lenext evaluate``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor, nn

from lenext.api.options import EvaluateOptions
from lenext.api.trained.engine import compute_of, engine_of
from lenext.api.trained.exported import open_artefact
from lenext.api.trained.model import open_model
from lenext.api.trained.protocols import SINGLE
from lenext.data.statistics import Statistics
from lenext.engines.artefact import is_artefact
from lenext.engines.engine import EAGER, Engine
from lenext.engines.opening import check_name
from lenext.errors import UsageError, WeightFileError
from lenext.training.watch import Watcher
from lenext.values import decode
from lenext.weights.card import Card, Model

if TYPE_CHECKING:
    from lenext.layers.network import Network

GREY_LEVELS = 255


class EngineNetwork(nn.Module):
    """An engine as a module: grey levels as floats (N C H W) to logarithms of probabilities, which softmax undoes."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine

    def forward(self, x: Tensor) -> Tensor:
        """The engine's answers."""
        pixels = x.round().to(torch.uint8).numpy()
        return torch.from_numpy(np.log(np.maximum(self.engine.predict(pixels), 1e-30)))


def open_to_measure(model: str | Path, asked: EvaluateOptions, watcher: Watcher) -> Model:
    """The network that ``model`` means, or what stands for it where an engine computes.

    Raises UsageError for what an engine cannot show: other views than the one it was made for, a look inside.
    """
    if asked.engine is not None:
        check_name(asked.engine)
    if is_artefact(model):
        check(asked)
        if asked.weights is not None:
            raise UsageError(f"{model} has its own weights.", "Leave the weights out.")
        artefact, engine = open_artefact(
            Path(model), asked.engine, asked.precision, asked.device, asked.batch_size, watcher, many=True
        )
        try:
            card = decode(Card, dict(artefact.card) | {"classes": list(artefact.classes)}, "card")
        except UsageError as error:
            raise WeightFileError(f"The card of {model} cannot be read: {error.message}", error.remedy) from None
        return standing_for(card, engine)
    loaded = open_model(model, asked.weights, watcher)
    if asked.engine in (None, EAGER):
        return loaded
    check(asked)
    compute = compute_of(asked.device, asked.precision, asked.engine)
    engine = engine_of(loaded, asked.engine, compute, asked.batch_size, watcher)
    return loaded if engine.name == EAGER else standing_for(loaded.card, engine)


def standing_for(card: Card, engine: Engine) -> Model:
    """What ``evaluate`` takes: pixels reach the engine as they are, and temperature is within it."""
    channels = card.preprocessing.channels
    untouched = Statistics((0.0,) * channels, (1 / GREY_LEVELS,) * channels)
    network = cast("Network", EngineNetwork(engine).eval())
    return Model(network, replace(card, calibration=None), untouched)


def check(asked: EvaluateOptions) -> None:
    """Refuse what needs the network itself."""
    if asked.protocol != SINGLE:
        raise UsageError("Engines show a network its one view.", f"Use --protocol {SINGLE}, or leave --engine out.")
    if asked.unknown is not None or asked.against is not None:
        raise UsageError(
            "--unknown and --against look inside the network, which engines hide.",
            "Leave --engine out, and name the run.",
        )
