"""Trust in use: what ``evaluate`` and ``predict`` make of the calibration in a weight file."""

from __future__ import annotations

from collections.abc import Sequence

from lenext.api.data import ready
from lenext.api.labels import refuse_labels
from lenext.api.trained.answers import Answers, Reading, answers
from lenext.api.trained.protocols import SINGLE, Chosen
from lenext.data.item import TEST
from lenext.data.listing import part
from lenext.errors import Failed, UsageError
from lenext.evaluation import label_trust, selective
from lenext.evaluation.abroad import Abroad, abroad
from lenext.evaluation.label_trust import LabelTrust
from lenext.evaluation.metrics import Ints
from lenext.evaluation.trust import Rule, Shown, Trust, judge, rule_of
from lenext.training.watch import Watcher
from lenext.weights.card import Model
from lenext.weights.trust import Calibration

NEW_RUN = "Train it with validation images, which teach it how sure it may be."


def calibration_of(models: Sequence[Model], protocol: str) -> Calibration | None:
    """The calibration by which answers are given: that of one network shown one view, for which it was fitted."""
    return models[0].card.calibration if len(models) == 1 and protocol == SINGLE else None


def check(
    calibration: Calibration | None, models: Sequence[Model], *, unknown: float | None, against: str | None
) -> None:
    """Refuse what needs a calibration where there is none."""
    if unknown is not None:
        selective.check_target(unknown)
    option = "--unknown" if unknown is not None else "--against"
    if unknown is None and against is None:
        return
    for model in models:
        refuse_labels(
            model.card,
            f"{option} is for answers that name one class",
            "Leave it out: where no label reaches its threshold, the answer has none.",
        )
    if calibration is not None:
        return
    if len(models) == 1 and models[0].card.calibration is None:
        raise UsageError(f"{option} needs a calibrated network, and this one never was.", NEW_RUN)
    raise UsageError(
        f"{option} is for one network and one view, for which its thresholds were set.",
        f"Name one model, and leave --protocol at {SINGLE}.",
    )


def shown_of(found: Answers, labels: Ints) -> Shown:
    """What a network made of the images that it was watched over."""
    assert found.seen is not None
    return Shown(found.seen.logits(), found.seen.features(), labels)


def trust_of(
    model: Model, calibration: Calibration, own: Shown, split: str, unknown: float | None
) -> tuple[Rule, Trust]:
    """The rule for an error rate, and how it does on the images of a measurement."""
    target = calibration.target if unknown is None else unknown
    rule = rule_of(calibration, model.familiar, target)
    return rule, judge(rule, own, target, judged=fitted_words(split))


def fitted_words(split: str) -> str:
    """Which images judge, and whether they taught as well."""
    fitted = split == "val" or split.startswith("the validation split")
    return f"{split}, by which temperature and thresholds were set as well" if fitted else split


def labels_trusted(calibration: Calibration, own: Shown, split: str) -> LabelTrust:
    """How the probabilities of labels do on the images of a measurement."""
    return label_trust.judge(calibration, own, judged=fitted_words(split))


def before_others(
    model: Model, rule: Rule, own: Shown, chosen: Chosen, data: str, data_root: str | None, reading: Reading,
    watcher: Watcher,
) -> Abroad:  # fmt: skip
    """The network before the test images of another set, or all of its images where it has none for testing."""
    listing = ready(data, data_root=data_root, workers=reading.workers, on_bad="skip", watcher=watcher, least=1)
    images = part(listing, TEST if TEST in listing.splits else None)
    watcher.message(f"Showing {len(images):,} images of {listing.name}.")
    found = answers(model, images, chosen, reading, watcher, rule.calibration.temperature)
    return abroad(rule, own, shown_of(found, images.labels), listing.name)


def rule_to_predict(model: Model, target: float) -> Rule:
    """The rule for an error rate. Raises UsageError for a network without calibration, Failed where none is sure."""
    check(model.card.calibration, [model], unknown=target, against=None)
    assert model.card.calibration is not None
    rule = rule_of(model.card.calibration, model.familiar, target)
    if rule.level is None:
        raise Failed(
            f"An error rate of {target:g} among the answers cannot be promised: the {rule.calibration.images:,} "
            f"validation images do not show it (it takes at least {selective.least_images(target):,} "
            f"sure ones without an error).",
            "Ask for a higher rate, or train with more validation images.",
        )
    return rule
