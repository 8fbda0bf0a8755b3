"""What MODEL means in ``predict`` and ``evaluate``: a run folder, a weight file, ``hf:USER/NAME`` of the Hub, or a
network with published weights."""

from __future__ import annotations

import os
from pathlib import Path

from lenext.engines.artefact import is_artefact
from lenext.errors import UsageError, did_you_mean
from lenext.models import ALIASES, FILE_OF
from lenext.weights.card import Model, load
from lenext.weights.catalogue import BEST
from lenext.weights.hub import Repository, entry_of, is_on_hub, weights_of
from lenext.weights.pretrained import published_model
from lenext.weights.store import Listener


def open_model(model: str | Path, weights: str | None, listener: Listener) -> Model:
    """The network that ``model`` means, on the CPU, in evaluation mode, with its classes and its input.

    A file or folder comes before a network of the same name, for which ``weights`` says which published ones (None: the
    best). Raises the errors of ``lenext.load`` and of ``lenext.create_model``.
    """
    word = os.fspath(model)
    if not word:
        raise UsageError("No model was named.", "Name a run folder, a weight file, or a network of `lenext models`.")
    network = word.lower() in FILE_OF or word.lower() in ALIASES
    hub = is_on_hub(word)
    if hub or os.path.exists(word) or not network:
        if weights is not None:
            raise UsageError(
                f"{word} has its own weights, so {weights!r} cannot be used.",
                "Name a network of `lenext models`, or leave the weights out.",
            )
        if hub:
            return from_hub(Repository.read(word), listener)
        if not os.path.exists(word) and os.sep not in word:
            hint = did_you_mean(word, FILE_OF)
            remedy = "Name a run folder, a weight file, or a network that has published weights."
            raise UsageError(f"There is no model at {word}.", f"{remedy} {hint}".strip())
        if is_artefact(word):
            raise UsageError(f"{word} is an exported network, which is closed.", "Name the run that it came from.")
        return load(word)
    return published_model(word, weights or BEST, listener)


def from_hub(repository: Repository, listener: Listener) -> Model:
    """The model of a repository: by its card, or one of timm's that the catalogue knows."""
    entry = entry_of(repository)
    return published_model(entry.network, entry.name, listener) if entry else load(weights_of(repository, listener))
