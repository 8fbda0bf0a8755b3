"""What a run finds out before its first step and then keeps: a rate, a better recipe, how many epochs fit."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lenext.api.run.chosen_recipe import as_stored, changes
from lenext.api.run.job import Job
from lenext.api.run.prepare import Prepared
from lenext.api.run.tuning import Tasks, tuned
from lenext.data.item import TEST, VAL
from lenext.data.listing import part
from lenext.errors import Interrupted, LenextError, UsageError
from lenext.evaluation.text import duration
from lenext.recipes import EpochRates, Recipe
from lenext.training import fitting
from lenext.training.budget import SLACK, Clock, whole_epochs
from lenext.training.checkpoint import Progress
from lenext.training.compile_probe import uncompiled, whether_to_compile
from lenext.training.compiling import AUTO, ON
from lenext.training.probe import Speed, probe
from lenext.training.rate_finder import find_rate
from lenext.training.task import Task
from lenext.training.watch import Watcher
from lenext.values import encode
from lenext.weights.durable import DiskFull, remove_folder, write_file

FINAL = 5.0  # ours: seconds for the report and the command's own start
FINAL_SHARE = 0.1  # ours: of the limit, for what the report measures beside accuracy
FINAL_PASSES = 2.0  # ours: the time of the last measurement is its probe's times this


def settle(prepared: Prepared, tasks: Tasks, save_every: float, clock: Clock | None, watcher: Watcher) -> Prepared:
    """The run with all that it was asked to find out before it begins, which its folder keeps; a settled run as it is.

    tasks: what the loop computes with, for a run. Only the trials of a search are kept on the way; a new run that has
    none is removed where it cannot begin, so that the same command with other options can.
    """
    if prepared.job.settled:
        return prepared
    try:
        return found_out(prepared, tasks, save_every, clock, watcher)
    except LenextError as error:
        if prepared.new and not isinstance(error, Interrupted | DiskFull) and not prepared.folder.tuning.exists():
            remove_folder(prepared.folder.path)
        raise


def found_out(prepared: Prepared, tasks: Tasks, save_every: float, clock: Clock | None, watcher: Watcher) -> Prepared:
    """The run after its rate finder, its search, its probes of compiling and of time, in this order."""
    job = prepared.job
    recipe, rules, end = job.recipe, list(job.rules), None
    if job.find_rate:
        recipe, rule = with_found_rate(prepared, tasks(prepared.to_try()), watcher)
        rules.append(rule)
    if job.tune:
        search = replace(prepared, job=replace(job, recipe=recipe))
        recipe, rule = tuned(search, tasks, save_every, watcher)
        rules.append(rule)
    chosen = job.compile
    if job.compile == AUTO:
        chosen, rule = whether_to_compile(tasks(prepared.to_try(recipe=recipe)))
        rules.append(rule)
    if job.time_limit is not None and clock is not None:
        task = tasks(prepared.to_try(recipe=recipe, compile=chosen))
        recipe, rule, end = within(prepared, task, job.time_limit, clock)
        rules.append(rule)
    news = [line for line in (*rules, *changes(job.recipe, recipe)) if line and line not in job.rules]
    watcher.message("\n".join(f"  {line}" for line in news))
    found = replace(
        job,
        recipe=recipe,
        compile=chosen,
        rules=tuple(rule for rule in rules if rule),
        deviations=merged(job.deviations, changes(job.recipe, recipe)),
        settled=True,
        end=end,
    )
    keep(prepared, found)
    return replace(prepared, job=found)


def check_compiled(job: Job, task: Task) -> None:
    """Refuse to compile what no step would call. Raises UsageError."""
    why = uncompiled(task) if job.compile == ON else None
    if why:
        raise UsageError(f"There is nothing to compile: {why}.", "Leave --compile out.")


def keep(prepared: Prepared, job: Job) -> None:
    """Write what was found into the run folder, all at once."""
    run = {
        **prepared.folder.read()[0],
        "base": encode(prepared.job.recipe),
        "rules": list(job.rules),
        "deviations": list(job.deviations),
        "settled": True,
        "compile": job.compile,
        "end": job.end,
    }
    prepared.folder.settle(run, job.recipe)


def with_found_rate(prepared: Prepared, task: Task, watcher: Watcher) -> tuple[Recipe, str]:
    """The recipe with the rate of a sweep, whose curve the run folder keeps. Raises UsageError, Failed."""
    recipe = prepared.job.recipe
    if isinstance(recipe.schedule, EpochRates):
        raise UsageError(
            "The recipe's schedule prints every rate itself, so --find-rate has nothing to set.",
            "Leave --find-rate out, or give another schedule: --set schedule=Cosine.",
        )
    watcher.message("Looking for a learning rate.")
    sweep = find_rate(task)
    curve = {"rates": sweep.rates, "losses": sweep.losses, "found": sweep.found}
    write_file(prepared.folder.sweep, json.dumps(curve).encode())
    found = as_stored(replace(recipe, optimizer=replace(recipe.optimizer, lr=sweep.found)))
    return found, f"rate found: {sweep.found:g}, where the loss of a sweep of {len(sweep.rates)} steps falls most"


def within(prepared: Prepared, task: Task, limit: float, clock: Clock) -> tuple[Recipe, str, float]:
    """The recipe that fits in ``limit`` seconds, the rule, and the second at which training is over.

    Raises UsageError when not one step does.
    """
    speed = probe(task, clock, limit)
    tested = sum(len(part(prepared.listing, split)) for split in (VAL, TEST) if split in prepared.listing.splits)
    end = limit - FINAL - FINAL_SHARE * limit - FINAL_PASSES * tested * speed.per_test_image
    recipe, rule = shortened(task, speed, (end - clock.elapsed()) * SLACK)
    if recipe is None:
        raise UsageError(
            f"In {duration(limit)} there is no time for a single step: reading the data and a probe took "
            f"{duration(clock.elapsed())}, a step takes {speed.per_step:.2g} s, and the last measurement "
            f"and the report are to come.",
            "Give a longer --time-limit, a smaller --image-size, or a smaller network.",
        )
    return as_stored(recipe), f"time limit {duration(limit)}: {rule}", end


def shortened(task: Task, speed: Speed, seconds: float) -> tuple[Recipe | None, str]:
    """The task's recipe for so many seconds of training and validation; None where no step fits."""
    recipe, per_epoch = task.recipe, task.steps_per_epoch
    validation = len(task.validation.part) * speed.per_test_image if task.validation is not None else 0.0
    per_step = speed.per_step + validation / per_epoch
    possible = max(0, math.floor(seconds / per_step))
    measured = f"a step takes {speed.per_step:.3g} s by a probe"
    if possible >= task.steps:
        return recipe, f"all of the recipe fits, {measured}"
    steps = whole_epochs(possible, per_epoch)
    if not steps:
        return None, ""
    fitted = (
        fitting.to_epochs(recipe, steps // per_epoch, per_epoch)
        if steps % per_epoch == 0
        else fitting.to_iterations(recipe, steps, per_epoch)
    )
    shorter = fitting.to_steps(fitted.recipe, steps)
    return shorter.recipe, "; ".join(text for text in (fitted.rule, shorter.rule, measured) if text)


def merged(before: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
    """Changes "field: a -> b" followed by others: "a -> b" and "b -> c" are "a -> c", and nothing where c is a."""
    found = dict(line.split(": ", 1) for line in before)
    for name, change in (line.split(": ", 1) for line in after):
        first = found.pop(name, change).split(" -> ", 1)[0]
        last = change.split(" -> ", 1)[1]
        if first != last:
            found[name] = f"{first} -> {last}"
    return tuple(f"{name}: {change}" for name, change in found.items())


def concluded(prepared: Prepared, task: Task, progress: Progress) -> Prepared:
    """The run with what became of its length on the way, for report and card."""
    planned, done = task.steps / task.steps_per_epoch, progress.step / task.steps_per_epoch
    rule = {
        "patience": f"stopped after {done:.3g} of {planned:.3g} epochs: {task.recipe.patience} without a better one",
        "time": f"time limit: {planned:.3g} -> {done:.3g} epochs on the way; the run was slower than its probe",
    }.get(stopped(task, progress) or "")
    return replace(prepared, job=replace(prepared.job, rules=(*prepared.job.rules, rule))) if rule else prepared


def stopped(task: Task, progress: Progress) -> str | None:
    """Why a run ended before its planned length: "patience", "time", or None when it did not."""
    if progress.step >= task.steps:
        return None
    return "patience" if progress.waiting.over(task.recipe.patience) else "time"


def facts(prepared: Prepared) -> dict[str, Any]:
    """What a document and a report say of the search before the run: the sweep of rates, and the trials."""
    folder = prepared.folder
    trials = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.tuning.glob("trial-*.json"))]
    sweep = json.loads(folder.sweep.read_text(encoding="utf-8")) if prepared.job.find_rate else None
    return {"sweep": sweep, "trials": trials}
