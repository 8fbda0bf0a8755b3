"""``lenext check``."""

from __future__ import annotations

from collections import Counter

import click

from lenext.cli.output import common, emit
from lenext.cli.watch import screen


@click.command()
@click.argument("data")
@click.option("--data-root", help="Where the files of built-in sets lie.")
@click.option("--workers", type=click.IntRange(1), default=2, help="Threads that read images [2].")
@common
def command(data: str, data_root: str | None, workers: int, as_json: bool, quiet: bool) -> None:
    """Say what is wrong with DATA before it trains anything: every file is read, none is changed."""
    from lenext.api.data import problem_line
    from lenext.data.item import LEFT_OUT
    from lenext.data.listing import find
    from lenext.data.scan import scan, summary

    with screen(quiet=quiet) as watcher:
        listing = scan(find(data, data_root=data_root), workers=workers, progress=watcher.scan)
    labels = Counter(item.label for item in listing.items)
    document = {
        "images": len(listing.items),
        "classes": {name: labels[name] for name in listing.classes},
        "problems": [vars(problem) for problem in listing.problems],
    }
    # What was left out and the summary come last, where a terminal that has scrolled still shows them.
    problems = sorted(listing.problems, key=lambda problem: problem.action == LEFT_OUT)
    emit(document, [*map(problem_line, problems), *summary(listing)], as_json=as_json)
