"""The weights that a run starts from: a run folder's, a file's, or published ones, and what is said of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lenext.api.run.chosen_recipe import as_stored, changes
from lenext.api.run.job import Job
from lenext.data.listing import Listing
from lenext.errors import UsageError
from lenext.layers.first_convolution import said
from lenext.layers.network import Network
from lenext.protocol import MULTICLASS, Preprocessing
from lenext.recipes import FixedChannels
from lenext.recipes.transfer import EVERYTHING
from lenext.training.inherit import go_on_from, inherit_layers
from lenext.training.watch import Watcher
from lenext.values import encode
from lenext.weights.card import digest, has_card, load, weight_file
from lenext.weights.catalogue import entries
from lenext.weights.hub import nearby
from lenext.weights.pretrained import from_file, is_file, published_model


@dataclass(frozen=True)
class Source:
    """A network that was trained before; ``classes`` and ``shown`` (its input) are None where its file names none."""

    network: Network
    classes: tuple[str, ...] | None
    licence: str
    shown: Preprocessing | None = None
    task: str = MULTICLASS


def open_source(weights: str | Path, name: str, watcher: Watcher) -> Source:
    """The network that ``--weights`` means. Raises the errors of ``lenext.load`` and ``lenext.create_model``.

    A word that is no file names published weights of the network ``name``.
    """
    word = nearby(name, os.fspath(weights), watcher)
    if not is_file(name, word):
        model = published_model(name, word, watcher)
    elif Path(word).is_dir() or not Path(word).exists() or has_card(Path(word)):
        model = load(weight_file(Path(word)))
    else:
        network = from_file(name, Path(word), None, {})
        like = next((one for one in entries(name) if one.reading == network.reading), None)
        return Source(network, None, f"that of {Path(word).name}", None if like is None else like.preprocessing)
    return Source(model.network, model.card.classes, model.card.licence, model.card.preprocessing, model.card.task)


def network_of(weights: str) -> str:
    """The network that a run or weight file of ours names. Raises UsageError for weights that name none."""
    path = Path(weights)
    if (path.exists() or os.sep in weights) and has_card(file := weight_file(path)):
        return load(file).card.network
    if ":" not in weights and not path.exists():
        raise UsageError(
            f"There is no run and no weight file {weights}.",
            "Check the path; for published weights of that name, name their network with --model.",
        )
    raise UsageError(
        f"No network was named for the weights {weights}.", "Name theirs with --model; `lenext models` lists them."
    )


def origin(job: Job) -> str:
    """The network whose weights a job wants: that which its recipe inherits from, else its own."""
    return job.model if job.recipe.inherit is None else job.recipe.inherit.network


def with_reading(job: Job, source: Source, asked: str | None, watcher: Watcher) -> Job:
    """The job in the reading of the weights that it goes on from, where no reading was asked for."""
    reading = source.network.reading
    if job.recipe.inherit is not None or asked is not None or reading == job.reading:
        return job
    watcher.message(f"The weights belong to the reading {reading!r} of {source.network.name}, which is trained.")
    return replace(job, reading=reading)


def with_input(job: Job, shown: Preprocessing | None, settings: Sequence[str]) -> Job:
    """The job whose network stays as it came, with the constants of the input that its weights have learnt with.

    Those of a recipe are of its own paper's weights; what ``settings`` say stays.
    """
    recipe = job.recipe
    still = recipe.transfer is not None and recipe.transfer.freeze == EVERYTHING
    told = any(setting.startswith("normalise") for setting in settings)
    if not still or told or shown is None or shown.pixel_mean or len(shown.mean) != job.channels:
        return job
    found = as_stored(replace(recipe, normalise=FixedChannels(mean=shown.mean, std=shown.std)))
    return replace(job, recipe=found, deviations=(*job.deviations, *changes(recipe, found)))


def begin(network: Network, job: Job, source: Source, listing: Listing, watcher: Watcher) -> dict[str, Any]:
    """Put the weights into the network; returns what run and card say of them. Raises UsageError where they misfit."""
    name = source.network.name
    facts: dict[str, Any] = {"network": name, "reading": source.network.reading, "licence": source.licence}
    facts["sha256"] = digest(source.network.state_dict())
    if job.recipe.inherit is not None:
        copied = inherit_layers(network, job.recipe.inherit, source.network)
        watcher.message(f"Starts from {name} in {', '.join(copied)}; all other layers are drawn.")
        return {**facts, "copied": copied}
    same = (source.classes, source.task) == (listing.classes, listing.task)
    fresh = go_on_from(network, source.network, same_classes=same)
    before, channels = source.network.input_size[0], network.input_size[0]
    if before != channels:
        facts["adapted"] = said(before, channels)
        watcher.message(f"Of the weights {facts['adapted']}.")
    new = f"; drawn anew, for these classes: {', '.join(fresh)}" if fresh else ""
    watcher.message(f"Starts from the weights of {name}{new}.")
    return {**facts, "drawn": fresh, "preprocessing": encode(source.shown)}


def begin_again(network: Network, job: Job, listing: Listing, watcher: Watcher) -> None:
    """The weights once more for a run that stopped before its first checkpoint. Raises UsageError if they changed."""
    assert job.start is not None
    path = job.start["weights"]
    found = begin(network, job, open_source(path, origin(job), watcher), listing, watcher)
    if found["sha256"] != job.start["sha256"]:
        raise UsageError(
            f"The weights {path} are others than when the run was started, and it has no checkpoint yet.",
            "Start a new run with another --out.",
        )


def location(weights: str | Path) -> str:
    """Where the weights are, for later: a file's whole path, the name of published ones."""
    word = os.fspath(weights)
    return os.path.abspath(word) if os.path.exists(word) else word


def licence(start: Mapping[str, Any] | None) -> str:
    """What the licence of a run's own weights says of those it started from."""
    origin = "the weights started from random numbers"
    if start is not None:
        origin = f"the weights started from {start['network']}, whose licence is: {start['licence']}"
    return f"that of the training data's owner; {origin}"


def started_from(start: Mapping[str, Any] | None) -> str:
    """The weights that a run began with, and their licence, for its report and its model card."""
    if start is None:
        return "none: trained from scratch"
    return f"{start['network']} ({start['weights']}), whose licence is: {start['licence']}"
