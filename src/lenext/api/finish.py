"""The end of a run: choose the checkpoint, measure it, and write weight file, report and model card."""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lenext.api.chosen_channels import usual_channels
from lenext.api.data import counts, left_out
from lenext.api.job import VALIDATION
from lenext.api.prepare import Prepared
from lenext.api.run_folder import versions
from lenext.api.start import licence
from lenext.data.item import TEST, TRAIN, VAL
from lenext.data.listing import part
from lenext.data.loader import Loader
from lenext.evaluation.inference import probabilities
from lenext.evaluation.measure import Evaluation, measure
from lenext.evaluation.model_card import write_card
from lenext.evaluation.record import DataFacts, NetworkFacts, PicturedMistake, Record, RunFacts, Usage
from lenext.evaluation.report import write_report
from lenext.evaluation.text import per_cent
from lenext.models import model_file
from lenext.protocol import Preprocessing
from lenext.training.batch_statistics import exact_statistics
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.log import read_log
from lenext.training.task import Task
from lenext.training.watch import Watcher
from lenext.values import encode, fields
from lenext.weights.card import Card, save

PICTURES = 24  # mistakes that the report shows


def finish(prepared: Prepared, task: Task, progress: Progress, watcher: Watcher) -> dict[str, Any]:
    """Measure the best checkpoint on the images that did not train, write the result, return its document."""
    folder, job = prepared.folder, prepared.job
    restore_best(Checkpoints(folder.checkpoints), task, watcher)
    if job.recipe.exact_statistics:
        seen = exact_statistics(task.network, task.views_of_training(job.recipe.exact_statistics))
        if seen:
            watcher.message(f"Statistics of batch normalisation taken anew over {seen:,} training images.")
    measured = evaluations(prepared, task)
    card = describe(prepared, measured)
    save(folder.weights, prepared.network, card, prepared.statistics)
    record = chronicle(prepared, measured, progress)
    write_report(folder.report, record)
    write_card(folder.model_card, record)
    split, headline = record.headline
    figures = (headline.top1.value, headline.top1.low, headline.top1.high)
    top1, low, high = (per_cent(figure, headline.images) for figure in figures)
    watcher.message(f"top-1 {top1} %, 95 % interval {low} to {high} %, on {headline.images:,} images of {split}")
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
        "best": {"split": split, **headline.document()},
        "evaluations": {name: evaluation.document() for name, evaluation in measured.items()},
    }


def restore_best(checkpoints: Checkpoints, task: Task, watcher: Watcher) -> None:
    """Put the weights of the best validation into the network; without validation the last ones, or their average."""
    if task.average.kept is not None:
        task.network.load_state_dict(task.average.kept.state_dict())
    best = checkpoints.best()
    if best is not None and not checkpoints.restore_weights(best, task.network):
        watcher.message(f"The best checkpoint, {best.name}, is damaged; the last weights are used.")


def evaluations(prepared: Prepared, task: Task) -> dict[str, Evaluation]:
    """Measurements by split: validation and test where they exist, else the training images themselves."""
    present = [split for split in (VAL, TEST) if split in prepared.listing.splits] or [TRAIN]
    measured = {}
    for split in present:
        chosen = part(prepared.listing, split)
        loader = Loader(chosen, task.training.channels, workers=task.training.workers)
        views = loader.views(task.recipe.view, task.test_batch)
        measured[split] = measure(
            probabilities(task.network, prepared.statistics, views, task.compute),
            chosen.labels,
            names=chosen.names,
            classes=prepared.listing.classes,
            protocol="single",
            views=task.recipe.view.views,
            unreadable=left_out(prepared.listing) if split == present[-1] else (),
        )
    return measured


def describe(prepared: Prepared, measured: Mapping[str, Evaluation]) -> Card:
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
        },
        metrics={split: summary(evaluation) for split, evaluation in measured.items()},
        versions=versions(),
        licence=licence(job.start),
    )


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """The figures of a measurement that a card carries."""
    document = evaluation.document()
    return {name: document[name] for name in ("images", "protocol", "views", "top1", "top5", "loss")}


def chronicle(prepared: Prepared, measured: Mapping[str, Evaluation], progress: Progress) -> Record:
    """All that the report and the model card say."""
    job, folder, listing = prepared.job, prepared.folder, prepared.listing
    paper = model_file(job.model).PAPER
    record = Record(
        title=f"{job.model} on {listing.name}",
        network=NetworkFacts(
            name=job.model,
            reading=job.reading,
            paper=paper.title,
            year=paper.year,
            params=sum(p.numel() for p in prepared.network.parameters()),
            input=(prepared.network.input_size[0], *job.recipe.view.shape),
        ),
        data=DataFacts(
            name=listing.name,
            classes=listing.classes,
            counts=counts(listing),
            problems=[vars(problem) for problem in listing.problems],
        ),
        recipe=fields(job.recipe),
        deviations=(*job.rules, *job.deviations),
        curves=read_log(folder.metrics),
        evaluations=measured,
        chosen_on=VAL if VAL in measured else "",
        run=RunFacts(
            seconds=progress.seconds,
            machine=f"{platform.machine()}, {platform.system()}",
            versions=versions(),
            seed=job.seed,
            command=command_line(prepared),
        ),
        usage=usage(folder.path),
    )
    return replace(record, mistakes=pictured(prepared, record))


def pictured(prepared: Prepared, record: Record) -> list[PicturedMistake]:
    """The most confident mistakes of the headline's split, with their pictures as they were read."""
    split, evaluation = record.headline
    chosen = part(prepared.listing, split)
    channels = prepared.network.input_size[0]
    return [
        PicturedMistake(
            name=mistake.name,
            truth=mistake.truth,
            answer=mistake.answer,
            probability=mistake.probability,
            picture=chosen.images.read(int(chosen.indices[mistake.index]), channels, 255).permute(1, 2, 0).numpy(),
        )
        for mistake in evaluation.mistakes[:PICTURES]
    ]


def command_line(prepared: Prepared) -> str:
    """The line that repeats the run: its recipe from the run folder, and all else that is not as by default."""
    job = prepared.job
    words = ["lenext", "train", prepared.spec, "--model", job.model]
    if job.deviations or job.recipe.name != "practical":
        words += ["--recipe", str(prepared.folder.recipe)]
    words += [] if job.reading == "paper" else ["--reading", job.reading]
    for name, value in job.options.items():
        words += ["--option", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    words += ["--weights", str(job.start["weights"])] if job.start else []
    words += ["--channels", str(job.channels)] if job.channels not in (None, usual_channels(job.model)) else []
    words += ["--micro-batch", str(job.micro_batch)] if job.micro_batch else []
    words += ["--seed", str(job.seed)] if job.seed else []
    words += [] if job.validation == VALIDATION else ["--validation", str(job.validation)]
    words += [] if job.precision == "fp32" else ["--precision", job.precision]
    return shlex.join(words)


def usage(run: Path) -> Usage:
    """The lines to type where the run was started."""
    python = f"""\
import lenext

for answer in lenext.predict({str(run)!r}, ["image.jpg"]):
    print(answer["predictions"][0])"""
    named = shlex.quote(str(run))
    shell = f"lenext predict {named} image.jpg --top 3\nlenext evaluate {named} DATA"
    return Usage(shell=shell, python=python)
