"""Networks of torch, ready to be shown files, by whatever engine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from lenext.api.caution import warn_of_imitation
from lenext.api.labels import cuts_of
from lenext.api.options import PredictOptions
from lenext.api.trained.doubt import rule_to_predict
from lenext.api.trained.engine import compute_of, engine_of
from lenext.api.trained.model import open_model
from lenext.data.decode import read_image
from lenext.data.geometry import single_crop
from lenext.engines.engine import EAGER, Engine, Floats
from lenext.errors import UsageError
from lenext.evaluation.features import seen
from lenext.evaluation.inference import Compute, probabilities
from lenext.evaluation.trust import Doubt, Rule
from lenext.training.watch import Watcher
from lenext.weights.card import Model


class Recogniser(Protocol):
    """A network, ready to be shown files."""

    @property
    def classes(self) -> Sequence[str]: ...

    @property
    def cuts(self) -> Sequence[float] | None:
        """Thresholds of labels; None of a network that answers with a class."""
        ...

    @property
    def grows(self) -> bool:
        """Whether batches may be of any size, so that the first answers need not wait for a full one."""
        ...

    def show(self, path: str) -> Any:
        """The view of a file, for ``recognise``. Raises ``ImageError`` only; called by several threads."""
        ...

    def recognise(self, views: Sequence[Any]) -> tuple[Floats, Sequence[Doubt] | None]:
        """Probabilities of views, and the doubts about them where they were asked for."""
        ...


def recogniser(model: str | Path, options: PredictOptions, watcher: Watcher) -> Recogniser:
    """The network that ``model`` means. Raises UsageError for options that do not go together."""
    loaded = open_model(model, options.weights, watcher)
    compute = compute_of(options.device, options.precision, options.engine)
    warn_of_imitation(compute, watcher, options.engine)
    if options.engine in (None, EAGER):
        compute.place(loaded.network)
        rule = None if options.unknown is None else rule_to_predict(loaded, options.unknown)
        return Network(loaded, compute, rule)
    if options.unknown is not None:
        raise UsageError("--unknown looks inside the network, which other engines hide.", "Leave --engine out.")
    return ByEngine(loaded, engine_of(loaded, options.engine, compute, options.batch_size, watcher))


class Shower:
    """Shows files as the network was trained to see them."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.classes: Sequence[str] = model.card.classes
        self.cuts = cuts_of(model.card)

    def show(self, path: str) -> Tensor:  # uint8 1 C H W
        """See ``Recogniser``."""
        shown_as = self.model.card.preprocessing
        image = read_image(path, channels=shown_as.channels, background=shown_as.background)
        return single_crop(image[None], shown_as.view)


class Network(Shower):
    """torch as it comes, exact, and watched inside where a rule says when to doubt."""

    grows = False

    def __init__(self, model: Model, compute: Compute, rule: Rule | None) -> None:
        super().__init__(model)
        self.compute, self.rule = compute, rule

    def recognise(self, views: Sequence[Tensor]) -> tuple[Floats, Sequence[Doubt] | None]:
        """See ``Recogniser``."""
        model = self.model
        with nullcontext() if self.rule is None else seen(model.network) as caught:
            found = probabilities(
                model.network,
                model.statistics,
                [torch.cat(list(views))],
                self.compute,
                temperature=model.temperature,
                activation=model.card.activation,
            )
        if self.rule is None or caught is None:
            return found, None
        return found, list(self.rule.doubts(caught.logits(), caught.features()))


class ByEngine(Shower):
    """Another engine, which takes the same pixels."""

    def __init__(self, model: Model, engine: Engine) -> None:
        super().__init__(model)
        self.engine = engine
        self.grows = engine.name != EAGER

    def recognise(self, views: Sequence[Tensor]) -> tuple[Floats, Sequence[Doubt] | None]:
        """See ``Recogniser``."""
        return self.engine.predict(np.concatenate([view.numpy() for view in views])), None
