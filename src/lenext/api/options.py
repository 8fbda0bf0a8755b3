"""What one can ask of a training run, and how the Python names read what they are asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from lenext.errors import UsageError, did_you_mean

Options = TypeVar("Options")


def read_options(kind: type[Options], asked: Mapping[str, Any], function: str) -> Options:
    """``asked`` as the options of ``function``. Raises UsageError, with near names, for one that it does not have."""
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in asked:
        if name not in known:
            hint = did_you_mean(name, known) or f"It takes: {', '.join(known)}."
            raise UsageError(f"{function} takes no {name!r}.", hint)
    return kind(**asked)


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """None means: decided by the recipe, the data or the machine; a resumed run keeps what it was started with.

    model: a network's name; recipe: "practical", "paper", "paper:VARIANT" or a JSON file; reading, options: how
    the network is built; settings: ``field=value`` changes of the recipe; workers: threads that read images;
    on_bad: "skip" or "stop" when a file cannot be used; save_every: seconds between checkpoints; data_root: where the
    files of built-in sets lie; validation: share of the training images that is held out where there is no split.
    """

    model: str | None = None
    recipe: str | None = None
    reading: str | None = None
    options: Mapping[str, Any] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    image_size: int | None = None
    settings: tuple[str, ...] = ()
    seed: int | None = None
    validation: float | None = None
    on_bad: str = "skip"
    data_root: str | None = None
    device: str = "auto"
    precision: str | None = None
    workers: int = 2
    threads: int | None = None
    out: Path | None = None
    resume: bool = False
    save_every: float = 60.0

    @property
    def changes_recipe(self) -> bool:
        """Whether anything was asked that decides the recipe."""
        named = (self.recipe, self.epochs, self.batch_size, self.image_size)
        return any(value is not None for value in named) or bool(self.settings)
