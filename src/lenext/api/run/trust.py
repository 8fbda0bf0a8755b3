"""The trust part of a run's end: one pass over each held-out split, one over training images, and what they teach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lenext.api.run.prepare import Prepared
from lenext.data.item import TEST, TRAIN, VAL
from lenext.data.listing import Part, part
from lenext.data.loader import Loader
from lenext.evaluation import label_trust, novelty, trust
from lenext.evaluation.features import seen
from lenext.evaluation.inference import probabilities
from lenext.evaluation.label_trust import LabelTrust
from lenext.evaluation.trust import Shown, Trust
from lenext.protocol import MULTILABEL
from lenext.training.task import Task
from lenext.training.watch import Watcher, watched
from lenext.weights.trust import Calibration, Familiar

ON_VALIDATION = "the validation images, which chose temperature and thresholds as well"
ON_TEST = "the test images, of which nothing was learnt"


@dataclass(frozen=True, kw_only=True)
class Settled:
    """calibration, familiar: for the weight file, None where ``found`` says why; found: for report and model card.

    thresholds: of labels, None where one class answers.
    """

    calibration: Calibration | None
    familiar: Familiar | None
    found: Trust | LabelTrust
    thresholds: tuple[float, ...] | None = None

    @property
    def temperature(self) -> float:
        return 1.0 if self.calibration is None else self.calibration.temperature


def show(prepared: Prepared, task: Task, images: Part, watcher: Watcher) -> Shown:
    """One pass over some images, each by the view of the test."""
    loader = Loader(images, task.training.channels, workers=task.training.workers)
    views = watched(loader.views(task.recipe.view, task.test_batch), len(images), watcher)
    with seen(prepared.network) as caught:
        probabilities(task.network, prepared.statistics, views, task.compute)
    return Shown(caught.logits(), caught.features(), images.labels)


def settle(prepared: Prepared, task: Task, shown: Mapping[str, Shown], watcher: Watcher) -> Settled:
    """Learn temperature and thresholds from the validation images, and judge them on the test images.

    Where there are none, the validation images are judged crosswise.
    """
    if task.goal.task == MULTILABEL:
        return settle_labels(task, shown, watcher)
    reason = trust.unfit(shown.get(VAL))
    if reason:
        watcher.message(f"Not calibrated: {reason}")
        return Settled(calibration=None, familiar=None, found=Trust(reason=reason))
    target, familiar = prepared.job.error_target, learn(prepared, task, watcher)
    calibration = trust.calibrate(shown[VAL], familiar, target)
    rule = trust.rule_of(calibration, familiar, target)
    if TEST in shown:
        found = trust.judge(rule, shown[TEST], target, judged=ON_TEST)
    else:
        found = trust.judge_crosswise(rule, shown[VAL], target)
    return Settled(calibration=trust.with_figures(calibration, found), familiar=familiar, found=found)


def settle_labels(task: Task, shown: Mapping[str, Shown], watcher: Watcher) -> Settled:
    """The same of labels: a temperature, and the threshold of each."""
    calibration, thresholds, reason = label_trust.settled(shown.get(VAL), task.classes)
    if reason:
        watcher.message(f"Not calibrated, and every threshold is a half: {reason}")
    judged, words = (shown[TEST], ON_TEST) if TEST in shown else (next(iter(shown.values())), ON_VALIDATION)
    found = label_trust.judge(calibration, judged, judged=words, reason=reason)
    return Settled(calibration=calibration, familiar=None, found=found, thresholds=thresholds)


def learn(prepared: Prepared, task: Task, watcher: Watcher) -> Familiar | None:
    """What training images look like to the network, None where they are too few; of many every so manieth is seen."""
    images = part(prepared.listing, TRAIN)
    if len(images) < novelty.LEAST:
        return None
    return novelty.learn(show(prepared, task, images.some(novelty.LEARNT), watcher).features)
