"""What every verb shares: its options, and one document or some lines on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from lenext.errors import UsageError

Function = TypeVar("Function", bound=Callable[..., Any])


def common(function: Function) -> Function:
    """--json and --quiet."""
    quiet = click.option("--quiet", is_flag=True, help="No progress and no messages.")
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
    return quiet(as_json(function))


def emit(document: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """The result: ``document`` as JSON, or ``lines`` for a person."""
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        for line in lines:
            click.echo(line)


def table(header: list[str], rows: list[list[str]], right: set[int]) -> list[str]:
    """Aligned columns; those numbered in ``right`` end in line."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]

    def line(row: list[str]) -> str:
        cells = [
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return [line(header), *map(line, rows)]


def options_of(words: tuple[str, ...]) -> dict[str, Any]:
    """``--option name=value`` as a mapping; values are read as JSON, or as text."""
    options = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"--option {word!r} has no value.", "Write it as --option shortcut=A.")
        try:
            options[name] = json.loads(text)
        except json.JSONDecodeError:
            options[name] = text
    return options
