"""A run folder: what is needed to resume a run bit for bit, and to read its result."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from lenext.api.options import TrainOptions
from lenext.api.run.chosen_channels import asked_channels
from lenext.api.run.chosen_recipe import changes
from lenext.api.run.job import Job
from lenext.api.run.same_machine import processor
from lenext.api.run.start import location
from lenext.benchmark.machine import versions
from lenext.data.known import Known, others, read, remembered
from lenext.data.listing import Listing, fingerprint
from lenext.data.split import RULE, to_csv
from lenext.data.statistics import Statistics
from lenext.errors import DataError, Failed, UsageError
from lenext.evaluation.inference import AUTO
from lenext.evaluation.selective import TARGET
from lenext.models import canonical
from lenext.recipes import Recipe
from lenext.training.compiling import OFF
from lenext.training.sharded import LOCAL
from lenext.values import decode, encode
from lenext.weights.durable import MANIFEST, make_folder, read_folder, remove_folder, write_file, write_folder

RUN = "run.json"
CONTENTS = "contents.json"


@dataclass(frozen=True)
class RunFolder:
    """Names of what lies in a run folder."""

    path: Path

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def weights(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def model_card(self) -> Path:
        return self.path / "README.md"

    @property
    def sweep(self) -> Path:
        return self.path / "rates.json"

    @property
    def tuning(self) -> Path:
        return self.path / "tuning"

    @property
    def seconds(self) -> Path:
        return self.path / "seconds"

    @property
    def processes(self) -> int:
        """On how many processes the run was started."""
        return int(self.read()[0].get("processes", 1))

    def exists(self) -> bool:
        """Whether a run was started here."""
        return (self.path / RUN).is_file()

    def read(self) -> tuple[dict[str, Any], Recipe]:
        """How the run was started, and its recipe."""
        self._adopt()
        try:
            run: dict[str, Any] = json.loads(self._read(RUN))
            recipe: Recipe = decode(Recipe, as_now(json.loads(self._read("recipe.json"))), "recipe")
        except (ValueError, UsageError) as error:
            raise self._damaged(str(error).rstrip(".")) from None
        return run, recipe

    def create(
        self, run: Mapping[str, Any], recipe: Recipe, listing: Listing, statistics: Statistics, began: int
    ) -> None:
        """Write what the run is, all at once: a folder that was only begun is never seen.

        began: the clock's nanoseconds before the data were read.
        """
        try:
            make_folder(self.path.parent)
        except OSError as error:
            raise Failed(
                f"Cannot make the run folder {self.path}: {error.strerror}.", "Choose another with --out."
            ) from None
        tensors = {
            "mean": torch.tensor(statistics.mean, dtype=torch.float64),
            "std": torch.tensor(statistics.std, dtype=torch.float64),
            "colour_axes": statistics.colour_axes.contiguous(),
        }
        if statistics.pixel_mean is not None:
            tensors["pixel_mean"] = statistics.pixel_mean.contiguous()
        files = {
            RUN: json.dumps(run, indent=1).encode(),
            "recipe.json": json.dumps(encode(recipe), indent=1).encode(),
            "data.csv": csv_bytes(listing, self.path),
            "statistics.safetensors": safetensors.torch.save(tensors),
            CONTENTS: remembered(listing, began),
        }
        if self.exists():  # begun by another process while this one read the data
            raise Failed(f"{self.path} already holds a run.", "Wait for it, or choose another folder with --out.")
        write_folder(self.path, files, over=False)
        make_folder(self.checkpoints)

    def settle(self, run: Mapping[str, Any], recipe: Recipe) -> None:
        """Put what the run is now in the place of what it was started as, all at once."""
        files = read_folder(self.path)
        if files is None:
            raise self._damaged("a file that the start of the run wrote is missing or changed")
        news = {RUN: json.dumps(run, indent=1).encode(), "recipe.json": json.dumps(encode(recipe), indent=1).encode()}
        write_folder(self._settled, {**files, **news})
        self._adopt()

    @property
    def _settled(self) -> Path:
        return self.path / "settled"

    def _adopt(self) -> None:
        """Take over what ``settle`` wrote; a kill in between leaves it there for the next one who reads."""
        files = read_folder(self._settled)
        if files is None:
            return
        for name, data in {**files, MANIFEST: (self._settled / MANIFEST).read_bytes()}.items():
            write_file(self.path / name, data)
        remove_folder(self._settled)

    def statistics(self, subtract_first: bool) -> Statistics:
        """The constants of the network's input as the run computed them."""
        tensors = safetensors.torch.load(self._read("statistics.safetensors"))
        mean, std = tensors["mean"].tolist(), tensors["std"].tolist()
        pixel_mean = tensors.get("pixel_mean")
        return Statistics(tuple(mean), tuple(std), pixel_mean, subtract_first, tensors["colour_axes"])

    def known(self) -> Known:
        """What the run knows of the files of its data; the first runs remember none."""
        files = read_folder(self.path) or {}
        return read(files.get(CONTENTS, b"[]"))

    def rule_of_split(self, divided: Callable[[int], Listing]) -> int:
        """The rule by which ``data.csv`` was divided, for runs that do not say it yet; the present one if none fits."""
        kept = self._read("data.csv")
        fits = [rule for rule in range(RULE, 0, -1) if csv_bytes(divided(rule), self.path) == kept]
        return fits[0] if fits else RULE

    def _read(self, name: str) -> bytes:
        files = read_folder(self.path)
        if files is None:
            raise self._damaged("a file that the start of the run wrote is missing or changed")
        return files[name]

    def _damaged(self, reason: object) -> Failed:
        return Failed(f"The run folder {self.path} is damaged: {reason}.", "Start the run anew in another folder.")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only one process may train in a folder."""
        with (self.path / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Failed(
                    f"Another process is training in {self.path}.", "Wait for it, or choose another folder with --out."
                ) from None
            yield


def under_runs(data: str, what: str, *, resume: bool) -> Path:
    """A folder under runs/ named after data and ``what``, not there yet; to resume, the newest that is."""
    stem = f"{Path(data).stem if Path(data).suffix else Path(data).resolve().name}-{what}"
    number, path = 1, Path("runs") / stem
    while path.exists():
        newest, number = path, number + 1
        path = Path("runs") / f"{stem}-{number}"
    return newest if resume and number > 1 else path


def as_now(recipe: dict[str, Any]) -> dict[str, Any]:
    """A stored recipe in the present words: the first runs say which parameters decay by one switch."""
    optimizer = dict(recipe["optimizer"])
    if "decay_norms" in optimizer:
        optimizer["spared"] = [] if optimizer.pop("decay_norms") else ["vectors"]
    return {**recipe, "optimizer": optimizer}


def csv_bytes(listing: Listing, folder: Path) -> bytes:
    return to_csv(listing, folder).encode(errors="surrogateescape")


def describe(job: Job, listing: Listing, data: str, spec: str) -> dict[str, Any]:
    """How a run is started, as JSON: all that must be the same when it is resumed."""
    return {
        "model": job.model,
        "reading": job.reading,
        "options": dict(job.options),
        "rules": list(job.rules),
        "deviations": list(job.deviations),
        "micro_batch": job.micro_batch,
        "channels": job.channels,
        "start": job.start,
        "seed": job.seed,
        "precision": job.precision,
        "validation": job.validation,
        "fold": job.fold,
        "split": job.split,
        "error_target": job.error_target,
        "save_memory": job.save_memory,
        "compile": job.compile,
        "exact": job.exact,
        "find_rate": job.find_rate,
        "tune": job.tune,
        "time_limit": job.time_limit,
        "settled": job.settled,
        "deterministic": job.shards is not None,
        "shards": job.shards,
        "batch_norm": job.batch_norm,
        "data": spec if listing.layout == "built-in" else os.path.abspath(spec),
        "classes": list(listing.classes),
        "fingerprint": data,
        "threads": torch.get_num_threads(),
        "processor": processor(),
        "versions": versions(),
    }


# What runs of earlier versions do not say.
NOT_YET: Mapping[str, Any] = {
    **dict.fromkeys(("micro_batch", "channels", "time_limit", "end", "fold", "shards"), None),
    **dict.fromkeys(("save_memory", "find_rate", "deterministic"), False),
    "batch_norm": LOCAL,
    "compile": OFF,
    "tune": 0,
    "split": RULE,
    "exact": True,
    "settled": True,
    "error_target": TARGET,
}


def same_job(asked: TrainOptions, started: Mapping[str, Any], recipe: Recipe, folder: Path) -> Job:
    """The job of a run that is resumed. Raises UsageError when something else is asked now than at its start."""
    wanted = {
        "model": asked.model and canonical(asked.model),
        "reading": asked.reading,
        "options": asked.options or None,
        "seed": asked.seed,
        "precision": None if asked.precision == AUTO else asked.precision,
        "validation": asked.validation,
        "micro_batch": asked.micro_batch,
        "channels": asked_channels(asked),
        "fold": asked.fold,
        "error_target": asked.error_target,
        "save_memory": asked.save_memory or None,
        "compile": None if asked.compile == AUTO else asked.compile,
        "exact": asked.exact or None,
        "find_rate": asked.find_rate or None,
        "tune": asked.tune,
        "time_limit": asked.seconds,
        "deterministic": asked.deterministic or None,
        "shards": asked.shards,
        "batch_norm": asked.batch_norm,
        "threads": asked.threads,
        "weights": asked.weights and location(asked.weights),
    }
    start = started.get("start")  # runs of the first version have none of the last
    present = {**NOT_YET, **started, "weights": start and start["weights"]}
    for name, value in wanted.items():
        if value is not None and value != present[name]:
            raise UsageError(
                f"The run in {folder} was started with {name} {present[name]}, not {value}.",
                "Leave the option out to resume, or start a new run with another --out.",
            )
    return Job(
        model=started["model"],
        reading=started["reading"],
        options=started["options"],
        recipe=recipe,
        deviations=tuple(started["deviations"]),
        seed=started["seed"],
        precision=started["precision"],
        validation=started["validation"],
        rules=tuple(started.get("rules", ())),
        micro_batch=present["micro_batch"],
        save_memory=present["save_memory"],
        compile=present["compile"],
        exact=present["exact"],
        find_rate=present["find_rate"],
        tune=present["tune"],
        time_limit=present["time_limit"],
        settled=present["settled"],
        end=present["end"],
        shards=present["shards"],
        batch_norm=present["batch_norm"],
        channels=present["channels"],
        start=start,
        fold=present["fold"],
        split=present["split"],
        error_target=present["error_target"],
    )


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
