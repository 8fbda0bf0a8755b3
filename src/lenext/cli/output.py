"""What a verb puts on standard output: one document or some lines."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

import click

from lenext.errors import DataError, LenextError
from lenext.evaluation.text import columns, visible


def emit(document: Any, lines: Iterable[str], *, as_json: bool) -> None:
    """The result: ``document`` as JSON, or ``lines`` for a person."""
    if as_json:
        click.echo(json_text(document))
    else:
        for line in lines:
            click.echo(line)


class Begun(Exception):
    """Its cause ended a document that had begun and is closed: what is left to say belongs on standard error."""


def emit_each(answers: Iterable[Mapping[str, Any]]) -> int:
    """One JSON list of what is said of each file, written as it grows; returns how many were readable."""
    readable, opening = 0, "["
    try:
        for answer in answers:
            click.echo(opening + json_text(answer), nl=False)
            readable, opening = readable + (answer["error"] is None), ",\n"
    except (LenextError, KeyboardInterrupt) as error:
        if opening == "[":
            raise
        click.echo("]")
        raise Begun from error
    click.echo("]")
    return readable


def end_unread(*, as_json: bool) -> NoReturn:
    """The end where none of the files could be read."""
    if as_json:  # the document names the reasons; a second one would make it unreadable
        click.get_current_context().exit(DataError.exit_status)
    raise DataError("None of the files could be read.", "See the reason beside each.")


def json_text(document: Any) -> str:
    """One line of JSON; escaped throughout where a name is not of standard output's characters, or not Unicode."""
    text = json.dumps(document, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
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
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    return (line if len(line) <= width else f"{line[: width - 1]}…" for line in lines)
