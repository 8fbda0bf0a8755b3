"""The end of a run: choose the checkpoint, measure it, and write weight file, report and model card."""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lenext.api.data import counts, left_out
from lenext.api.run.chosen_channels import usual_channels
from lenext.api.run.job import VALIDATION
from lenext.api.run.pictures import with_pictures
from lenext.api.run.prepare import Prepared
from lenext.api.run.settle import concluded, facts, stopped
from lenext.api.run.start import licence, started_from
from lenext.api.run.trust import Settled, settle, show
from lenext.benchmark.machine import versions
from lenext.data.item import TEST, TRAIN, VAL
from lenext.data.listing import part
from lenext.evaluation.inference import activated
from lenext.evaluation.label_measure import Measurement, measure_of
from lenext.evaluation.measure import Evaluation
from lenext.evaluation.model_card import write_card
from lenext.evaluation.record import DataFacts, NetworkFacts, Record, RunFacts, Usage
from lenext.evaluation.report import write_report
from lenext.evaluation.trust import Shown
from lenext.models import model_file
from lenext.protocol import MULTILABEL, Preprocessing
from lenext.training.batch_statistics import exact_statistics
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.compiling import OFF
from lenext.training.goal import activation
from lenext.training.log import read_log
from lenext.training.memory import peak_memory
from lenext.training.sharded import LOCAL
from lenext.training.task import Task
from lenext.training.watch import Watcher
from lenext.values import encode, fields
from lenext.weights.card import Card, save


def finish(prepared: Prepared, task: Task, progress: Progress, watcher: Watcher) -> dict[str, Any]:
    """Measure the best checkpoint on the images that did not train, write the result, return its document."""
    prepared = concluded(prepared, task, progress)
    folder, job = prepared.folder, prepared.job
    restore_best(Checkpoints(folder.checkpoints), task, watcher)
    if job.recipe.exact_statistics:
        seen = exact_statistics(task.network, task.views_of_training(job.recipe.exact_statistics))
        if seen:
            watcher.message(f"Statistics of batch normalisation taken anew over {seen:,} training images.")
    shown = {split: show(prepared, task, part(prepared.listing, split), watcher) for split in held_out(prepared)}
    settled = settle(prepared, task, shown, watcher)
    measured = evaluations(prepared, task, shown, settled)
    card = describe(prepared, measured)
    card = replace(card, calibration=settled.calibration, thresholds=settled.thresholds or ())
    save(folder.weights, prepared.network, card, prepared.statistics, settled.familiar)
    record = replace(chronicle(prepared, measured, progress), trust=settled.found)
    record = with_pictures(record, prepared, task.compute, settled.temperature)
    write_report(folder.report, record)
    write_card(folder.model_card, record)
    split, headline = record.headline
    watcher.message(headline.said(split))
    if isinstance(headline, Evaluation) and headline.no_better:
        watcher.message(headline.no_better)
    watcher.message(f"Weights, report and model card are in {folder.path}; look at {folder.report}.")
    return {
        "run": str(folder.path),
        "model": job.model,
        "reading": job.reading,
        "recipe": encode(job.recipe),
        "rules": list(job.rules),
        "deviations": list(job.deviations),
        "epochs": progress.epoch,
        "steps": progress.step,
        "seconds": round(progress.seconds, 3),
        "stopped": stopped(task, progress),
        "precision": job.precision,
        "peak_memory": peak_memory(task.compute.device),
        **facts(prepared),
        "best": {"split": split, **headline.document()},
        "evaluations": {name: evaluation.document() for name, evaluation in measured.items()},
        **settled.found.document(),
    }


def restore_best(checkpoints: Checkpoints, task: Task, watcher: Watcher) -> None:
    """Put the weights of the best validation into the network; without validation the last ones, or their average."""
    if task.average.kept is not None:
        task.network.load_state_dict(task.average.kept.state_dict())
    for path in checkpoints.best_first():
        if checkpoints.restore_weights(path, task.network):
            return
        watcher.message(f"The best checkpoint, {path.name}, is damaged; the next best is used.")


def held_out(prepared: Prepared) -> list[str]:
    """The splits to measure: validation and test where they exist, else the training images themselves."""
    return [split for split in (VAL, TEST) if split in prepared.listing.splits] or [TRAIN]


def evaluations(prepared: Prepared, task: Task, shown: Mapping[str, Shown], settled: Settled) -> dict[str, Measurement]:
    """Measurements by split, of the calibrated probabilities."""
    measured, measure = {}, measure_of(settled.thresholds)
    for split, one in shown.items():
        logits = torch.from_numpy(one.logits)
        chosen = part(prepared.listing, split)
        measured[split] = measure(
            activated(logits, settled.temperature, activation(task.goal)).numpy(),
            chosen.labels,
            names=chosen.names,
            classes=prepared.listing.classes,
            protocol="single",
            views=task.recipe.view.views,
            unreadable=left_out(prepared.listing) if split == list(shown)[-1] else (),
        )
    return measured


def describe(prepared: Prepared, measured: Mapping[str, Measurement]) -> Card:
    """The card of the weight file."""
    job, listing, constants = prepared.job, prepared.listing, prepared.statistics
    return Card(
        network=job.model,
        reading=job.reading,
        options=job.options,
        classes=listing.classes,
        preprocessing=Preprocessing(
            channels=prepared.network.input_size[0],
            view=job.recipe.view,
            mean=constants.mean,
            std=constants.std,
            pixel_mean=constants.pixel_mean is not None,
        ),
        recipe={**encode(job.recipe), "rules": list(job.rules), "deviations": list(job.deviations)},
        start=job.start,
        data={
            "name": listing.name,
            "fingerprint": prepared.data,
            "counts": counts(listing),
            "validation": job.validation,
            "seed": job.seed,
            "fold": job.fold,
            "split": job.split,
        },
        metrics={split: evaluation.summary() for split, evaluation in measured.items()},
        versions=versions(),
        licence=licence(job.start),
        task=listing.task,
    )


def chronicle(prepared: Prepared, measured: Mapping[str, Measurement], progress: Progress) -> Record:
    """All that the report and the model card say."""
    job, folder, listing = prepared.job, prepared.folder, prepared.listing
    paper, curves = model_file(job.model).PAPER, read_log(folder.metrics)
    many = listing.task == MULTILABEL
    return Record(
        title=f"{job.model} on {listing.name}",
        network=NetworkFacts(
            name=job.model,
            reading=job.reading,
            paper=paper.title,
            year=paper.year,
            params=sum(p.numel() for p in prepared.network.parameters()),
            start=started_from(job.start),
            input=(prepared.network.input_size[0], *job.recipe.view.shape),
        ),
        data=DataFacts(
            name=listing.name,
            classes=listing.classes,
            counts=counts(listing),
            images={split: len(part(listing, split)) for split in listing.splits},
            problems=[vars(problem) for problem in listing.problems],
        ),
        recipe=fields(job.recipe),
        deviations=(*job.rules, *job.deviations),
        curves=curves if len(curves) > 1 else (),  # a point is no curve
        evaluations=measured,
        chosen_on=VAL if VAL in measured and (job.recipe.epochs != 0 or job.tune or many) else "",
        run=RunFacts(
            seconds=progress.seconds,
            machine=f"{platform.machine()}, {platform.system()}",
            versions=versions(),
            seed=job.seed,
            command=command_line(prepared),
        ),
        usage=usage(folder.path, many=many),
        **facts(prepared),
    )


def command_line(prepared: Prepared) -> str:
    """The line that repeats the run: its recipe from the run folder, and all else that is not as by default."""
    job = prepared.job
    written = prepared.folder.recipe if job.deviations or job.recipe.name != "practical" else None
    options = [
        f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in job.options.items()
    ]
    asked = (  # and what each is by default
        ("--recipe", written, None),
        ("--reading", job.reading, "paper"),
        *(("--option", option, None) for option in options),
        ("--weights", job.start and job.start["weights"], None),
        ("--channels", job.channels, usual_channels(job.model)),
        ("--micro-batch", job.micro_batch, None),
        ("--seed", job.seed, 0),
        ("--fold", job.fold, None),
        ("--validation", job.validation, 0 if job.fold else VALIDATION),
        ("--precision", job.precision, "fp32"),
        ("--save-memory", job.save_memory, False),
        ("--compile", job.compile, OFF),
        ("--deterministic", job.shards is not None, False),
        ("--shards", job.shards, None),
        ("--batch-norm", job.batch_norm, LOCAL),
    )
    words = ["lenext", "train", prepared.spec, "--model", job.model]
    for option, value, usual in asked:
        if value not in (None, usual):
            words += [option] if value is True else [option, str(value)]
    return shlex.join(words)


def usage(run: Path, *, many: bool) -> Usage:
    """The lines to type where the run was started; many: whether an answer names any number of labels."""
    python = f"""\
import lenext

for answer in lenext.predict({str(run)!r}, ["image.jpg"]):
    print({'answer["labels"]' if many else 'answer["predictions"][0]'})"""
    named = shlex.quote(str(run))
    shell = f"lenext predict {named} image.jpg --top 3\nlenext evaluate {named} DATA"
    return Usage(shell=shell, python=python)
