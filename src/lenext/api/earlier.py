"""Answers that a file holds: some are asked for again, to see that the same network gave them, in the same way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lenext.errors import UsageError

SOME = 8  # ours: answers that are asked for again, the last of a file
APART = 0.5  # ours: of log-odds; 0.34 was the most between fp32 and bf16 of 363 pictures (docs/log.md)
SURE = 1e-3  # ours: how far from 0 and 1 a probability counts at least
EDGE = 0.1  # ours: the share of a limit within which a novelty may fall on either side


@dataclass(frozen=True)
class Said:
    """What was said of a file: the best class and how many were named; where a network may say "unknown" the answer,
    and the confidence that was enough, as far as that is told.
    """

    path: str
    best: str
    probability: float
    named: int
    answer: str | None = None
    level: float | None = None


def compare(file: str, said: Iterable[Said], again: Iterable[Mapping[str, Any]], top: int) -> None:
    """Raise UsageError where another network gave the answers, or the same with other options than now.

    again: what ``lenext.predict`` says now, of all classes. A file that cannot be read any more is passed over.
    """
    for one, now in zip(said, again, strict=True):
        if now["error"] is not None:
            continue
        found = now["predictions"]
        if one.named != min(top, len(found)):
            raise other_columns(file)
        if not alike(one, found):
            raise UsageError(
                f"{file} was written by another network: of {one.path} it says {one.best} {one.probability:.4f}, this "
                f"network {found[0]['class']} {found[0]['probability']:.4f}.",
                f"Name another file; or, where it is the picture that has changed, take its line out of {file}.",
            )
        if one.answer is not None and not as_sure(one, now["answer"], now["doubt"]):
            raise UsageError(f"{file} was written with another --unknown.", "Ask for the same, or name another file.")


def other_columns(file: str) -> UsageError:
    """What to raise where a file holds more or less of each answer than is asked for now."""
    return UsageError(f"{file} was written with other columns.", "Ask for what it holds: --top, --unknown.")


def alike(one: Said, found: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the class that was best is as probable now, and the best now no more; of two that tie either is best."""
    own = next((each["probability"] for each in found if each["class"] == one.best), 0.0)
    return all(near(one.probability, each) for each in (own, found[0]["probability"]))


def as_sure(one: Said, answer: str, doubt: Mapping[str, Any]) -> bool:
    """Whether the network says "unknown" by the same rule; at the edge of it an answer may fall on either side."""
    if one.level is not None:
        return bool(one.level == doubt["threshold"])
    new, limit = doubt["novelty"], doubt["novelty_limit"]
    edge = new is not None and limit is not None and abs(new - limit) < EDGE * limit
    return one.answer == answer or edge or near(doubt["confidence"], doubt["threshold"])


def near(one: float, other: float) -> bool:
    """Whether two probabilities may be of the same network, in other batches or in another precision."""
    return abs(log_odds(one) - log_odds(other)) <= APART


def log_odds(probability: float) -> float:
    held = min(max(probability, SURE), 1 - SURE)
    return math.log(held / (1 - held))
