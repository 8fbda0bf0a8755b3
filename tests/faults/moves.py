"""What a run asks of the disk, as work that can be cut off anywhere: saves, rotation, the best, a whole small run."""

from __future__ import annotations

import torch
from torch import nn

from lenext.recipes import SGD
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.optim import build_optimizer

SCORES = (0.5, 0.9, 0.7, None, 0.8, 0.95, 0.6)  # of saves 1, 2, ...: each is in another place, the best moves once


def marked(number):
    """A small network and its optimiser, whose every state says ``number``."""
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    optimizer = build_optimizer(SGD(lr=0.1, momentum=0.9), network)
    network(torch.ones(5, 1, 4, 4)).sum().backward()
    optimizer.step()
    with torch.no_grad():
        for tensor in [*network.state_dict().values(), *(s["momentum_buffer"] for s in optimizer.state.values())]:
            tensor.fill_(number)
    return network, optimizer


def save(folder, number, *, ends=False):
    progress = Progress(epoch=number, step=10 * number, score=SCORES[number - 1], batch=0)
    Checkpoints(folder, ends).save(*marked(number), progress)


def found(folder):
    """(number of the newest whole checkpoint, of the best one): 0 where there is none. Every number in them agrees."""
    checkpoints, (network, optimizer) = Checkpoints(folder), marked(0)
    progress, damaged = checkpoints.restore_newest(network, optimizer)
    newest = 0 if progress is None else progress.epoch
    for tensor in [*network.state_dict().values(), *(s["momentum_buffer"] for s in optimizer.state.values())]:
        assert (tensor == newest).all(), "weights, optimiser and progress belong together"
    best = next(iter(checkpoints.best_first()), None)
    if best is None:
        return newest, 0, damaged
    assert checkpoints.restore_weights(best, network), "the best is whole"
    assert len(set(network[3].bias.tolist())) == 1
    return newest, int(network[3].bias[0]), damaged


def best_of(saves):
    """The save with the highest score among so many."""
    scored = [(score, -number) for number, score in enumerate(SCORES[:saves], 1) if score is not None]
    return -max(scored)[1] if scored else 0
