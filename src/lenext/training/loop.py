"""The training loop: the same for every network and recipe, resumable after any step to the same bits."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from lenext.data.draws import permutation
from lenext.errors import Failed, Interrupted
from lenext.evaluation.inference import probabilities
from lenext.evaluation.metrics import cross_entropy, top_k_correct
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.log import MetricLog, Row
from lenext.training.optim import set_rate
from lenext.training.schedule import learning_rate
from lenext.training.signals import StopRequested, StopSignals
from lenext.training.task import Task
from lenext.training.totals import Totals
from lenext.training.watch import Moment, Watcher


@dataclass(frozen=True)
class Keeping:
    """Where a run is kept, and how many seconds may pass between two checkpoints."""

    checkpoints: Checkpoints
    log: MetricLog
    every: float


def fit(task: Task, progress: Progress, keeping: Keeping, watcher: Watcher) -> None:
    """Train from ``progress`` to the end. Raises Interrupted after a signal, with the step saved; Failed on NaN."""
    session = _Session(task, progress, keeping, watcher)
    with StopSignals() as signals:
        try:
            while not progress.finished:
                session.train_epoch(signals)
                session.close_epoch(signals)
        except StopRequested as stop:
            session.save()
            raise Interrupted(
                f"Stopped in epoch {progress.epoch + 1} of {task.epochs}, step {progress.step:,}; everything is saved.",
                "Give the same command with --resume to go on from this step.",
                stop.number,
            ) from None


def begin(task: Task, progress: Progress, keeping: Keeping, watcher: Watcher, head: Row) -> None:
    """Validate and save a network whose head was fitted before the first step: epoch 0. Raises Interrupted."""
    session = _Session(task, progress, keeping, watcher)
    with StopSignals() as signals:
        try:
            session.conclude({"epoch": 0, "step": 0, "lr": 0.0, **head}, signals)
        except StopRequested as stop:
            raise Interrupted(
                "Stopped before the first step.", "Give the same command with --resume to begin again.", stop.number
            ) from None


class _Session:
    """One sitting of a run: what ``fit`` needs beside the progress that is saved."""

    def __init__(self, task: Task, progress: Progress, keeping: Keeping, watcher: Watcher) -> None:
        self.task, self.progress, self.keeping, self.watcher = task, progress, keeping, watcher
        self.totals = Totals(progress.sums)
        self.saved = self.clock = self.shown = time.monotonic()
        self.images = 0  # since the last checkpoint, for the speed
        self.speed = 0.0
        self.present_rate = math.nan

    def train_epoch(self, signals: StopSignals) -> None:
        """The batches of the present epoch that are still to be done."""
        task, progress = self.task, self.progress
        cuts = task.cuts[: task.steps - (progress.step - progress.batch) + 1]
        order = permutation(task.pipeline.seed, progress.epoch, len(task.training.part.labels))
        if progress.batch == 0:
            task.begin_epoch(progress.epoch)
        task.train()
        for images, labels in task.training.training(task.pipeline, progress.epoch, order, cuts[progress.batch :]):
            self.step(images, labels, cuts[progress.batch])
            self.show(len(cuts) - 1)
            signals.poll()
            if time.monotonic() - self.saved > self.keeping.every and progress.batch < len(cuts) - 1:
                self.save()

    def step(self, images: Tensor, labels: Tensor, position: int) -> None:
        """One step on the batch that stands at ``position`` of the epoch's order."""
        task, progress = self.task, self.progress
        task.seed(progress.step)
        self.set_rate(self.rate(progress.step))
        labels = labels.to(task.compute.device)
        inputs, targets = task.inputs(images, labels, progress.epoch, position)
        task.zero_grad()
        loss, hits = task.gradients(inputs, targets, labels)
        task.clip()
        task.optimizer.step()
        progress.step, progress.batch = progress.step + 1, progress.batch + 1
        task.average.update(progress.step)
        self.totals.add(loss, hits, len(labels))
        self.images += len(labels)

    def close_epoch(self, signals: StopSignals) -> None:
        """Validate, log, and save."""
        progress = self.progress
        loss, accuracy = self.means()
        row: dict[str, float] = {"epoch": progress.epoch + 1, "step": progress.step, "lr": self.rate(progress.step - 1)}
        row |= {"loss": loss, "train_top1": accuracy}
        self.conclude(row, signals)

    def conclude(self, row: dict[str, float], signals: StopSignals) -> None:
        """Validate what ``row`` tells of, log it, and save."""
        task, progress, score = self.task, self.progress, None
        if task.validation is not None:
            row |= self.validate(signals)
            if not math.isfinite(row["val_loss"]):
                raise self.lost("validation loss")
            # Right answers, and between equals the lower loss: a fraction below one decides.
            score = row["val_top1"] * len(task.validation.part) + math.exp(-row["val_loss"]) / 2
            progress.plateau.see(task.recipe.schedule, row["val_top1"])
        self.keeping.log.add(row)
        self.watcher.epoch(row)
        progress.epoch, progress.batch, progress.score = int(row["epoch"]), 0, score
        progress.finished = progress.step >= task.steps
        self.totals = Totals((0.0, 0.0, 0.0))
        self.save()

    def validate(self, signals: StopSignals) -> dict[str, float]:
        loader, task = self.task.validation, self.task
        assert loader is not None
        batches = loader.views(task.recipe.view, task.test_batch)
        scores = probabilities(task.average.tested, task.pipeline.statistics, batches, task.compute, signals.poll)
        labels = loader.part.labels
        accuracy = float(np.mean(top_k_correct(scores, labels, 1)))
        return {"val_loss": cross_entropy(scores, labels), "val_top1": accuracy}

    def set_rate(self, rate: float) -> None:
        if rate != self.present_rate:
            set_rate(self.task.optimizer, rate)
            self.present_rate = rate

    def rate(self, step: int) -> float:
        """The recipe's rate of a step."""
        task = self.task
        schedule, base = task.recipe.schedule, task.recipe.optimizer.lr
        return learning_rate(schedule, base, step, task.steps, self.progress.plateau.drops, task.steps_per_epoch)

    def means(self) -> tuple[float, float]:
        """Loss and accuracy of the epoch so far; a loss that is not a number ends the run before it is saved."""
        loss, hits, images = self.totals.values()
        if not math.isfinite(loss):
            raise self.lost("loss")
        return loss / max(images, 1), hits / max(images, 1)

    def lost(self, what: str) -> Failed:
        return Failed(
            f"The {what} is not a number at step {self.progress.step:,}; the last checkpoint is from before.",
            "Train with a smaller learning rate (--set optimizer.lr=...), or look at the data with `lenext check`.",
        )

    def save(self) -> None:
        self.means()
        now, task, progress = time.monotonic(), self.task, self.progress
        progress.seconds += now - self.clock
        progress.sums = self.totals.values()
        progress.log_bytes = self.keeping.log.sync()
        self.keeping.checkpoints.save(task.network, task.optimizer, progress, task.average.kept)
        progress.score = None
        self.saved = self.clock = now
        self.images = 0

    def show(self, batches: int) -> None:
        """Tell the watcher, ten times a second at most."""
        now = time.monotonic()
        if now - self.shown < 0.1 and self.progress.batch != batches:
            return
        self.shown = now
        loss, accuracy = self.means()
        if now - self.clock > 1 or not self.speed:  # just after a checkpoint a few images would say nothing
            self.speed = self.images / max(now - self.clock, 1e-9)
        left = (self.task.steps - self.progress.step) * self.task.recipe.batch_size / max(self.speed, 1e-9)
        moment = Moment(
            self.progress.epoch + 1, self.task.epochs, self.progress.batch, batches, loss, accuracy, self.speed, left
        )
        self.watcher.step(moment)
