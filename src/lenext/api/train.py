"""``lenext.train``: from data to a run folder with a trained, measured network and its report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from lenext.api.caution import warn_of_imitation
from lenext.api.options import TrainOptions, read_options
from lenext.api.run.finish import finish
from lenext.api.run.first_phase import Sitting, first_phase
from lenext.api.run.folds import train_folds
from lenext.api.run.prepare import Prepared, check, prepare
from lenext.api.run.same_run import describe
from lenext.api.run.settle import check_compiled, settle
from lenext.api.run.shares import check_divided, divided, on_place, sentences
from lenext.api.run.space import check_space
from lenext.data.augment import Pipeline
from lenext.data.decoded import AUTO, DISK, MEMORY, OFF, DecodedImages, decoded
from lenext.data.enough import enough
from lenext.data.images import FileImages, Images
from lenext.data.item import TRAIN, VAL
from lenext.data.listing import part
from lenext.data.loader import Loader
from lenext.errors import LenextError, UsageError
from lenext.evaluation.inference import Compute
from lenext.parallel.place import place
from lenext.parallel.team import in_words, team_of
from lenext.training.budget import Clock, budget_of
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.compiling import ON
from lenext.training.following import UnwrittenCheckpoints, UnwrittenLog
from lenext.training.goal import goal_of
from lenext.training.log import MetricLog
from lenext.training.loop import Keeping, fit
from lenext.training.optim import build_optimizer
from lenext.training.task import Task
from lenext.training.watch import Silent, Watcher
from lenext.values import encode
from lenext.weights.card import digest

ROLLBACKS = 3  # ours: an eighth of the rate is another recipe


def train(
    data: str | Path | None = None,
    *,
    watcher: Watcher | None = None,
    began: float | None = None,
    last_words: Callable[[LenextError], object] = in_words,
    **asked: Any,
) -> dict[str, Any]:
    """Train a network on a data set; returns the document of ``lenext train --json``.

    data: a built-in name, a folder or a CSV file; None to resume a run with the data it was started on.
    began: the moment of ``time.monotonic`` from which a limit of time counts, else now.
    last_words: says an error before the process ends, where this call cannot return because it waits for a process
    that is lost. Of several processes that a launcher started the first one writes, speaks and gets the document.
    asked: the fields of ``TrainOptions``. Raises the errors of ``lenext.errors``; a signal raises ``Interrupted`` with
    the present step saved.
    """
    options = read_options(TrainOptions, asked, "lenext.train")
    check(options)
    if data is not None and not isinstance(data, str | os.PathLike):
        raise UsageError(f"The data are {data!r}.", "Give a built-in name, or the path of a folder or CSV file.")
    where = place()
    watcher = watcher if watcher and where.first else Silent()
    began = time.monotonic() if began is None else began
    spec = None if data is None else os.fspath(data)
    options = on_place(options, where)
    if options.folds is not None:
        return train_folds(spec, options, watcher, train_one)
    with team_of(where, Compute.choose(options.device).device, last_words) as team:
        return train_one(spec, options, watcher, Sitting(began, team=team))


def train_one(spec: str | None, options: TrainOptions, watcher: Watcher, sitting: Sitting) -> dict[str, Any]:
    """Train one run, from whose beginning a limit of time counts."""
    compute = Compute.choose(options.device, options.precision or "fp32")
    warn_of_imitation(compute, watcher)
    prepared = prepare(spec, options, watcher)
    folder, job, team = prepared.folder, prepared.job, sitting.team
    task = make_task(prepared, options, compute)
    check_divided(job, task, team)
    if prepared.new:
        check_compiled(job, task)
    started = describe(job, prepared.listing, prepared.data, prepared.spec)
    team.agree("run", [os.path.abspath(folder.path), encode(job.recipe), {**started, "threads": None}])
    started |= {"device": compute.device.type, "processes": team.size}
    if team.first:
        check_space(prepared, folder.path)
        if prepared.new:
            folder.create(started, job.recipe, prepared.listing, prepared.statistics, prepared.began)
    team.wait()
    with folder.locked() if team.first else nullcontext():
        return run(prepared, options, compute, watcher, sitting)


def run(
    prepared: Prepared, asked: TrainOptions, compute: Compute, watcher: Watcher, sitting: Sitting
) -> dict[str, Any]:
    """Train from where the folder stands to the end, then measure and write the result."""
    folder, job, network, team = prepared.folder, prepared.job, prepared.network, sitting.team
    compute = Compute(compute.device, job.precision)
    compute.place(network, single=job.recipe.batch_size == 1, sparingly=job.save_memory)
    clock = Clock(folder.seconds, sitting.began) if job.time_limit else None
    pictures = kept_pictures(prepared, asked)
    if asked.cache in (MEMORY, DISK) and not isinstance(pictures, DecodedImages):
        watcher.message(f"--cache {asked.cache} is for files, and the images of {prepared.spec} are in memory already.")

    def task_of(one: Prepared) -> Task:
        return make_task(replace(one, listing=replace(one.listing, images=pictures)), asked, compute)

    prepared = settle(prepared, task_of, asked.save_every, clock, watcher)
    kind = Checkpoints if team.first else UnwrittenCheckpoints
    checkpoints = kind(folder.checkpoints, ends=asked.on_nan == "rollback")
    checkpoints.clear_unfinished()
    team.wait()
    task = divided(task_of(prepared), prepared.job, team)
    for said in sentences(job, network, team, folder.processes):
        watcher.message(said)
    found, damaged = checkpoints.restore_newest(network, task.optimizer, task.average.kept)
    for name in damaged:
        watcher.message(f"The checkpoint {name} is damaged and was passed over.")
    if found is not None and found.finished:
        watcher.message(f"Training ended with step {found.step:,}; the result is measured and written again.")
    elif found is not None:
        watcher.message(f"Going on in epoch {found.epoch + 1} after step {found.step:,}.")
    elif not prepared.new:
        watcher.message("No whole checkpoint is there: the run begins at its first step.")
    progress = found or Progress()
    team.agree("checkpoint", [progress.step, digest(network.state_dict())])
    log = MetricLog(folder.metrics, progress.log_bytes) if team.first else UnwrittenLog()
    rollbacks = ROLLBACKS if asked.on_nan == "rollback" else 0
    keeping = Keeping(checkpoints, log, asked.save_every, budget_of(clock, prepared.job.end), rollbacks)
    try:
        if found is None:
            first_phase(prepared, task, progress, keeping, watcher, sitting.shelf)
            team.agree("head", digest(network.state_dict()))
        fit(task, progress, keeping, watcher)
    finally:
        log.close()
    return finish(prepared, task, progress, watcher) if team.first else {"run": str(folder.path), "rank": team.rank}


def kept_pictures(prepared: Prepared, asked: TrainOptions) -> Images:
    """What training and validation read: files no larger than the recipe wants, decoded once where they can be kept."""
    listing, job = prepared.listing, prepared.job
    if not isinstance(listing.images, FileImages):
        return listing.images
    least = 0 if job.exact else enough(job.recipe.augment, job.recipe.view)
    cache = OFF if job.recipe.epochs == 1 and asked.cache == AUTO else asked.cache
    return decoded(listing.images, listing.contents, prepared.network.input_size[0], least, cache)


def make_task(prepared: Prepared, asked: TrainOptions, compute: Compute) -> Task:
    """What the loop computes with."""
    job, network = prepared.job, prepared.network

    def loader(split: str) -> Loader:
        return Loader(part(prepared.listing, split), network.input_size[0], workers=asked.workers)

    return Task(
        network=network,
        optimizer=build_optimizer(job.recipe.optimizer, network),
        recipe=job.recipe,
        pipeline=Pipeline(job.recipe.augment, prepared.statistics, job.seed),
        training=loader(TRAIN),
        validation=loader(VAL) if VAL in prepared.listing.splits else None,
        compute=compute,
        classes=len(prepared.listing.classes),
        micro_batch=job.micro_batch,
        save_memory=job.save_memory,
        compiled=job.compile == ON,
        goal=goal_of(prepared.listing.task),
    )
