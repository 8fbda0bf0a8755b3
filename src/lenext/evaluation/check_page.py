"""The page of ``lenext check``: what is wrong with a data set, with pictures, in one HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lenext.data.item import LEFT_OUT, Problem
from lenext.evaluation.pages import Picture, environment
from lenext.weights.durable import write_file

PROBLEMS = 1000  # that the page names one by one


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One picture with its path, and where it belongs: class and split."""

    path: str
    place: str
    picture: Picture | None


@dataclass(frozen=True, kw_only=True)
class Group:
    """Pictures side by side, under a title that says what is the matter with them."""

    title: str
    note: str
    pictures: Sequence[Shown]


@dataclass(frozen=True, kw_only=True)
class CheckPage:
    """name: of the data; lines: the summary; counts: split -> class -> images; more: groups that are not shown."""

    name: str
    lines: Sequence[str]
    counts: Mapping[str, Mapping[str, int]]
    groups: Sequence[Group]
    more: int
    problems: Sequence[Problem]


def write_check_page(path: Path, page: CheckPage) -> None:
    """Write the page, whole or not at all. Raises ``Failed`` when it cannot be written."""
    write_file(path, render_check(page).encode("utf-8", "backslashreplace"))


def render_check(page: CheckPage) -> str:
    """The page's HTML."""
    order = sorted(page.problems, key=lambda problem: problem.action != LEFT_OUT)
    kinds: dict[str, int] = {}
    for problem in order:
        kinds[problem.kind] = kinds.get(problem.kind, 0) + 1
    classes = sorted({name for split in page.counts.values() for name in split})
    largest = max((count for split in page.counts.values() for count in split.values()), default=1)
    template = environment().get_template("check.html")
    shown = order[:PROBLEMS]
    return template.render(page=page, kinds=kinds, classes=classes, largest=max(1, largest), problems=shown)
