"""``lenext.evaluate``: measure a trained network, or several as an ensemble, on a data set, every image once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenext.api.caution import warn_of_imitation
from lenext.api.data import left_out, ready
from lenext.api.labels import cuts_of, same_task, truths
from lenext.api.options import EvaluateOptions, paths_given, read_options
from lenext.api.trained.answers import Answers, Reading, answers, choose, positions
from lenext.api.trained.doubt import before_others, calibration_of, check, labels_trusted, shown_of, trust_of
from lenext.api.trained.engine_network import open_to_measure
from lenext.api.trained.protocols import choose_protocols
from lenext.data.listing import Listing, fingerprint
from lenext.errors import DataError, LenextError, UsageError
from lenext.evaluation.abroad import Abroad
from lenext.evaluation.inference import Compute, device_of
from lenext.evaluation.label_measure import Measurement, measure_of
from lenext.evaluation.label_trust import LabelTrust
from lenext.evaluation.metrics import Ints
from lenext.evaluation.text import counted, visible
from lenext.evaluation.trust import NOT_CALIBRATED, Trust
from lenext.parallel.place import place
from lenext.parallel.team import Alone, in_words, team_of
from lenext.protocol import MULTILABEL
from lenext.training.watch import Silent, Watcher
from lenext.values import encode
from lenext.weights.card import Card, Model, digest
from lenext.weights.trust import Calibration


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """A measurement; split: of which images, in words; models: paths as given; each: the answers of every network."""

    evaluation: Measurement
    split: str
    models: tuple[str, ...]
    each: tuple[Answers, ...]
    trust: Trust | LabelTrust = NOT_CALIBRATED
    abroad: Abroad | None = None

    def document(self) -> dict[str, Any]:
        """What ``lenext evaluate --json`` prints: the measurement, on which images it was made, and how."""
        return {
            "split": self.split,
            "models": list(self.models),
            **self.evaluation.document(),
            "shown": [encode(one.chosen.protocol) for one in self.each],
            **self.trust.document(),
            **({} if self.abroad is None else {"against": self.abroad.document()}),
        }


def evaluate(
    model: str | Path | Sequence[str | Path], data: str | Path, *, watcher: Watcher | None = None, **asked: Any
) -> dict[str, Any]:
    """The document of ``lenext evaluate --json`` for a model and a data set (as for ``train``).

    model: a run folder, a weight file or the name of a network with published weights; several are an ensemble, which
    answers with the mean of their probabilities, and of their thresholds where images have several labels. Each network
    sees images by its own preprocessing. asked: the fields of ``EvaluateOptions``. Classes are matched by name. Raises
    the errors of ``lenext.errors``.
    """
    options = read_options(EvaluateOptions, asked, "lenext.evaluate")
    models = list(paths_given("lenext.evaluate", model))
    return measured(models, os.fspath(data), options, watcher or Silent()).document()


def measured(
    models: Sequence[str | Path],
    data: str,
    asked: EvaluateOptions,
    watcher: Watcher,
    last_words: Callable[[LenextError], object] = in_words,
) -> Evaluated:
    """The measurement itself; of several processes that a launcher started each shows the networks its share.

    last_words: as for ``train``.
    """
    where = place()
    if where.size > 1:
        asked = replace(asked, device=device_of(asked.device, where.local))
    with team_of(where, Compute.choose(asked.device).device, last_words) as team:
        return measured_by(team, models, data, asked, watcher if team.first else Silent())


def measured_by(
    team: Alone, models: Sequence[str | Path], data: str, asked: EvaluateOptions, watcher: Watcher
) -> Evaluated:
    """The measurement by some processes: each of them gets the whole."""
    reading = replace(reading_of(asked), team=team)
    warn_of_imitation(reading.compute, watcher, asked.engine)
    if not models:
        raise UsageError("No model was named.", "Name a run folder or a weight file, or several as an ensemble.")
    loaded = [open_to_measure(model, asked, watcher) for model in models]
    cards = [model.card for model in loaded]
    same_classes(cards, models)
    calibration = calibration_of(loaded, asked.protocol)
    check(calibration, loaded, unknown=asked.unknown, against=asked.against)
    chosen = choose_protocols(loaded, asked.protocol)
    listing = ready_for(cards, data, asked, watcher)
    images, split = choose(listing, cards, asked.split)
    for card in cards:
        same_task(listing, card)
    absent = sorted(set(cards[0].classes) - set(listing.classes)) if listing.task == MULTILABEL else []
    if absent:
        watcher.message(
            f"No image has the labels {', '.join(map(repr, map(visible, absent)))}, and each counts as absent."
        )
    labels = truths(images, positions(listing, cards[0]), len(cards[0].classes))
    team.agree("data set", [split, images.names, fingerprint(listing) if team.size > 1 else ""])
    team.agree("network", [digest(model.network.state_dict()) for model in loaded] if team.size > 1 else [])
    watcher.message(f"Measuring {counted(len(images), 'image')} ({split}).")
    temperature = None if calibration is None else calibration.temperature
    each = tuple(
        answers(model, images, how, reading, watcher, temperature) for model, how in zip(loaded, chosen, strict=True)
    )
    evaluation = measure_of(ensemble_cuts(cards))(
        ensemble(cards, each),
        labels,
        names=images.names,
        classes=cards[0].classes,
        protocol=asked.protocol,
        views=sum(one.protocol.views for one in chosen),  # GoogLeNet's Table 3 counts 7 networks of 144 as 1008
        unreadable=left_out(listing),
    )
    evaluation = replace(
        evaluation,
        scaled=tuple(dict.fromkeys(one.scaled for one in chosen if one.scaled)),
        macs=sum(one.tested.macs for one in each),
        seconds=sum(one.seconds for one in each),
    )
    found = Evaluated(evaluation=evaluation, split=split, models=tuple(map(str, models)), each=each)
    return found if calibration is None else judged(found, loaded[0], calibration, labels, asked, reading, watcher)


def judged(
    found: Evaluated, model: Model, calibration: Calibration, labels: Ints, asked: EvaluateOptions, reading: Reading,
    watcher: Watcher,
) -> Evaluated:  # fmt: skip
    """The measurement with what it says of a calibration, on its own images and before those of another set."""
    (answered,) = found.each
    own = shown_of(answered, labels)
    if model.card.task == MULTILABEL:
        return replace(found, trust=labels_trusted(calibration, own, found.split))
    rule, trust = trust_of(model, calibration, own, found.split, asked.unknown)
    if asked.against is None:
        return replace(found, trust=trust)
    chosen = answered.chosen
    elsewhere = before_others(model, rule, own, chosen, asked.against, asked.data_root, reading, watcher)
    return replace(found, trust=trust, abroad=elsewhere)


def ready_for(cards: Sequence[Card], data: str, asked: EvaluateOptions, watcher: Watcher) -> Listing:
    """The data set, every image of which all of the networks can be shown."""
    return ready(
        data,
        data_root=asked.data_root,
        workers=asked.workers,
        on_bad=asked.on_bad,
        watcher=watcher,
        least=1,
        channels=[card.preprocessing.channels for card in cards],
    )


def ensemble_cuts(cards: Sequence[Card]) -> tuple[float, ...] | None:
    """The thresholds of labels, of several networks the means of theirs; None where one class answers."""
    each = [cuts_of(card) for card in cards]
    if None in each:
        return None
    by_name = [dict(zip(card.classes, cuts, strict=True)) for card, cuts in zip(cards, each, strict=True) if cuts]
    return tuple(float(np.mean([cuts[name] for cuts in by_name])) for name in cards[0].classes)


def reading_of(asked: EvaluateOptions) -> Reading:
    """The part of the options that says how images go through. Raises UsageError for what is not there."""
    if asked.batch_size < 1 or asked.workers < 0:
        raise UsageError("--batch-size counts from 1, --workers from 0.", "Give whole numbers.")
    compute = Compute.choose(asked.device, asked.precision)
    return Reading(compute=compute, batch_size=asked.batch_size, workers=asked.workers)


def same_classes(cards: Sequence[Card], models: Sequence[str | Path]) -> None:
    """Refuse an ensemble whose networks do not answer the same question; the order of classes does not matter."""
    for card, path in zip(cards, models, strict=True):
        if card.task != cards[0].task:
            raise DataError(
                f"Of {models[0]} and {path}, one answers with a class and the other with any number of labels.",
                "An ensemble needs networks of one task; measure each by itself.",
            )
        strange = sorted(set(card.classes) ^ set(cards[0].classes))
        if strange:
            named = ", ".join(repr(visible(name)) for name in strange[:5]) + (", ..." if len(strange) > 5 else "")
            raise DataError(
                f"{models[0]} and {path} know different classes: {named} only one of them.",
                "An ensemble needs networks of the same classes; use `lenext compare` to set two others side by side.",
            )


def ensemble(cards: Sequence[Card], each: Sequence[Answers]) -> NDArray[np.float32]:
    """The mean of the networks' probabilities, in the order of the first one's classes."""
    total = each[0].tested.probabilities
    for card, one in zip(cards[1:], each[1:], strict=True):
        order = [card.classes.index(name) for name in cards[0].classes]
        total = total + one.tested.probabilities[:, order]
    mean: NDArray[np.float32] = total / np.float32(len(each))
    return mean
