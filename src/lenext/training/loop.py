"""The training loop: the same for every network and recipe, resumable after any step to the same bits."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lenext.data.augment import Pipeline
from lenext.data.draws import noise_seed, permutation
from lenext.data.loader import Loader, batch_cuts
from lenext.errors import Failed, Interrupted
from lenext.evaluation.inference import Compute, probabilities
from lenext.evaluation.metrics import cross_entropy, top_k_correct
from lenext.recipes import Recipe
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.log import MetricLog
from lenext.training.loss import loss_of
from lenext.training.optim import set_rate
from lenext.training.schedule import learning_rate
from lenext.training.signals import StopRequested, StopSignals
from lenext.training.watch import Moment, Watcher


@dataclass(frozen=True)
class Task:
    """Everything that a run computes with; ``validation`` is None when every image trains."""

    network: nn.Module
    optimizer: torch.optim.Optimizer
    recipe: Recipe
    pipeline: Pipeline
    training: Loader
    validation: Loader | None
    compute: Compute

    @property
    def cuts(self) -> list[int]:
        return batch_cuts(len(self.training.part.labels), self.recipe.batch_size)

    @property
    def epochs(self) -> int:
        return self.recipe.epochs or math.ceil((self.recipe.iterations or 0) / (len(self.cuts) - 1))

    @property
    def steps(self) -> int:
        """Steps of the whole run; a recipe that counts iterations may end in the middle of an epoch."""
        return self.recipe.iterations or self.epochs * (len(self.cuts) - 1)


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


class _Session:
    """One sitting of a run: what ``fit`` needs beside the progress that is saved."""

    def __init__(self, task: Task, progress: Progress, keeping: Keeping, watcher: Watcher) -> None:
        self.task, self.progress, self.keeping, self.watcher = task, progress, keeping, watcher
        self.sums = torch.tensor(progress.sums, dtype=torch.float64, device=task.compute.device)
        self.saved = self.clock = self.shown = time.monotonic()
        self.images = 0  # of this sitting, for the speed

    def train_epoch(self, signals: StopSignals) -> None:
        """The batches of the present epoch that are still to be done."""
        task, progress = self.task, self.progress
        cuts = task.cuts[: task.steps - (progress.step - progress.batch) + 1]
        order = permutation(task.pipeline.seed, progress.epoch, len(task.training.part.labels))
        task.network.train()
        for images, labels in task.training.training(task.pipeline, progress.epoch, order, cuts[progress.batch :]):
            self.step(images, labels)
            self.show(len(cuts) - 1)
            signals.poll()
            if time.monotonic() - self.saved > self.keeping.every and progress.batch < len(cuts) - 1:
                self.save()

    def step(self, images: Tensor, labels: Tensor) -> None:
        task, progress, compute = self.task, self.progress, self.task.compute
        recipe = task.recipe
        torch.manual_seed(noise_seed(task.pipeline.seed, progress.step))
        rate = learning_rate(recipe.schedule, recipe.optimizer.lr, progress.step, task.steps, progress.plateau.drops)
        set_rate(task.optimizer, rate)
        images, labels = images.to(compute.device), labels.to(compute.device)
        with compute.autocast():
            logits = task.network(task.pipeline.statistics.normalise(images))
        loss = loss_of(recipe.loss, logits.float(), labels)
        task.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        task.optimizer.step()
        hits = (logits.detach().argmax(1) == labels).sum()
        self.sums += torch.stack([loss.detach().double() * len(labels), hits.double(), hits.new_tensor(len(labels))])
        progress.step, progress.batch = progress.step + 1, progress.batch + 1
        self.images += len(labels)

    def close_epoch(self, signals: StopSignals) -> None:
        """Validate, log, and save."""
        task, progress = self.task, self.progress
        loss, accuracy = self.means()
        row: dict[str, float] = {"epoch": progress.epoch + 1, "step": progress.step, "lr": self.rate()}
        row |= {"loss": loss, "train_top1": accuracy}
        score = None
        if task.validation is not None:
            row |= self.validate(signals)
            if not math.isfinite(row["val_loss"]):
                raise self.lost("validation loss")
            # Right answers, and between equals the lower loss: a fraction below one decides.
            score = row["val_top1"] * len(task.validation.part) + math.exp(-row["val_loss"]) / 2
            progress.plateau.see(task.recipe.schedule, row["val_top1"])
        self.keeping.log.add(row)
        self.watcher.epoch(row)
        progress.epoch, progress.batch, progress.score = progress.epoch + 1, 0, score
        progress.finished = progress.step >= task.steps
        self.sums.zero_()
        self.save()

    def validate(self, signals: StopSignals) -> dict[str, float]:
        loader, task = self.task.validation, self.task
        assert loader is not None
        batches = loader.views(task.recipe.view, task.recipe.batch_size)
        scores = probabilities(task.network, task.pipeline.statistics, batches, task.compute, signals.poll)
        labels = loader.part.labels
        accuracy = float(np.mean(top_k_correct(scores, labels, 1)))
        return {"val_loss": cross_entropy(scores, labels), "val_top1": accuracy}

    def means(self) -> tuple[float, float]:
        """Loss and accuracy of the epoch so far; a loss that is not a number ends the run before it is saved."""
        loss, hits, images = self.sums.tolist()
        if not math.isfinite(loss):
            raise self.lost("loss")
        return loss / max(images, 1), hits / max(images, 1)

    def lost(self, what: str) -> Failed:
        return Failed(
            f"The {what} is not a number at step {self.progress.step:,}; the last checkpoint is from before.",
            "Train with a smaller learning rate (--set optimizer.lr=...), or look at the data with `lenext check`.",
        )

    def rate(self) -> float:
        return float(self.task.optimizer.param_groups[0]["lr"])

    def save(self) -> None:
        self.means()
        now = time.monotonic()
        self.progress.seconds += now - self.clock
        self.progress.sums = tuple(self.sums.tolist())
        self.progress.log_bytes = self.keeping.log.sync()
        self.keeping.checkpoints.save(self.task.network, self.task.optimizer, self.progress)
        self.progress.score = None
        self.saved = self.clock = now
        self.images = 0

    def show(self, batches: int) -> None:
        """Tell the watcher, ten times a second at most."""
        now = time.monotonic()
        if now - self.shown < 0.1 and self.progress.batch != batches:
            return
        self.shown = now
        loss, accuracy = self.means()
        speed = self.images / max(now - self.clock, 1e-9)
        left = (self.task.steps - self.progress.step) * self.task.recipe.batch_size / max(speed, 1e-9)
        moment = Moment(
            self.progress.epoch + 1, self.task.epochs, self.progress.batch, batches, loss, accuracy, speed, left
        )
        self.watcher.step(moment)
