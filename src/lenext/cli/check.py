"""``lenext check``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lenext.cli.loading import loading
from lenext.cli.options import common, data_root, file_to_write
from lenext.cli.output import emit, table
from lenext.cli.watch import screen

if TYPE_CHECKING:
    from lenext.api.check import Checked
    from lenext.data.item import Problem

NAMED = 20  # problems of one kind that are written out; --json has all
ALIKE = 3  # the same of remarks on a picture's format, whose sentence is the same for each


@click.command()
@click.argument("data")
@click.option("--model", metavar="RUN", help="Name the labels that a trained model doubts: a run or a weight file.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with the pictures, side by side.")
@click.option("--fix-list", type=click.Path(path_type=Path), help="Write what to leave out, a path a line.")
@data_root
@click.option("--device", default="auto", help="Of the model: auto, cpu, cuda, cuda:1 ...")
@click.option("--workers", type=click.IntRange(1), default=2, help="Threads that read images [2].")
@common
def command(data: str, html: Path | None, fix_list: Path | None, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Say what is wrong with DATA before it trains anything: every file is read, none is changed.

    Damaged files, wrong names, equal and nearly equal pictures (above all in two classes or two splits), mixtures,
    imbalance. What decoding found is remembered in $LENEXT_CACHE, so that a second check is quick.
    """
    with loading():
        from lenext.api.check import CheckOptions, checked
        from lenext.api.checked.fix_list import write_fix_list
        from lenext.api.checked.page import write_page

    for option, file in (("--html", html), ("--fix-list", fix_list)):
        if file is not None:
            file_to_write(option, file)
    with screen(quiet=quiet) as watcher:
        found = checked(data, CheckOptions(**asked), watcher)
    if html is not None:
        write_page(html, found)
    if fix_list is not None:
        write_fix_list(fix_list, found)
    emit(found.document(), lines(found), as_json=as_json)


def lines(found: Checked) -> Iterator[str]:
    """Problems, classes and the summary; the kinds with the most files first, what was left out after the remarks."""
    from lenext.api.data import counts, problem_line
    from lenext.data.item import LEFT_OUT
    from lenext.data.remarks import REMARKS
    from lenext.data.scan import summary

    kinds: dict[tuple[bool, str], list[Problem]] = {}
    for problem in found.listing.problems:
        kinds.setdefault((problem.action == LEFT_OUT, problem.kind), []).append(problem)
    for (_, kind), alike in sorted(kinds.items(), key=lambda entry: (entry[0][0], -len(entry[1]))):
        most = ALIKE if kind in REMARKS else NAMED
        yield from map(problem_line, alike[:most])
        if len(alike) > most:
            yield f"  and {len(alike) - most:,} more {kind}: --json names all"
    by_split = counts(found.listing)
    rows = [[name, *(f"{split[name]:,}" for split in by_split.values())] for name in found.listing.classes]
    heads = list(by_split) if any(item.split for item in found.listing.items) else ["images"]
    yield from table(["class", *heads], rows, right=set(range(1, len(by_split) + 1)))
    yield from summary(found.listing)
