"""A data set as a CSV file with the columns path,label[,split]; written and read in the same form."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterable
from pathlib import Path

from lenext.data.folder import SPLIT_WORDS
from lenext.data.item import LEFT_OUT, Item, Problem
from lenext.errors import DataError

COLUMNS = ("path", "label", "split")


def read(path: Path) -> tuple[tuple[Item, ...], tuple[Problem, ...]]:
    """Images and problems of a UTF-8 CSV with a header line; paths are relative to the file's own folder.

    A file that does not exist is a problem; anything that is wrong in the table raises ``DataError`` with its line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start}).", "Save it as CSV in UTF-8.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}).", "Check the file's permissions.") from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    items: list[Item] = []
    problems: list[Problem] = []
    lines: dict[str, int] = {}
    columns: dict[str, int] = {}
    try:
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if not columns:
                columns = header(path, rows.line_num, row)
                continue
            item = read_row(path, rows.line_num, row, columns)
            place = os.path.normpath(item.path)
            if place in lines:
                raise complaint(path, rows.line_num, f"{item.path!r} stands in line {lines[place]} already.")
            lines[place] = rows.line_num
            if os.path.lexists(path.parent / item.path):
                items.append(item)
            else:
                message = f"There is no such file (line {rows.line_num})."
                problems.append(Problem(item.path, "unreadable", message, LEFT_OUT))
    except csv.Error as error:
        raise complaint(path, rows.line_num, f"This is not CSV ({error}).") from None
    if not columns:
        raise DataError(f"{path} is empty.", "Its first line must be path,label or path,label,split.")
    return tuple(items), tuple(problems)


def header(path: Path, line: int, row: list[str]) -> dict[str, int]:
    """Column name -> position; other columns are not used."""
    columns = {name.strip().lower(): index for index, name in reversed(list(enumerate(row)))}
    missing = [name for name in COLUMNS[:2] if name not in columns]
    if missing:
        other = next((mark for mark in ";\t|" if mark in "".join(row)), None)
        advice = f"Separate the columns with commas, not with {other!r}." if other else ""
        raise complaint(path, line, f"The column {missing[0]!r} is missing from the header.", advice)
    return {name: columns[name] for name in COLUMNS if name in columns}


def read_row(path: Path, line: int, row: list[str], columns: dict[str, int]) -> Item:
    cells = {name: unquoted(row[index].strip()) if index < len(row) else "" for name, index in columns.items()}
    for name in COLUMNS[:2]:
        if not cells[name]:
            raise complaint(path, line, f"The {name} is empty.")
    word = cells.get("split", "")
    if word and word.casefold() not in SPLIT_WORDS:
        raise complaint(path, line, f"The split {word!r} is not known.", "Splits are train, val and test.")
    if "\0" in cells["path"]:
        raise complaint(path, line, "The path holds a zero byte.")
    return Item(cells["path"].replace("\\", "/"), cells["label"], SPLIT_WORDS.get(word.casefold(), ""))


# What spreadsheets take for a formula, also behind the apostrophes that we put before it.
FORMULA, QUOTED = re.compile(r"'*[=+\-@\t\r\n]"), re.compile(r"'+[=+\-@\t\r\n]")


def quoted(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would compute."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unquoted(cell: str) -> str:
    """What ``quoted`` was given."""
    return cell[1:] if QUOTED.match(cell) else cell


def complaint(path: Path, line: int, message: str, remedy: str = "") -> DataError:
    return DataError(f"{path}, line {line}: {message}", remedy or "Correct the line.")


def text(items: Iterable[Item], root: Path, home: Path) -> str:
    """The items as such a table; files below ``home``, where the table will lie, by relative path."""
    home, root = home.resolve(), root.resolve()
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in items:
        place = root / item.path
        name = place.relative_to(home) if place.is_relative_to(home) else place
        writer.writerow((quoted(name.as_posix()), quoted(item.label), item.split))
    return table.getvalue()
