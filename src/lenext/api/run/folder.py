"""A run folder: what is needed to resume a run bit for bit, and to read its result."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from lenext.data.known import Known, read, remembered
from lenext.data.listing import Listing
from lenext.data.split import UNTOLD, to_csv
from lenext.data.statistics import Statistics
from lenext.errors import Failed, UsageError
from lenext.recipes import Recipe
from lenext.values import decode, encode
from lenext.weights.durable import MANIFEST, make_folder, read_folder, remove_folder, write_file, write_folder

RUN = "run.json"
CONTENTS = "contents.json"
PATIENCE = 10.0  # ours: seconds; a run's folder is made in one


class RunFolder:
    """A run's folder, and where things lie in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = path / "checkpoints"
        self.recipe = path / "recipe.json"
        self.metrics = path / "metrics.jsonl"
        self.weights = path / "model.safetensors"
        self.report = path / "report.html"
        self.model_card = path / "README.md"
        self.sweep = path / "rates.json"
        self.tuning = path / "tuning"
        self.seconds = path / "seconds"
        self._settled = path / "settled"

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
        with alone(self.path.parent):
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
        """The rule by which ``data.csv`` was divided, for runs that do not say it; the last of theirs if none fits."""
        kept = self._read("data.csv")
        fits = [rule for rule in range(UNTOLD, 0, -1) if csv_bytes(divided(rule), self.path) == kept]
        return fits[0] if fits else UNTOLD

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
            except BlockingIOError:
                raise Failed(
                    f"Another process is training in {self.path}.", "Wait for it, or choose another folder with --out."
                ) from None
            except OSError:  # a file system without locks
                pass
            yield


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else makes a run in the folder meanwhile: two of one name would write on each other's files.

    A folder that has no locks is written to without one, and so is one whose lock somebody keeps: whoever starts the
    run by ``flock FOLDER lenext train ...`` waits for its end.
    """
    with ExitStack() as held:
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY)
            held.callback(os.close, descriptor)
            lock(descriptor)
        yield


def lock(descriptor: int) -> None:
    """Lock an open folder, if it is free within ``PATIENCE`` seconds. Raises OSError where there are no locks."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return


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
