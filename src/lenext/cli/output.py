"""What every verb shares: its options, and one document or some lines on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import click

from lenext.errors import UsageError
from lenext.evaluation.text import columns, visible

Function = TypeVar("Function", bound=Callable[..., Any])


def common(function: Function) -> Function:
    """--json and --quiet."""
    quiet = click.option("--quiet", is_flag=True, help="No progress and no messages.")
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
    return quiet(as_json(function))


def emit(document: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """The result: ``document`` as JSON, or ``lines`` for a person."""
    if as_json:
        click.echo(json_text(document))
    else:
        for line in lines:
            click.echo(line)


def json_text(document: Any) -> str:
    """One line of JSON; escaped throughout where a name is not Unicode (the bytes of a strange file name)."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(document)
    return text


def table(header: list[str], rows: list[list[str]], right: set[int]) -> list[str]:
    """Aligned columns; those numbered in ``right`` end in line."""
    shown = [[visible(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(columns, column)) for column in zip(*shown, strict=True)]

    def line(row: list[str]) -> str:
        gaps = [" " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [gap + cell if i in right else cell + gap for i, (cell, gap) in enumerate(zip(row, gaps, strict=True))]
        return "  ".join(cells).rstrip()

    return [line(row) for row in shown]


def fitted(lines: Iterable[str]) -> Iterator[str]:
    """Lines cut at the right edge of a terminal, so that a table stays one; a pipe or file gets them whole."""
    import shutil

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    return (line if len(line) <= width else f"{line[: width - 1]}…" for line in lines)


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
