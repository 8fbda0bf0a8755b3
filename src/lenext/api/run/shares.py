"""What of a run falls to each of its processes: refused where it cannot be divided, else said in a sentence."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lenext.api.options import TrainOptions
from lenext.api.run.job import Job
from lenext.errors import UsageError
from lenext.evaluation.inference import device_of
from lenext.parallel.place import Place
from lenext.parallel.team import Alone
from lenext.training.compiling import OFF, ON
from lenext.training.sharded import BATCH_NORMS, SYNC, ShardedTask
from lenext.training.task import Task


def check_shares(asked: TrainOptions) -> None:
    """Refuse options that contradict each other."""
    if asked.batch_norm not in (None, *BATCH_NORMS):
        raise UsageError(f"There is no --batch-norm {asked.batch_norm!r}.", f"Give one of {', '.join(BATCH_NORMS)}.")
    if asked.shards is not None and not asked.deterministic:
        raise UsageError("--shards divides the batches of a deterministic run.", "Add --deterministic.")
    if asked.deterministic and asked.batch_norm == SYNC:
        raise UsageError(
            "--deterministic takes the statistics of batch normalisation shard by shard, --batch-norm sync of all.",
            "Give one of the two.",
        )


def on_place(asked: TrainOptions, place: Place) -> TrainOptions:
    """The options of one process of several: on GPUs each has its own. Raises UsageError for what one does alone."""
    if place.size == 1:
        return asked
    for name in ("folds", "tune", "find_rate", "time_limit", "compile"):
        if getattr(asked, name) not in (None, False, 0, OFF):
            raise UsageError(
                f"--{name.replace('_', '-')} is for a run on one process, and {place.size} were started.",
                "Leave it out, or start `lenext train` without torchrun or srun.",
            )
    if asked.on_nan == "rollback":
        raise UsageError(
            "--on-nan rollback is for a run on one process.", "Leave it out: all ranks stop and say where."
        )
    return replace(asked, device=device_of(asked.device, place.local))


def check_divided(job: Job, task: Task, team: Alone) -> None:
    """Refuse batches that cannot be divided, before anything is written."""
    size, shards = team.size, shards_of(job, team)
    if shards == 1:
        return
    if shards % size:
        raise UsageError(
            f"The {shards} shards of the run cannot be divided evenly over {size} processes.",
            f"Start a number of processes that divides {shards}, or begin a run with --deterministic --shards {size}.",
        )
    if job.recipe.batch_size < 2 * shards:
        raise UsageError(
            f"A batch of {job.recipe.batch_size} is too small for {shards} shards of at least two images.",
            f"Give --batch-size {2 * shards} or more, or fewer processes or shards.",
        )
    if size > 1 and (job.time_limit or not job.settled or job.compile == ON):
        raise UsageError(
            "A run with a limit of time, a search or a compiled network is one on one process.",
            "Go on with it without torchrun or srun.",
        )
    if job.batch_norm == SYNC and size > 1:
        least = min(stop - start for start, stop in pairwise(task.cuts))
        if least < 2 * size or job.micro_batch:
            raise UsageError(
                f"With --batch-norm sync each of {size} processes needs two images of every batch in one pass "
                f"(the smallest batch has {least}).",
                "Give another --batch-size and no --micro-batch, or --batch-norm local.",
            )


def shards_of(job: Job, team: Alone) -> int:
    """Into how many parts each batch is divided."""
    return job.shards or team.size


def divided(task: Task, job: Job, team: Alone) -> Task:
    """The task as a team does it, or a single process in shards; the task itself where nothing is divided."""
    check_divided(job, task, team)
    if shards_of(job, team) == 1:
        return task
    return ShardedTask(
        **{name: getattr(task, name) for name in Task.__dataclass_fields__},
        team=team,
        shards=shards_of(job, team),
        ordered=job.shards is not None,
        batch_norm=job.batch_norm,
    )


def sentences(job: Job, network: nn.Module, team: Alone, before: int) -> list[str]:
    """How the work is divided, where it is; before: on how many processes the run was until now."""
    shards, batch = shards_of(job, team), job.recipe.batch_size
    if shards == 1 and before == 1:
        return []
    text = f"{team.size} process{'es' if team.size > 1 else ''}"
    if shards > 1:
        text += f", each batch of {batch} in {shards} shards of about {batch // shards} images"
    if any(isinstance(part, _BatchNorm) for part in network.modules()):
        over = "all processes" if job.batch_norm == SYNC else "each shard" if shards > 1 else "the batch"
        text += f"; batch normalisation over the images of {over}"
    if before != team.size and not job.shards:
        text += f". It was {before} until now: equal up to rounding, not to the bit (--deterministic promises that)"
    return [f"{text}."]
