"""What is known about a finished run, as plain values: the report and the model card are written from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenext.evaluation.label_measure import Measurement
from lenext.evaluation.label_trust import LabelTrust
from lenext.evaluation.trust import Trust


@dataclass(frozen=True, kw_only=True)
class NetworkFacts:
    """The trained network: ``input`` is channels, height, width; ``params`` counts what can be trained.

    start: where the initial weights come from, with their licence.
    """

    name: str
    reading: str
    paper: str
    year: int
    params: int
    input: tuple[int, int, int]
    start: str = "none: trained from scratch"


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """The data it saw.

    counts: split -> class -> images; images: split -> images, which are other than the sum where one may have several
    labels; problems: what the scan found, as ``{"path", "kind", "message", "action"}``.
    """

    name: str
    classes: Sequence[str]
    counts: Mapping[str, Mapping[str, int]]
    images: Mapping[str, int] = field(default_factory=dict)
    problems: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class PicturedMistake:
    """A mistake with its picture: uint8 H x W x C of any number of channels or the bytes of a PNG file.

    heat: the PNG file of a transparent layer of the picture's aspect, None where the map was not computed; hidden: the
    probability of the answer without the hottest tenth of what the network is shown; label, verdict: as of a
    ``Mistake``.
    """

    name: str
    truth: str
    answer: str
    probability: float
    picture: NDArray[np.uint8] | bytes
    heat: bytes | None = None
    hidden: float | None = None
    label: str = ""
    verdict: str = ""


@dataclass(frozen=True, kw_only=True)
class PicturedClass:
    """Of one class the picture that was recognised most surely, and the surest wrong answer (None: there is none)."""

    name: str
    right: PicturedMistake | None
    wrong: PicturedMistake | None


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What it cost; ``command`` repeats it; ``versions`` package -> version."""

    seconds: float
    machine: str
    versions: Mapping[str, str]
    seed: int
    command: str


@dataclass(frozen=True, kw_only=True)
class Usage:
    """How to use the result, as the lines to type."""

    shell: str
    python: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """A finished run.

    recipe: (field, value) as text, in the recipe's order; deviations: fields that differ from the recipe as written;
    curves: rows of ``metrics.jsonl``; ``loss train_top1 val_loss val_top1`` over ``epoch`` or ``step`` are drawn, where
    present;
    evaluations: split -> measurement; chosen_on: the split whose images chose the checkpoint or the thresholds of
    labels, "" when none did; trust: how far the answers are to be believed; sweep, trials: of a learning rate and of
    recipes, before the first step.
    """

    title: str
    network: NetworkFacts
    data: DataFacts
    recipe: Sequence[tuple[str, str]]
    evaluations: Mapping[str, Measurement]
    run: RunFacts
    usage: Usage
    chosen_on: str = ""
    deviations: Sequence[str] = ()
    curves: Sequence[Mapping[str, float | None]] = ()
    mistakes: Sequence[PicturedMistake] = ()
    trust: Trust | LabelTrust | None = None
    examples: Sequence[PicturedClass] = ()
    sweep: Mapping[str, Any] | None = None
    trials: Sequence[Mapping[str, Any]] = ()

    @property
    def pictured(self) -> list[PicturedMistake]:
        """All pictures in the report's order."""
        pairs = [one for pair in self.examples for one in (pair.right, pair.wrong)]
        return [one for one in (*pairs, *self.mistakes) if one is not None]

    @property
    def headline(self) -> tuple[str, Measurement]:
        """The split and measurement to quote: of images that chose nothing, where there are any."""
        independent = [split for split in self.evaluations if split != self.chosen_on]
        split = (independent or list(self.evaluations))[-1]
        return split, self.evaluations[split]
