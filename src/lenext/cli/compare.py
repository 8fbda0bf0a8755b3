"""``lenext compare``."""

from __future__ import annotations

from typing import Any

import click

from lenext.cli.loading import loading
from lenext.cli.options import common, measuring
from lenext.cli.output import emit
from lenext.cli.watch import screen


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--data", required=True, help="A folder, a CSV or a built-in set, as for evaluate.")
@measuring
@common
def command(a: str, b: str, data: str, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Say whether A or B is better on the same images, whether that is chance, and where they differ.

    A and B are run folders, weight files, or networks' names for their published ImageNet weights.
    """
    with loading():
        from lenext.api.compare import measured
        from lenext.api.options import EvaluateOptions

    with screen(quiet=quiet) as watcher:
        found = measured(a, b, data, EvaluateOptions(**asked), watcher)
    emit(found.document(), found.lines(), as_json=as_json)
