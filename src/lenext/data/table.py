"""A data set as a CSV file with the columns path,label[,split], or several labels a row; written as it is read."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import compress
from pathlib import Path

from lenext.data.columns import (
    LABEL,
    PATH,
    SPLIT,
    Form,
    cell,
    check_first,
    check_labels,
    complaint,
    form_of,
    quoted,
    unused,
)
from lenext.data.folder import SPLIT_WORDS
from lenext.data.item import LEFT_OUT, Item, Problem
from lenext.errors import DataError


def read(path: Path) -> tuple[str, tuple[Item, ...], tuple[Problem, ...]]:
    """(layout, images, problems) of a UTF-8 CSV with a header line; paths are relative to the file's own folder.

    layout: which of the forms of ``columns`` the file has. A file that does not exist is a problem; anything that is
    wrong in the table raises ``DataError`` with its line.
    """
    rows = rows_of(path)
    header = next(rows, None)
    if header is None:
        raise DataError(f"{path} is empty.", "Its first line must be path,label or path,label,split.")
    form, names = form_of(path, *header), header[1]
    items: list[Item] = []
    lines: list[int] = []
    for line, row in rows:
        if any(map(str.strip, row[len(names) :])):
            what = f"There are {len(row)} cells, and the header names {len(names)}."
            raise complaint(path, line, what, "Put quotation marks around a cell that holds what separates the cells.")
        if not items:
            check_first(path, form, row)
        items.append(read_row(path, line, row, form))
        lines.append(line)
    check_twice(path, items, lines)
    check_labels(path, form, zip(lines, items, strict=True))
    present = [os.path.lexists(path.parent / item.path) for item in items]
    problems = [
        Problem(item.path, "unreadable", f"There is no such file (line {line}).", LEFT_OUT)
        for item, line, there in zip(items, lines, present, strict=True)
        if not there
    ]
    problems += [
        Problem(name, "class-empty", f"No image has the label {name!r}, which has a column.", LEFT_OUT)
        for name in unused(form, items)
    ]
    return form.layout, tuple(compress(items, present)), tuple(problems)


def rows_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with their lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}).", "Save it as CSV in UTF-8.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).", "Check the file's permissions.") from None
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark_of(text), strict=True)
    try:
        for row in rows:
            if any(map(str.strip, row)):
                yield rows.line_num, row
    except csv.Error as error:
        raise complaint(path, rows.line_num, f"This is not CSV ({error}).") from None


def mark_of(text: str) -> str:
    """What separates the cells: the mark by which the header has a column path beside others, else a comma."""
    for mark in ",;\t":
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
        with suppress(csv.Error):
            header = next((row for row in rows if any(map(str.strip, row))), [])
            if len(header) > 1 and PATH in {name.strip().lower() for name in header}:
                return mark
    return ","


def read_row(path: Path, line: int, row: list[str], form: Form) -> Item:
    """The image of a row."""
    cells = {name: cell(row, index) for name, index in form.columns.items()}
    for name in (PATH, LABEL):
        if name in cells and not cells[name]:
            raise complaint(path, line, f"The {name} is empty.")
    word = cells.get(SPLIT, "")
    if word and word.casefold() not in SPLIT_WORDS:
        raise complaint(path, line, f"The split {word!r} is not known.", "Splits are train, val and test.")
    if "\0" in cells[PATH]:
        raise complaint(path, line, "The path holds a zero byte.")
    split = SPLIT_WORDS.get(word.casefold(), "")
    return Item(cells[PATH].replace("\\", "/"), form.label(path, line, row), split)


def check_twice(path: Path, items: Iterable[Item], lines: Iterable[int]) -> None:
    """Refuse an image that has two rows."""
    seen: dict[str, int] = {}
    for item, line in zip(items, lines, strict=True):
        place = os.path.normpath(item.path)
        if place in seen:
            raise complaint(path, line, f"{item.path!r} stands in line {seen[place]} already.")
        seen[place] = line


def text(items: Iterable[Item], root: Path, home: Path, *, column: str = LABEL) -> str:
    """The items as such a table; files below ``home``, where the table will lie, by relative path.

    column: "labels" where an image may have several.
    """
    home, root = home.resolve(), root.resolve()
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow((PATH, column, SPLIT))
    for item in items:
        place = root / item.path
        name = place.relative_to(home) if place.is_relative_to(home) else place
        writer.writerow((quoted(name.as_posix()), quoted(item.label), item.split))
    return table.getvalue()
