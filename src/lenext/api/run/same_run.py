"""What a run is, written at its start: all that must be the same when it is resumed, or is refused.

Another torch or another processor cannot always be had back, so it is named and the run goes on.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lenext.api.options import TrainOptions
from lenext.api.run.chosen_channels import asked_channels
from lenext.api.run.chosen_recipe import changes
from lenext.api.run.job import Job
from lenext.api.run.start import location
from lenext.benchmark.machine import versions
from lenext.data.known import Known, others
from lenext.data.listing import Listing, fingerprint
from lenext.errors import DataError, UsageError
from lenext.evaluation.inference import AUTO
from lenext.models import canonical
from lenext.recipes import Recipe
from lenext.values import encode

# Options that a resumed run may repeat, as they are called in ``run.json``.
REPEATED = (
    "reading", "options", "seed", "precision", "validation", "micro_batch", "fold", "error_target", "save_memory",
    "compile", "exact", "find_rate", "tune", "deterministic", "shards", "batch_norm", "threads",
)  # fmt: skip

# What runs of earlier versions do not say; of all else the defaults of ``Job`` hold.
NOT_YET: Mapping[str, Any] = {"exact": True, "deterministic": False}


def describe(job: Job, listing: Listing, data: str, spec: str) -> dict[str, Any]:
    """How a run is started, as JSON; its recipe has a file of its own."""
    return {
        **encode({name: value for name, value in vars(job).items() if name != "recipe"}),
        "deterministic": job.shards is not None,
        "data": spec if listing.layout == "built-in" else os.path.abspath(spec),
        "classes": list(listing.classes),
        "fingerprint": data,
        "threads": torch.get_num_threads(),
        "processor": processor(),
        "versions": versions(),
    }


def same_job(asked: TrainOptions, started: Mapping[str, Any], recipe: Recipe, folder: Path) -> Job:
    """The job of a run that is resumed. Raises UsageError when something else is asked now than at its start."""
    defaults = {field.name: field.default for field in fields(Job) if field.default is not MISSING}
    present = {**defaults, **NOT_YET, **started}
    wanted = {
        "model": asked.model and canonical(asked.model),
        **{name: getattr(asked, name) for name in REPEATED},
        "channels": asked_channels(asked),
        "time_limit": asked.seconds,
        "weights": asked.weights and location(asked.weights),
    }
    there = {**present, "weights": present["start"] and present["start"]["weights"]}
    for name, value in wanted.items():
        left_open = value is None or value is False or value in ({}, AUTO)
        if not left_open and value != there[name]:
            raise UsageError(
                f"The run in {folder} was started with {name} {there[name]}, not {value}.",
                "Leave the option out to resume, or start a new run with another --out.",
            )
    said = {field.name: present[field.name] for field in fields(Job) if field.name != "recipe"}
    lists = {name: tuple(present[name]) for name in ("rules", "deviations")}
    return Job(recipe=recipe, **(said | lists))


def same_data(listing: Listing, started: Mapping[str, Any], folder: Path, known: Known) -> None:
    """Refuse to go on with other data than the run was started with; names what is other than it is known."""
    if list(listing.classes) != started["classes"]:
        gone = sorted(set(started["classes"]) - set(listing.classes))
        new = sorted(set(listing.classes) - set(started["classes"]))
        raise DataError(
            f"The run in {folder} has other classes than the data (gone: {gone or 'none'}, new: {new or 'none'}).",
            "Resume with the same data, or start a new run with another --out.",
        )
    if fingerprint(listing) != started["fingerprint"]:
        raise DataError(
            f"The data have changed since the run in {folder} was started{others(listing, known)}.",
            "Restore them, or start a new run with another --out.",
        )


def same_recipe(asked: Recipe, started: Recipe, folder: Path) -> None:
    """Refuse to go on with another recipe than the run was started with."""
    differences = changes(started, asked)
    if differences:
        raise UsageError(
            f"The run in {folder} was started with another recipe ({differences[0]}).",
            "Leave the recipe's options out to resume, or start a new run with another --out.",
        )


def processor() -> str:
    """The instructions that torch's kernels choose by: "x86_64, AVX512"."""
    return f"{platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"


def departures(started: Mapping[str, Any], device: str) -> list[str]:
    """A line for all that is otherwise than at the start, and one for threads that are set as they were then."""
    before = started.get("versions", {})
    pairs = {
        "torch": (before.get("torch"), torch.__version__),
        "numpy": (before.get("numpy"), np.__version__),
        "processor": (started.get("processor"), processor()),
        "device": (started.get("device"), device),
    }
    other = [f"{name} {then} (now {now})" for name, (then, now) in pairs.items() if then not in (None, now)]
    lines = []
    if other:
        lines.append(
            f"The run was started with {', '.join(other)}: it goes on, but not to the bits of a run that never stopped."
        )
    if started["threads"] != torch.get_num_threads():
        lines.append(f"Computing with {started['threads']} threads, as the run was started.")
    return lines
