"""``lenext models``."""

from __future__ import annotations

import click

from lenext.cli.options import common
from lenext.cli.output import emit, fitted, table
from lenext.errors import UsageError, did_you_mean
from lenext.models import FILE_OF, line, list_models


@click.command()
@click.argument("pattern", default="*", metavar="[GLOB]")
@click.option("--sort", type=click.Choice(["line", "name", "params", "macs"]), default="line", help="Order [line].")
@common
def command(pattern: str, sort: str, as_json: bool, quiet: bool) -> None:  # noqa: ARG001 - nothing to silence
    """List the networks of the line: name, year, parameters, multiply-adds, input, paper."""
    facts = line()
    rows = [{"name": name, **facts[name]} for name in list_models(pattern)]
    if not rows:
        hint = did_you_mean(pattern, FILE_OF) or "See `lenext models` for all."
        raise UsageError(f"No network is called {pattern!r}.", hint)
    if sort != "line":
        rows.sort(key=lambda row: row[sort])
    cells = [
        [
            row["name"],
            str(row["year"]),
            f"{row['params']:,}",
            f"{row['macs']:,}",
            "x".join(map(str, row["input"])),
            row["paper"],
        ]
        for row in rows
    ]
    header = ["name", "year", "parameters", "multiply-adds", "input", "paper"]
    emit(rows, fitted(table(header, cells, {2, 3})), as_json=as_json)
