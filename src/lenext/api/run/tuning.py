"""``--tune N``: short trials of changed recipes in the run folder, the best of which is then trained in full."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from lenext.api.run.chosen_recipe import as_stored
from lenext.api.run.folder import RunFolder
from lenext.api.run.prepare import Prepared
from lenext.data.item import TRAIN, VAL
from lenext.data.listing import part
from lenext.data.loader import batch_cuts
from lenext.errors import DataError
from lenext.recipes import Recipe
from lenext.training import fitting
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.log import MetricLog, read_log
from lenext.training.loop import Keeping, fit
from lenext.training.search import SHARE, Knob, Trial, best_of, hopeless, knobs_of, settings, suggest
from lenext.training.soundness import Diverged
from lenext.training.task import Task
from lenext.training.watch import Silent, Watcher
from lenext.values import assign
from lenext.weights.durable import remove_folder, write_file

Tasks = Callable[[Prepared], Task]


class Pruned(Exception):
    """Ends a trial that is hopeless."""


class Judge(Silent):
    """Watches a trial, and ends it where its scores so far are below the median of the trials before."""

    def __init__(self, judged: Callable[[], bool]) -> None:
        self._judged = judged

    def epoch(self, row: Mapping[str, float]) -> None:  # noqa: ARG002 - all rows are in the log
        if self._judged():
            raise Pruned


def tuned(prepared: Prepared, tasks: Tasks, save_every: float, watcher: Watcher) -> tuple[Recipe, str]:
    """The recipe of the best trial, and the rule in words; trials that were done before are read.

    Raises DataError without validation images, UsageError without Optuna.
    """
    if VAL not in prepared.listing.splits:
        raise DataError("--tune compares by validation images, and there are none.", "Leave --validation above 0.")
    job = prepared.job
    knobs = knobs_of(job.recipe, len(part(prepared.listing, TRAIN)))
    trials: list[Trial] = []
    for number in range(job.tune):
        path = prepared.folder.tuning / f"trial-{number:03d}"
        result = path.with_suffix(".json")
        if not result.exists():
            values = suggest(knobs, trials, job.seed)
            trial = run_trial(prepared, tasks, path, (knobs, trials, Trial(number, values)), save_every)
            write_file(result, json.dumps(trial.document()).encode())
            remove_folder(path)
            watcher.message(f"  {line(knobs, trial, job.tune)}")
        trials.append(Trial.read(json.loads(result.read_text(encoding="utf-8"))))
    best = best_of(trials)
    rule = f"tuned: trial {best.number + 1} of {len(trials)}, of {SHARE:.0%} of the length each, validated best"
    return with_values(job.recipe, knobs, best), rule


def with_values(recipe: Recipe, knobs: list[Knob], trial: Trial) -> Recipe:
    return as_stored(assign(recipe, *settings(knobs, trial.values)))


def run_trial(
    prepared: Prepared, tasks: Tasks, path: Path, tried: tuple[list[Knob], list[Trial], Trial], save_every: float
) -> Trial:
    """Train a copy of the network for a share of the recipe's length, from where ``path`` stands.

    tried: the knobs, the trials before, and this one.
    """
    knobs, before, trial = tried
    recipe = with_values(prepared.job.recipe, knobs, trial)
    steps = len(batch_cuts(len(part(prepared.listing, TRAIN)), recipe.batch_size)) - 1
    length = recipe.epochs or max(1, (recipe.iterations or 0) // steps)
    short = fitting.to_steps(fitting.to_epochs(recipe, max(1, round(length * SHARE)), steps).recipe, steps).recipe
    task = tasks(prepared.to_try(recipe=short))
    checkpoints = Checkpoints(RunFolder(path).checkpoints)
    checkpoints.folder.mkdir(parents=True, exist_ok=True)
    checkpoints.clear_unfinished()
    progress = checkpoints.restore_newest(task.network, task.optimizer, task.average.kept)[0] or Progress()
    log = MetricLog(RunFolder(path).metrics, progress.log_bytes)

    def scores() -> tuple[float, ...]:
        rows = read_log(log.path)
        return tuple(row[task.goal.val] - 1e-6 * row["val_loss"] for row in rows)  # of equals the lower loss

    try:
        judge = Judge(lambda: hopeless(knobs, before, replace(trial, scores=scores())))
        fit(task, progress, Keeping(checkpoints, log, save_every), judge)
    except (Pruned, Diverged):
        return replace(trial, scores=scores(), pruned=True)
    finally:
        log.close()
    return replace(trial, scores=scores())


def line(knobs: list[Knob], trial: Trial, number: int) -> str:
    """A trial for a person."""
    said = ", ".join(settings(knobs, trial.values))
    result = f"{100 * trial.scores[-1]:.2f} %" if trial.scores else "the loss is no number"
    return f"trial {trial.number + 1} of {number}: {result}{' (given up)' if trial.pruned else ''}  {said}"
