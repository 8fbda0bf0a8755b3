"""The training loop: the same for every network and recipe, resumable after any step to the same bits."""

from __future__ import annotations

import gc
import math
import time
from dataclasses import dataclass, field

from lenext.errors import ImageError, Interrupted
from lenext.evaluation.inference import probabilities
from lenext.evaluation.memory import ran_out
from lenext.recipes import Schedule
from lenext.training.budget import Unlimited
from lenext.training.checkpoint import Checkpoints, Progress, optimizer_tensors
from lenext.training.goal import activation
from lenext.training.log import MetricLog, Row
from lenext.training.memory import too_large
from lenext.training.schedule import learning_rate
from lenext.training.signals import StopRequested, StopSignals
from lenext.training.soundness import Diverged, lost, magnitude, unsound
from lenext.training.task import Batch, Task, nothing
from lenext.training.totals import Totals
from lenext.training.watch import Moment, Watcher
from lenext.weights.durable import DiskFull


@dataclass(frozen=True)
class Keeping:
    """Where a run is kept, how many seconds may pass between two checkpoints, and how many there are in all.

    rollbacks: how often a run whose numbers are lost goes back to the last end of an epoch, with half the rate.
    """

    checkpoints: Checkpoints
    log: MetricLog
    every: float
    budget: Unlimited = field(default_factory=Unlimited)
    rollbacks: int = 0


def fit(task: Task, progress: Progress, keeping: Keeping, watcher: Watcher) -> None:
    """Train from ``progress`` to the end. Raises Interrupted after a signal and ImageError, both with the step saved;
    Diverged and other Failed with the last checkpoint whole.
    """
    session = _Session(task, progress, keeping, watcher)
    with task.signals as signals:
        try:
            if keeping.rollbacks and not progress.step:
                session.save()  # what the first epoch goes back to
            while not progress.finished:
                try:
                    session.train_epoch(signals)
                    session.close_epoch(signals)
                except Diverged as error:
                    session.roll_back(error)
        except ImageError:
            if progress.batch:
                session.save()
            raise
        except StopRequested as stop:
            session.save()
            raise Interrupted(
                f"Stopped in epoch {progress.epoch + 1} of {session.epochs}, step {progress.step:,}; all is saved.",
                "Give the same command with --resume to go on from this step.",
                stop.number,
            ) from None


def begin(task: Task, progress: Progress, keeping: Keeping, watcher: Watcher, head: Row) -> None:
    """Validate and save a network whose head was fitted before the first step: epoch 0. Raises Interrupted."""
    session = _Session(task, progress, keeping, watcher)
    with task.signals as signals:
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
        # Of single images the next loss shows as much, and a look at the weights takes a tenth of the step.
        self.magnitude = magnitude(task.network) if task.recipe.batch_size > 1 else nothing
        self.start_totals()
        self.saved = self.clock = self.shown = time.monotonic()
        self.images = 0  # since the last checkpoint, for the speed
        self.speed = 0.0
        self.pause = keeping.every
        self.done = 0  # steps of the present epoch in this sitting
        task.scaling.restore(progress.scale)

    def start_totals(self) -> None:
        """Count on from the progress."""
        self.first, self.totals = self.progress.batch, Totals(self.progress.sums)

    def train_epoch(self, signals: StopSignals) -> None:
        """The batches of the present epoch that are still to be done."""
        task, progress = self.task, self.progress
        cuts = task.cuts[: self.steps - (progress.step - progress.batch) + 1]
        order = task.order(progress.epoch)
        if progress.batch == 0:
            task.begin_epoch(progress.epoch)
        task.train()
        batches = task.batches(progress.epoch, order, cuts[progress.batch :])
        for batch in signals.reading(batches):
            self.step(batch, (cuts[progress.batch], cuts[progress.batch + 1]))
            self.show(len(cuts) - 1)
            signals.poll()
            if self.keeping.budget.over():
                return
            if time.monotonic() - self.saved > self.pause and progress.batch < len(cuts) - 1:
                self.save_if_there_is_room()

    def step(self, batch: Batch, span: tuple[int, int]) -> None:
        """One step on the batch that stands at ``span`` of the epoch's order: from its start, up to its stop."""
        task, progress = self.task, self.progress
        at, images = (progress.step, progress.epoch, span[0]), span[1] - span[0]
        short = False
        try:
            loss, hits = task.learn(batch, at, self.rate(progress.step), self.bias_rate(progress.step))
        except (MemoryError, RuntimeError) as error:
            if not ran_out(error):
                raise
            short = True
        if short:  # out of the handler, whose error holds what was computed
            gc.collect()
            raise too_large(task, *batch, at)
        progress.step, progress.batch = progress.step + 1, progress.batch + 1
        task.average.update(progress.step)
        self.totals.add(loss, hits, images, self.magnitude())
        self.images += images
        self.done += 1

    def close_epoch(self, signals: StopSignals) -> None:
        """Validate, log, and save."""
        progress = self.progress
        loss, accuracy = self.means()
        row: dict[str, float] = {"epoch": progress.epoch + 1, "step": progress.step, "lr": self.rate(progress.step - 1)}
        row |= {"loss": loss, self.task.goal.train: accuracy}
        self.conclude(row, signals)

    def conclude(self, row: dict[str, float], signals: StopSignals) -> None:
        """Validate what ``row`` tells of, log it, and save."""
        task, progress, score = self.task, self.progress, None
        if task.validation is not None:
            row |= self.validate(signals)
            if not math.isfinite(row["val_loss"]):
                raise lost("validation loss", progress.step, ())
            # Right answers, and between equals the lower loss: a fraction below one decides.
            figure = row[task.goal.val]
            score = figure * len(task.validation.part) + math.exp(-row["val_loss"]) / 2
            progress.plateau.see(task.recipe.schedule, figure)
            progress.waiting.see(score)
        self.keeping.log.add(row)
        self.watcher.epoch(row)
        progress.epoch, progress.batch, progress.score = int(row["epoch"]), 0, score
        progress.finished = self.ended()
        progress.sums = (0.0, 0.0, 0.0)
        self.start_totals()
        self.save()

    def validate(self, signals: StopSignals) -> dict[str, float]:
        loader, task = self.task.validation, self.task
        assert loader is not None
        batches = task.validation_views()
        scores = probabilities(
            task.average.tested,
            task.pipeline.statistics,
            batches,
            task.compute,
            signals.poll,
            activation=activation(task.goal),
        )
        return task.goal.validated(task.whole(scores), loader.part.labels)

    def ended(self) -> bool:
        """Whether the epoch that is over was the last one; what does not fit in the time that is left is taken off."""
        task, progress = self.task, self.progress
        budget, left = self.keeping.budget, self.steps - progress.step
        budget.lap(self.done)
        self.done = 0
        fitting = budget.fitting(left, task.steps_per_epoch)
        if 0 < fitting < left:
            progress.pace = progress.pace.shortened(progress.step, fitting, task.steps)
            epochs = fitting / task.steps_per_epoch
            self.watcher.message(f"Slower than planned: {epochs:.3g} more epochs, at whose end the schedule ends too.")
        return fitting == 0 or progress.waiting.over(task.recipe.patience)

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.progress.pace.steps(self.task.steps)

    @property
    def epochs(self) -> int:
        return math.ceil(self.steps / self.task.steps_per_epoch)

    def bias_rate(self, step: int) -> float | None:
        """That of biases which have a schedule of their own, before their factor; None where they have none."""
        schedule = getattr(self.task.recipe.optimizer, "bias_schedule", None)
        return None if schedule is None else self.rate(step, schedule)

    def rate(self, step: int, schedule: Schedule | None = None) -> float:
        """The rate of a step, by the recipe's schedule unless another is given."""
        task, progress = self.task, self.progress
        schedule = schedule or task.recipe.schedule
        base, place = task.recipe.optimizer.lr, progress.pace.step(step, task.steps)
        base *= 0.5**progress.rollbacks
        return learning_rate(schedule, base, place, task.steps, progress.plateau.drops, task.steps_per_epoch)

    def means(self) -> tuple[float, float]:
        """Loss and accuracy of the epoch so far; what is not a number ends the run before it is saved."""
        loss, hits, images = self.totals.values()
        if self.totals.lost is not None:
            (index, what), task, progress = self.totals.lost, self.task, self.progress
            batch = self.first + index
            rows = task.order(progress.epoch)[task.cuts[batch] : task.cuts[batch + 1]]
            names = [task.training.part.names[row] for row in rows]
            raise lost(what, progress.step - progress.batch + batch + 1, names)
        return loss / max(images, 1), hits / max(images, 1)

    def roll_back(self, error: Diverged) -> None:
        """Go back to the last end of an epoch with half the rate; raises ``error`` where that was done often enough."""
        task, progress, keeping = self.task, self.progress, self.keeping
        times, modules = progress.rollbacks + 1, (task.network, task.optimizer, task.average.kept)
        found = None
        if times <= keeping.rollbacks:
            found, _ = keeping.checkpoints.restore_newest(*modules, wanted=lambda one: one.batch == 0)
        if found is None:
            raise error
        keeping.checkpoints.forget_after(found)
        vars(progress).update(vars(found), rollbacks=times, seconds=progress.seconds)
        keeping.log.cut(progress.log_bytes)
        task.scaling.restore(progress.scale)
        self.start_totals()
        self.done = 0
        self.watcher.message(
            f"{error.message} Back to the end of epoch {progress.epoch}; from there the rates are "
            f"{0.5**times:g} of the recipe's (time {times} of {keeping.rollbacks})."
        )

    def save_if_there_is_room(self) -> None:
        """Between two ends of epochs a full disk is said, and the next try comes in its time."""
        try:
            self.save()
        except DiskFull as error:
            self.saved = time.monotonic()
            self.watcher.message(
                f"{error.message} The checkpoint before is whole; training goes on, and saving is tried again in "
                f"{self.keeping.every:g} s."
            )

    def check(self) -> None:
        """Refuse to save what is not a number."""
        kept = [module.state_dict() for module in (self.task.network, self.task.average.kept) if module is not None]
        for tensors in (*kept, optimizer_tensors(self.task.optimizer)):
            name = unsound(tensors)
            if name is not None:
                raise lost(f"tensor {name}", self.progress.step, ())

    def save(self) -> None:
        self.means()
        self.check()
        now, task, progress = time.monotonic(), self.task, self.progress
        progress.seconds += now - self.clock
        self.clock = now
        progress.sums = self.totals.values()
        progress.scale = task.scaling.state()
        progress.log_bytes = self.keeping.log.sync()
        self.keeping.checkpoints.save(task.network, task.optimizer, progress, task.average.kept)
        progress.score = None
        self.saved, every = now, self.keeping.every
        # Saving takes at most a fiftieth of the time, where twice the pause is enough for that.
        self.pause = min(2 * every, max(every, 49 * (time.monotonic() - now)))
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
        left = (self.steps - self.progress.step) * self.task.recipe.batch_size / max(self.speed, 1e-9)
        moment = Moment(
            self.progress.epoch + 1, self.epochs, self.progress.batch, batches, loss, accuracy, self.speed, left
        )
        self.watcher.step(moment)
