"""The first phase of a run from trained weights: its head, fitted on features that the folds of one set may share."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenext.api.run.prepare import Prepared
from lenext.data.item import TRAIN
from lenext.data.listing import part
from lenext.data.loader import Loader
from lenext.layers.network import Network
from lenext.parallel.team import Alone
from lenext.recipes.transfer import EVERYTHING
from lenext.training.checkpoint import Progress
from lenext.training.features import Views, frozen_features
from lenext.training.head import fit_head, fits, training_features
from lenext.training.loop import Keeping, begin
from lenext.training.task import Task
from lenext.training.watch import Watcher
from lenext.values import encode

Shelf = dict[str, NDArray[np.float64]]  # features by what they depend on


@dataclass(frozen=True)
class Sitting:
    """One training of one run: the ``time.monotonic`` when it began, features that folds share, and who trains."""

    began: float
    shelf: Shelf = field(default_factory=dict)
    team: Alone = field(default_factory=Alone)


def first_phase(
    prepared: Prepared, task: Task, progress: Progress, keeping: Keeping, watcher: Watcher, shelf: Shelf
) -> None:
    """Fit the classifier where it is new, and save the network with it as epoch 0; nothing for other runs."""
    value, start = prepared.job.recipe.transfer, prepared.job.start
    if value is None or start is None or not (start["drawn"] or value.freeze == EVERYTHING):
        return
    if not fits(task.network):
        watcher.message("The classifier is not a linear layer: it is trained by steps from the beginning.")
        return
    clock = time.monotonic()
    source = training_features if prepared.job.fold is None else partial(shared, prepared, shelf)
    fitted = fit_head(task, watcher, source)
    if task.average.kept is not None:
        task.average.kept.load_state_dict(task.network.state_dict())
    progress.seconds += time.monotonic() - clock
    begin(task, progress, keeping, watcher, {"loss": fitted.loss, task.goal.train: fitted.accuracy})


def shared(prepared: Prepared, shelf: Shelf, task: Task, watcher: Watcher) -> NDArray[np.float64]:
    """The training images' rows of features of all images, which every fold of the data computes alike."""
    key = key_of(prepared)
    if key not in shelf:
        everything = part(prepared.listing, None)
        loader = Loader(everything, task.training.channels, task.training.background, task.training.workers)
        assert isinstance(task.network, Network)
        shelf.clear()
        shelf[key] = frozen_features(task.network, loader, Views(task.recipe, task.pipeline), task.compute, watcher)
    return shelf[key][:, part(prepared.listing, TRAIN).indices]


def key_of(prepared: Prepared) -> str:
    """All that the features of the data depend on."""
    job, recipe = prepared.job, prepared.job.recipe
    parts: list[Any] = [prepared.data, job.model, job.reading, dict(job.options), job.start and job.start["sha256"]]
    parts += [encode(recipe.augment), encode(recipe.view), encode(recipe.normalise), encode(recipe.transfer)]
    return json.dumps([*parts, job.seed, job.precision])
