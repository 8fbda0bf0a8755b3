"""What one can ask of training, measuring and predicting, and how the Python names read what they are asked."""

from __future__ import annotations

import math
import os
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from pathlib import Path
from typing import Any, TypeVar

from lenext.errors import UsageError, did_you_mean

Options = TypeVar("Options")

ON_BAD = ("skip", "stop")
ON_NAN = ("stop", "rollback")

# What a person reads where a value is of another type than its option.
WORDS: Mapping[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a text",
    Path: "a path",
    Mapping: "a dictionary",
    tuple: "a list or tuple",
}


def read_options(kind: type[Options], asked: Mapping[str, Any], function: str) -> Options:
    """``asked`` as the options of ``function``.

    Raises UsageError for one that it does not have, with near names, and for a value of another type.
    """
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in asked:
        if name not in known:
            hint = did_you_mean(name, known) or f"It takes: {', '.join(known)}."
            raise UsageError(f"{function} takes no {name!r}.", hint)
    hints = typing.get_type_hints(kind)
    plain = {name: plainly(value, hints[name]) for name, value in asked.items()}
    for name, value in plain.items():
        if not fits(hints[name], value):
            wanted = " or ".join(WORDS.get(plain_type(one), "None") for one in alternatives(hints[name]))
            raise UsageError(f"{function} was given {name}={value!r}.", f"Give {wanted}.")
    return kind(**plain)


def check_counts(asked: object, *names: str) -> None:
    """Refuse options that count something and are below 1. Raises UsageError."""
    for name in names:
        value = getattr(asked, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} is {value}.", "Give a whole number above zero.")


def paths_given(function: str, given: Any) -> Iterable[str]:
    """The path or paths that a function was given, each when it is asked for.

    Raises UsageError for what is none, an open picture, an array or a network among it.
    """
    if isinstance(given, str | os.PathLike):
        return [os.fspath(given)]
    if not isinstance(given, Iterable):
        raise no_path(function, given)
    if isinstance(given, Sequence):
        return [path_of(function, one) for one in given]
    return (path_of(function, one) for one in given)


def path_of(function: str, given: Any) -> str:
    """A path as text. Raises UsageError for what is none."""
    if not isinstance(given, str | os.PathLike):
        raise no_path(function, given)
    return os.fspath(given)


def no_path(function: str, given: Any) -> UsageError:
    return UsageError(f"{function} takes paths, not {type(given).__name__}.", "Save it to a file, and give its path.")


def fits(hint: Any, value: Any) -> bool:
    """Whether a value is of a type that an option has; NaN and infinity are no numbers."""
    kinds = [plain_type(one) for one in alternatives(hint)]
    if isinstance(value, bool):
        return bool in kinds
    if isinstance(value, float) and not math.isfinite(value):
        return False
    accepted: dict[Any, Any] = {float: (int, float), Path: (str, os.PathLike), tuple: (list, tuple)}
    return any(isinstance(value, accepted.get(kind, kind)) for kind in kinds)


def alternatives(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def plain_type(hint: Any) -> Any:
    """The class that values of a type hint have."""
    return typing.get_origin(hint) or hint


def plainly(value: Any, hint: Any) -> Any:
    """Whole numbers of NumPy as Python's, which JSON knows; a path as its text where a text is wanted."""
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, os.PathLike) and Path not in alternatives(hint):
        return os.fspath(value)
    return value


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """None means: decided by the recipe, the data or the machine; a resumed run keeps what it was started with.

    model: a network's name; recipe: "practical", "paper", "paper:VARIANT" or a JSON file; reading, options: how
    the network is built; weights: what it starts from, a run folder, a weight file or published weights by their name;
    image_size: the side of square inputs in pixels, or their height and width; fit: "crop", "squash" or "letterbox",
    how an image of another aspect is brought to that; channels: how many an image is read with, "auto" for what the
    data have; settings: ``field=value`` changes of the recipe; micro_batch: images of one pass at most, so that a batch
    fits in memory; workers: threads that read images; on_bad: "skip" or "stop" when a file cannot be used; save_every:
    seconds between checkpoints; data_root: where the files of built-in sets lie; validation: share of the training
    images that is held out where there is no split; freeze: the last stage that keeps its weights, "none" or "all";
    features_only: fit a linear classifier on frozen features; folds: so many runs, each tested on a fold that the
    others train on; fold: one of them, "1/5"; error_target: share of wrong answers that a network which may say
    `unknown` is allowed.

    balance: "sampling" or "weights" for classes of unequal size, or "none"; patience: epochs without a better
    validation after which the run ends; average: whether averaged weights are tested; save_memory: compute blocks again
    in the backward pass; find_rate: set the learning rate by a sweep; tune: trials of a search for a better recipe;
    compile: "on", "off" or "auto": the network as a program of its own, where a probe says that it pays back;
    cache: where decoded image files are kept: "ram", "disk", "off", or "auto" (in memory where all fit well);
    exact: read every image whole, also one that is scaled down to less than half;
    time_limit: "90s", "30m", "2h" or seconds, for all of the run; on_nan: "stop" or "rollback", when a number is lost.

    deterministic: the same bits on any number of processes, by ``shards`` of each batch (4); batch_norm: "local" or
    "sync", over the images of a process or of all.
    """

    model: str | None = None
    recipe: str | None = None
    reading: str | None = None
    options: Mapping[str, Any] | None = None
    weights: str | Path | None = None
    epochs: int | None = None
    batch_size: int | None = None
    micro_batch: int | None = None
    image_size: int | tuple[int, ...] | None = None
    fit: str | None = None
    channels: int | str | None = None
    settings: tuple[str, ...] = ()
    seed: int | None = None
    validation: float | None = None
    freeze: str | None = None
    features_only: bool = False
    folds: int | None = None
    fold: str | None = None
    error_target: float | None = None
    on_bad: str = "skip"
    data_root: str | None = None
    device: str = "auto"
    precision: str | None = None
    workers: int = 2
    threads: int | None = None
    out: Path | None = None
    resume: bool = False
    save_every: float = 60.0
    balance: str | None = None
    patience: int | None = None
    average: bool = False
    save_memory: bool = False
    compile: str | None = None
    cache: str = "auto"
    exact: bool = False
    find_rate: bool = False
    tune: int | None = None
    time_limit: str | float | None = None
    deterministic: bool = False
    shards: int | None = None
    batch_norm: str | None = None
    on_nan: str = "stop"

    @property
    def seconds(self) -> float | None:
        """The limit of time. Raises UsageError for a text that is none."""
        from lenext.training.budget import seconds_of

        return None if self.time_limit is None else seconds_of(str(self.time_limit))

    @property
    def changes_recipe(self) -> bool:
        """Whether anything was asked that decides the recipe."""
        named = (self.recipe, self.epochs, self.batch_size, self.image_size, self.fit)
        chosen = (*named, self.balance, self.patience, self.freeze)
        switched = self.average or self.features_only
        return any(value is not None for value in chosen) or bool(self.settings) or switched


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """How to measure.

    protocol: "single" (the view that the weight file names) or a protocol of a network's paper, as ``ten-crop`` of the
    network's own and ``vgg-dense-multiscale`` of any; split: "train", "val", "test" or "all", and when None the test
    split, else the validation split (also the one that the run itself held out of these data), else every image;
    weights: for networks' names which published ones; data_root: where the files of built-in sets lie; on_bad: skip or
    stop; unknown: share of wrong answers that a network which may say `unknown` is allowed, None for what its run aimed
    at; against: another data set, whose images the network should not know; engine: what computes, "auto" for the
    fastest here, None for torch as it comes.
    """

    protocol: str = "single"
    weights: str | None = None
    split: str | None = None
    batch_size: int = 64
    device: str = "auto"
    precision: str = "fp32"
    workers: int = 2
    data_root: str | None = None
    on_bad: str = "skip"
    unknown: float | None = None
    against: str | None = None
    engine: str | None = None


@dataclass(frozen=True, kw_only=True)
class PredictOptions:
    """top: classes to name; weights: for a network's name which published ones; workers: threads that read images.

    unknown: share of wrong answers that is allowed, None to answer always; engine: what computes, "auto" for the
    fastest here, None for torch as it comes, or for an exported network what its format is for.
    """

    top: int = 5
    weights: str | None = None
    batch_size: int = 32
    device: str = "auto"
    precision: str = "fp32"
    workers: int = 2
    unknown: float | None = None
    engine: str | None = None
