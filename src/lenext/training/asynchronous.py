"""A task as a worker of asynchronous SGD computes it: one batch of the run's order, wherever others are."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from lenext.evaluation.inference import probabilities
from lenext.parallel.asynchronous import Server, train
from lenext.training.task import Task

Row = dict[str, float]


@dataclass(frozen=True)
class TaskLearner:
    """Learns ``task``, whose network has no running statistics, at a constant rate."""

    task: Task
    constant: float

    @cached_property
    def own(self) -> Task:
        """The task with a network of one's own: what is sent to another process lies in memory that all share."""
        return replace(self.task, network=copy.deepcopy(self.task.network).train())

    def parameters(self) -> list[Tensor]:
        return list(self.own.network.parameters())

    def rate(self, step: int) -> float:  # noqa: ARG002 - constant
        return self.constant

    def learn(self, step: int) -> tuple[float, float, int]:
        task = self.own
        epoch, batch = divmod(step, task.steps_per_epoch)
        span = task.cuts[batch], task.cuts[batch + 1]
        pixels, labels = next(task.training.spans(task.pipeline, epoch, task.order(epoch), [span]))
        task.seed(step)
        inputs, targets = task.inputs(pixels, labels, epoch, span[0])
        task.zero_grad()
        loss, hits = task.gradients(inputs, targets, labels)
        return float(loss), float(hits), len(labels)


def fit_asynchronously(task: Task, rate: float, workers: int, shards: int, log: Callable[[Row], None]) -> None:
    """Train the task's network; ``log`` gets a row an epoch, with the mean and the largest staleness."""
    parameters = list(task.network.parameters())
    server = Server(torch.cat([one.detach().reshape(-1) for one in parameters]), shards)
    logged = 0

    def look(step: int) -> None:
        nonlocal logged
        epochs = step // task.steps_per_epoch
        if epochs > logged:
            logged = epochs
            log({"epoch": logged, "step": step, **server.figures(), **validated(task, server)})

    train(server, TaskLearner(task, rate), workers, task.steps, look)
    adopt(task, server)


def adopt(task: Task, server: Server) -> None:
    """Put the server's parameters into the task's network."""
    values, _ = server.fetch()
    parameters = list(task.network.parameters())
    with torch.no_grad():
        for one, value in zip(parameters, torch.split(values, [one.numel() for one in parameters]), strict=True):
            one.copy_(value.view_as(one))


def validated(task: Task, server: Server) -> Row:
    """Accuracy of the parameters as they are now."""
    if task.validation is None:
        return {}
    adopt(task, server)
    scores = probabilities(task.network, task.pipeline.statistics, task.validation_views(), task.compute)
    return {"val_top1": float(np.mean(scores.argmax(1) == task.validation.part.labels))}
