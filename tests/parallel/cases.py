"""What every process of a team computes for the tests; started by a launcher, or called by a test that is alone.

Rank 0 writes ``CASE.safetensors`` into the folder, and every rank what it has to say as ``CASE-RANK.json``.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "training"))

import safetensors.torch
import torch
from everything import EVERYTHING, PLAIN, network, task
from torch import nn
from torch.nn import functional as F

from lenext.evaluation.inference import probabilities
from lenext.parallel.place import place
from lenext.parallel.team import team_of
from lenext.recipes import SGD
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.following import UnwrittenCheckpoints, UnwrittenLog
from lenext.training.log import MetricLog
from lenext.training.loop import Keeping, fit
from lenext.training.sharded import ShardedTask
from lenext.training.soundness import Diverged
from lenext.training.task import Task
from lenext.training.watch import Silent

# Mixing, cropping, flipping and erasing, which are functions of the place; nothing that depends on who draws.
DRAWN = replace(EVERYTHING, auxiliary=0.0, average=None, exact_statistics=0, optimizer=SGD(lr=0.1, momentum=0.9))
SHARDS = 4


def smooth(*, norm):
    """A network whose gradient is a function of the batch alone."""
    net = network(noisy=False)
    if norm:
        net.stem[1] = nn.BatchNorm2d(4)
    return net


class Doubles:
    """The gradient of a network of doubles, in place of the recipe's in single precision."""

    def __init__(self, net):
        self.net = net

    def __call__(self, inputs, targets, labels):
        logits = self.net(inputs.double())
        loss = F.cross_entropy(logits, targets.double() if targets.is_floating_point() else targets)
        loss.backward()
        return loss.detach(), (logits.argmax(1) == labels).sum()


class Mortal(ShardedTask):
    """A task whose process is interrupted before its step 6, in the middle of an epoch."""

    def learn(self, batch, at, rate, bias_rate=None):
        if at[0] == 6:
            raise KeyboardInterrupt
        return super().learn(batch, at, rate, bias_rate)


def divided(one, team, kind=ShardedTask, **how):
    """A task as a team does it."""
    return kind(**{name: getattr(one, name) for name in Task.__dataclass_fields__}, team=team, **how)


def steps(job, number=6):
    """So many steps of the first epochs; losses and right answers."""
    found, epoch = [], 0
    job.train()
    while len(found) < number:
        order = job.order(epoch)
        for position, batch in zip(job.cuts, job.batches(epoch, order, job.cuts), strict=False):
            found.append([float(value) for value in job.learn(batch, (len(found), epoch, position), 0.1)])
        epoch += 1
    return found


def smooth_task(team=None, *, norm=False, double=False, **how):
    net = smooth(norm=norm)  # synchronised, every process needs an image of every batch: of 8, 8, 8 and 6 it has none
    one = task(replace(DRAWN, batch_size=10 if norm else 8), net=net.double() if double else net, micro_batch=None)
    job = one if team is None else divided(one, team, **how)
    if double:
        job.__dict__["gradients"] = Doubles(net)
    return job


def everything(team, folder, kind=ShardedTask):
    """One sitting of the run with all that is random or remembered, the same bits on any number of processes."""
    job = divided(task(micro_batch=3), team, kind, shards=SHARDS, ordered=True)
    checkpoints = (Checkpoints if team.first else UnwrittenCheckpoints)(folder / "checkpoints")
    checkpoints.folder.mkdir(parents=True, exist_ok=True)
    found, _ = checkpoints.restore_newest(job.network, job.optimizer, job.average.kept)
    progress = found or Progress()
    team.agree("checkpoint", progress.step)
    log = MetricLog(folder / "metrics.jsonl", progress.log_bytes) if team.first else UnwrittenLog()
    fit(job, progress, Keeping(checkpoints, log, 0.0), Silent())
    log.close()


def tested(team):
    """The probabilities of the validation images, those of each process by itself."""
    job = divided(task(micro_batch=3), team, shards=max(2, team.size))
    views = job.validation_views()
    return job.whole(probabilities(job.network, job.pipeline.statistics, views, job.compute))


def poisoned(team):
    """At which step every process sees that rank 1 has a loss that is no number; and whether the weights are good."""
    job = divided(task(PLAIN, micro_batch=None), team, shards=team.size)
    own = job.gradients

    def gradients(inputs, *rest):
        loss, hits = own(inputs, *rest)
        gradients.calls += 1
        return loss * (float("nan") if team.rank == 1 and gradients.calls == 3 else 1), hits

    gradients.calls = 0
    job.__dict__["gradients"] = gradients
    try:
        steps(job)
    except Diverged as error:
        return {"message": str(error), "whole": all(value.isfinite().all() for value in job.network.parameters())}
    return {"message": ""}


def smooth_cases(team):
    """The names and tasks of what is compared with one process."""
    for precision, double in (("fp32", False), ("fp64", True)):
        how = {"double": double, "shards": team.size}
        yield f"average-{precision}", smooth_task(team, **how)
        yield f"sync-{precision}", smooth_task(team, norm=True, batch_norm="sync", **how)


def main(folder):
    with team_of(place(), torch.device("cpu"), print) as team:
        for name, job in smooth_cases(team):
            losses = steps(job)
            if team.first:
                safetensors.torch.save_file(job.network.state_dict(), folder / f"{name}.safetensors")
                (folder / f"{name}.json").write_text(json.dumps(losses))
        scores = torch.from_numpy(tested(team))
        if team.first:
            safetensors.torch.save_file({"scores": scores}, folder / "tested.safetensors")
        everything(team, folder / "whole")
        (folder / f"poisoned-{team.rank}.json").write_text(json.dumps(poisoned(team)))
    with team_of(place(), torch.device("cpu"), print) as team:  # they meet again
        try:
            everything(team, folder / "killed", Mortal)
        except KeyboardInterrupt:
            team.conclude()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
