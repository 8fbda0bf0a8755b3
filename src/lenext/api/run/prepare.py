"""Everything of a run before its first step: found, checked, decided; nothing is written yet."""

from __future__ import annotations

import copy
import math
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from lenext.api.data import ready
from lenext.api.options import ON_BAD, ON_NAN, TrainOptions, check_counts
from lenext.api.run import job as jobs
from lenext.api.run.chosen_channels import asked_channels, usual_channels
from lenext.api.run.chosen_network import choose_model, situation
from lenext.api.run.folder import RunFolder, under_runs
from lenext.api.run.job import Job, decide
from lenext.api.run.same_run import departures, same_data, same_job, same_recipe
from lenext.api.run.shares import check_shares
from lenext.api.run.short_options import check_options
from lenext.api.run.start import (
    begin,
    begin_again,
    location,
    network_of,
    open_source,
    origin,
    with_input,
    with_reading,
)
from lenext.api.run.transfer import PRACTICAL, check_transfer, shown_before, starts_from, transfers
from lenext.data.decoded import check_cache
from lenext.data.folds import divided
from lenext.data.item import TRAIN
from lenext.data.known import Known
from lenext.data.listing import Listing, fingerprint, part
from lenext.data.loader import Loader, batch_cuts
from lenext.data.statistics import Statistics
from lenext.errors import DataError, UsageError
from lenext.evaluation.inference import AUTO, Compute, check_precision
from lenext.evaluation.text import counted
from lenext.layers.network import Network
from lenext.models import canonical
from lenext.protocol import MULTICLASS
from lenext.recipes import PixelMean, Recipe
from lenext.training.checkpoint import Checkpoints
from lenext.training.compiling import COMPILE, ON, compiler_missing
from lenext.training.input_form import check_form
from lenext.training.watch import Watcher
from lenext.values import decode
from lenext.weights.catalogue import BEST

SAID_BY = {"length": ("epochs", "iterations"), "batch": ("batch_size",)}  # a rule's first word: fields not said again
FEW_STEPS = 50  # ours: LeNet-5 took 20 of 36 images and had learnt nothing, ResNet-20 learnt them by heart in 60


@dataclass(frozen=True)
class Prepared:
    """A run that could begin: ``new`` when its folder is still to be made, ``spec`` as the data were named.

    listing: with the validation split; data: the fingerprint of the listing before that split was made; began: the
    clock's nanoseconds before the data were read.
    """

    folder: RunFolder
    job: Job
    listing: Listing
    data: str
    network: Network
    statistics: Statistics
    new: bool
    spec: str
    began: int = 0

    def to_try(self, **changed: Any) -> Prepared:
        """The run of a job that is so changed, with a copy of the network, which may be spoilt."""
        return replace(self, job=replace(self.job, **changed), network=copy.deepcopy(self.network))


def check(asked: TrainOptions) -> None:
    """Refuse values that no run can have."""
    asked_channels(asked)
    check_form(asked.image_size, asked.fit)
    check_counts(asked, "epochs", "batch_size", "micro_batch", "threads", "patience", "tune", "shards")
    if asked.precision is not None:
        check_precision(asked.precision)
    if asked.validation is not None and not 0 <= asked.validation < 1:
        raise UsageError(f"--validation is {asked.validation}.", "Give a share from 0 to below 1.")
    if asked.on_bad not in ON_BAD:
        raise UsageError(f"--on-bad is {asked.on_bad!r}.", f"Give one of {', '.join(ON_BAD)}.")
    if asked.on_nan not in ON_NAN:
        raise UsageError(f"--on-nan is {asked.on_nan!r}.", f"Give one of {', '.join(ON_NAN)}.")
    if not 0 <= asked.save_every < math.inf:
        raise UsageError(f"--save-every is {asked.save_every}.", "Give seconds, 0 or more.")
    if asked.workers < 0:
        raise UsageError(f"--workers is {asked.workers}.", "Give 0 or more threads.")
    check_cache(asked.cache)
    check_compile(asked)
    check_options(asked)
    check_shares(asked)


def check_compile(asked: TrainOptions) -> None:
    """Refuse a word that is none, and a compiler that is not there."""
    if asked.compile not in (None, *COMPILE):
        raise UsageError(f"--compile is {asked.compile!r}.", f"Give one of {', '.join(COMPILE)}.")
    missing = compiler_missing(Compute.choose(asked.device).device) if asked.compile == ON else None
    if missing:
        raise UsageError(f"Nothing can be compiled here: {missing}.", "Install it, or train with --compile off.")
    if asked.compile in (ON, AUTO) and (asked.save_memory or asked.deterministic):
        raise UsageError(
            "A compiled network decides itself what it keeps and in which order it sums.",
            "Leave --compile out, or --save-memory and --deterministic.",
        )


def prepare(spec: str | None, asked: TrainOptions, watcher: Watcher) -> Prepared:
    """Everything that can go wrong before the first step, in the order in which it is cheap."""
    if asked.model is not None:
        asked = replace(asked, model=canonical(asked.model))  # a wrong name is said before a long scan
    elif asked.resume and asked.out is None:
        raise UsageError("No network was named.", "Name the run's with --model, or its folder with --out.")
    check_transfer(asked)
    known = asked.out is not None or asked.model is not None
    folder = choose_folder(spec, asked) if known else None
    if folder is not None and asked.resume and folder.exists():
        return prepare_again(folder, spec, asked, watcher)
    if spec is None:
        raise UsageError("No data were named.", "Give a folder, a CSV file or a built-in name: `lenext train digits`.")
    if asked.threads or asked.deterministic:
        torch.set_num_threads(asked.threads or 1)  # as many whoever launches: another number sums in another order
    began = time.time_ns()
    listing = read(spec, asked, asked_channels(asked), watcher)
    if asked.model is None:
        asked = chosen(asked, listing, watcher)
    prepared = prepare_new(folder or choose_folder(spec, asked), spec, listing, asked, watcher)
    return replace(prepared, began=began)


def prepare_new(folder: RunFolder, spec: str, listing: Listing, asked: TrainOptions, watcher: Watcher) -> Prepared:
    """A run that begins: decided for the data, built, and given the weights that it starts from."""
    assert asked.model is not None
    weights = starts_from(asked)
    source = open_source(weights, asked.model, watcher) if weights is not None and transfers(asked) else None
    job = decide(asked, listing, None if source is None else source.shown)
    if job.recipe.batch_size == 1 and not asked.threads:
        torch.set_num_threads(1)  # a step on one image is too small for two: they would wait for each other
    data, listing = fingerprint(listing), divide(listing, job)
    if weights is not None and source is None:
        source = open_source(weights, origin(job), watcher)
    if source is not None:
        job = with_input(with_reading(job, source, asked.reading, watcher), source.shown, asked.settings)
    network = jobs.build(job, listing)
    if source is not None and weights is not None:
        facts = begin(network, job, source, listing, watcher)
        job = replace(job, start={"weights": location(weights), **facts})
    check_started(job)
    announce(job, listing, watcher)
    loader = Loader(part(listing, TRAIN), network.input_size[0], workers=asked.workers)
    return Prepared(folder, job, listing, data, network, jobs.statistics(job, loader), True, spec)


def chosen(asked: TrainOptions, listing: Listing, watcher: Watcher) -> TrainOptions:
    """What was asked, with a network where none was named; says which and why."""
    word = asked.weights is not None and os.fspath(asked.weights)
    if word not in (False, BEST) and starts_from(asked) is not None:
        own = network_of(str(word))
        watcher.message(f"{own} is trained: the network of the weights {word}.")
        return replace(asked, model=own)
    gpu = Compute.choose(asked.device).device.type != "cpu"
    free = asked.recipe in (None, PRACTICAL) and asked.reading is None and not asked.options
    choice = choose_model(situation(listing, gpu=gpu, weights=free and (word is False or word == BEST)))
    if word == BEST and choice.weights is None:
        raise UsageError(
            f"No network with published weights suits these data and is on this machine ({choice.why}).",
            "Name one with --model, whose weights are then downloaded.",
        )
    start = " from its ImageNet weights" if choice.weights else ""
    watcher.message(f"{choice.model} is trained{start}: {choice.why} (--model names another).")
    return replace(asked, model=choice.model, weights=choice.weights)


def check_started(job: Job) -> None:
    """Refuse a recipe for transfer without anything to transfer."""
    if job.recipe.transfer is not None and job.start is None:
        raise UsageError(
            f"The recipe {job.recipe.name} is one for transfer, and no weights are given.",
            "Name them: --weights imagenet, a run folder or a file; or train with --set transfer=null.",
        )


def announce(job: Job, listing: Listing, watcher: Watcher) -> None:
    """Say what will be trained, how, and what is otherwise than the recipe was written for."""
    recipe, images = job.recipe, len(part(listing, TRAIN))
    kind = "classes" if listing.task == MULTICLASS else "labels"
    how = f"Training {job.model} (reading: {job.reading}) by the recipe {recipe.name}"
    lines = [f"{how} on {images:,} images of {len(listing.classes):,} {kind}."]
    said = {field for rule in job.rules for field in SAID_BY.get(rule.partition(" ")[0], ())}
    fields = [line for line in job.deviations if line.partition(":")[0] not in said]
    lines += [f"  {line}" for line in (*job.rules, *fields)]
    if recipe.iterations is not None:
        passes = recipe.iterations / (len(batch_cuts(images, recipe.batch_size)) - 1)
        lines.append(f"  {recipe.iterations:,} iterations are {passes:,.1f} passes over these images (see --epochs)")
    if recipe.inherit is not None and job.start is None:
        layers = ", ".join(recipe.inherit.layers)
        lines.append(f"  {layers} are drawn; the recipe takes them from {recipe.inherit.network} (see --weights)")
    steps = recipe.iterations or (recipe.epochs or 0) * (len(batch_cuts(images, recipe.batch_size)) - 1)
    if job.start is None and 0 < steps < FEW_STEPS:
        lines.append(
            f"  {counted(steps, 'step')} from random weights {'teaches' if steps == 1 else 'teach'} little: "
            "give more --epochs or a smaller --batch-size"
        )
    watcher.message("\n".join(lines))


def prepare_again(folder: RunFolder, spec: str | None, asked: TrainOptions, watcher: Watcher) -> Prepared:
    """The same run as it was started, or an error that names what differs."""
    started, recipe = folder.read()
    job = same_job(asked, started, recipe, folder.path)
    for line in departures(started, Compute.choose(asked.device).device.type):
        watcher.message(line)
    torch.set_num_threads(started["threads"])  # another number of threads sums in another order
    spec = spec or started["data"]
    known = folder.known()
    listing = read(spec, asked, job.channels, watcher, known)
    same_data(listing, started, folder.path, known)
    if asked.changes_recipe:
        same = replace(
            asked,
            model=job.model,
            options=job.options,
            validation=job.validation,
            seed=job.seed,
            fold=job.fold,
            channels=job.channels or usual_channels(job.model),
        )
        shown = shown_before(job.start)
        wanted = decide(same, listing, shown if asked.recipe in (None, PRACTICAL) else None)
        wanted = with_input(wanted, shown, asked.settings)
        base = started.get("base")  # where the recipe was changed by what the run found out first
        same_recipe(wanted.recipe, recipe if base is None else decode(Recipe, base, "base"), folder.path)
    job = job if "split" in started else replace(job, split=folder.rule_of_split(lambda rule: old(listing, job, rule)))
    listing = divide(listing, job)
    normalise = recipe.normalise
    statistics = folder.statistics(isinstance(normalise, PixelMean) and normalise.before_crop)
    network = jobs.build(job, listing)
    if job.start is not None and not Checkpoints(folder.checkpoints).any_whole():
        begin_again(network, job, listing, watcher)
    return Prepared(folder, job, listing, started["fingerprint"], network, statistics, False, spec)


def read(spec: str, asked: TrainOptions, channels: int | None, watcher: Watcher, known: Known | None = None) -> Listing:
    """The data set, every image of which can be read with so many channels; None for what its images have."""
    return ready(
        spec,
        data_root=asked.data_root,
        workers=asked.workers,
        on_bad=asked.on_bad,
        watcher=watcher,
        channels=None if channels is None else (channels,),
        known=known,
    )


def divide(listing: Listing, job: Job) -> Listing:
    """The data with the job's validation split. Raises DataError when nothing is left to train on."""
    listing = divided(listing, fraction=job.validation, seed=job.seed, fold=job.fold, rule=job.split)
    if TRAIN not in listing.splits:
        raise DataError("The data have no training images.", "Put them under train/, or mark them train in the CSV.")
    return listing


def old(listing: Listing, job: Job, rule: int) -> Listing:
    """The data as the job would have divided them by another rule."""
    return divide(listing, replace(job, split=rule))


def choose_folder(spec: str | None, asked: TrainOptions) -> RunFolder:
    """The run folder that --out and --resume mean; a new run never touches a folder that holds something."""
    if asked.out is not None:
        folder = RunFolder(Path(asked.out))
        taken = folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir()))
        if asked.resume and taken and not folder.exists():
            raise UsageError(f"{folder.path} is not a run folder.", "Name the folder that `lenext train` made.")
        if not asked.resume and taken:
            if not folder.exists():
                raise UsageError(f"{folder.path} already holds something else.", "Choose another folder with --out.")
            remedy = "Add --resume to go on with it, or choose another folder with --out."
            raise UsageError(f"{folder.path} already holds a run.", remedy)
        return folder
    if spec is None:
        raise UsageError("Neither data nor a run folder were named.", "Give DATA, or --out and --resume.")
    return RunFolder(under_runs(spec, f"{asked.model}", resume=asked.resume))
