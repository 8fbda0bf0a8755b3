"""How the columns of a CSV name the classes of an image: one a row, several between marks, or a 0/1 column for each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lenext.data.item import SEPARATOR, Item
from lenext.errors import DataError

CSV, LABEL_SETS, LABEL_COLUMNS = "csv", "csv of label sets", "csv of label columns"
PATH, LABEL, LABELS, SPLIT = "path", "label", "labels", "split"
TRUTH = {"0": False, "1": True}
# What spreadsheets take for a formula, also behind the apostrophes that we put before it.
FORMULA, QUOTED = re.compile(r"'*[=+\-@\t\r\n]"), re.compile(r"'+[=+\-@\t\r\n]")
FORMS = (
    "Name the classes in a column label (one a row) or labels (several, between |), or in one column of 0 and 1 each."
)


@dataclass(frozen=True)
class Form:
    """layout: one of the three above; line: the header's; columns: known name -> position; classes: of 0/1 columns."""

    layout: str
    line: int
    columns: Mapping[str, int]
    classes: Mapping[str, int] = field(default_factory=dict)

    def label(self, path: Path, line: int, row: list[str]) -> str:
        """The label of a row as an item has it. Raises ``DataError`` for what is none."""
        if self.layout == LABEL_COLUMNS:
            return joined(name for name, index in self.classes.items() if truth(path, line, name, cell(row, index)))
        if self.layout == CSV:
            return cell(row, self.columns[LABEL])
        names = [part.strip() for part in text.split(SEPARATOR)] if (text := cell(row, self.columns[LABELS])) else []
        if "" in names:
            raise complaint(path, line, f"A label of {text!r} is empty.", "Write a|b|c; an empty cell is no label.")
        if len(set(names)) < len(names):
            raise complaint(path, line, f"A label stands twice in {text!r}.")
        return joined(names)


def form_of(path: Path, line: int, row: list[str]) -> Form:
    """The form that a header announces. Raises ``DataError`` where it announces none, or two."""
    names = [name.strip() for name in row]
    known = {name.lower(): index for index, name in reversed(list(enumerate(names)))}
    columns = {name: known[name] for name in (PATH, LABEL, LABELS, SPLIT) if name in known}
    if PATH not in columns:
        raise missing(path, line, PATH, row)
    if LABEL in columns and LABELS in columns:
        raise complaint(path, line, "There are a column 'label' and a column 'labels'.", "Keep one of them. " + FORMS)
    if LABEL in columns or LABELS in columns:
        others = {name: index for index, name in enumerate(names) if index not in columns.values()}
        return Form(CSV if LABEL in columns else LABEL_SETS, line, columns, others)
    others = {name: index for index, name in enumerate(names) if index not in columns.values()}
    if not others:
        raise missing(path, line, LABEL, row)
    if len(others) + len(columns) < len(names):
        raise complaint(path, line, "Two columns have one name.", "Give every class one column.")
    return Form(LABEL_COLUMNS, line, columns, others)


def check_first(path: Path, form: Form, row: list[str]) -> None:
    """Refuse columns that have neither a known name nor, in the first row, a single 0 or 1."""
    if form.layout == LABEL_COLUMNS and not any(cell(row, index) in TRUTH for index in form.classes.values()):
        raise missing(path, form.line, LABEL, [])
    for name in form.classes if form.layout == LABEL_COLUMNS else ():
        if not name or SEPARATOR in name:
            what = f"A column's name, {name!r}, holds {SEPARATOR!r}." if name else "A column has no name."
            raise complaint(path, form.line, what, "Name every column after its class, and remove row numbers.")


def check_labels(path: Path, form: Form, items: Iterable[tuple[int, Item]]) -> None:
    """Refuse, with the line of a row, what could be meant in two ways; items: each with its line."""
    items = list(items)
    if form.layout == CSV:
        check_single(path, items)
    if form.layout != LABEL_SETS:
        return
    labels = {name for _, item in items for name in names_of(item)}
    mixed = sorted(labels & form.classes.keys())
    if mixed:
        line = next(line for line, item in items if mixed[0] in names_of(item))
        what = f"The label {mixed[0]!r} is a column as well, and one of them may say yes where the other says no."
        raise complaint(path, line, what, "Keep the column labels or the columns of 0 and 1.")
    marks = [mark for mark in ";," if not any(SEPARATOR in item.label for _, item in items)]
    for line, item in items:
        if any(mark in item.label for mark in marks):
            raise complaint(path, line, f"The labels {item.label!r} may be one or several.", "Write a|b|c.")


def check_single(path: Path, items: list[tuple[int, Item]]) -> None:
    """Refuse several classes in a cell of one: where such a cell's part is the class of another."""
    cells = {item.label for _, item in items}
    uses = Counter(part for label in cells for part in set(label.split(SEPARATOR)))
    for line, item in items:
        parts = item.label.split(SEPARATOR)
        shared = [part for part in parts if uses[part] > 1] if len(parts) > 1 else []
        if shared:
            what = f"The label {item.label!r} may be one class or several, for {shared[0]!r} is one elsewhere."
            raise complaint(path, line, what, "Where images have several, call the column labels.")


def unused(form: Form, items: Iterable[Item]) -> list[str]:
    """Classes that have a column and not one image."""
    given = {name for item in items for name in names_of(item)}
    return [name for name in form.classes if form.layout == LABEL_COLUMNS and name not in given]


def names_of(item: Item) -> tuple[str, ...]:
    """The labels of an image that may have several."""
    return tuple(item.label.split(SEPARATOR)) if item.label else ()


def joined(names: Iterable[str]) -> str:
    return SEPARATOR.join(sorted(names))


def cell(row: list[str], index: int) -> str:
    return unquoted(row[index].strip()) if index < len(row) else ""


def quoted(cell: str) -> str:
    """The cell with an apostrophe before what a spreadsheet would compute."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unquoted(cell: str) -> str:
    """What ``quoted`` was given."""
    return cell[1:] if QUOTED.match(cell) else cell


def truth(path: Path, line: int, name: str, text: str) -> bool:
    if text not in TRUTH:
        raise complaint(path, line, f"The column {name!r} holds {text!r}, which is neither 0 nor 1.", FORMS)
    return TRUTH[text]


def missing(path: Path, line: int, name: str, row: list[str]) -> DataError:
    other = "|" if "|" in "".join(row) else None
    advice = f"The first line must name the columns, as path,label does; here it is {','.join(row)!r}."
    if other or name != PATH:
        advice = f"Separate the columns with commas, not with {other!r}." if other else FORMS
    return complaint(path, line, f"The column {name!r} is missing from the header.", advice)


def complaint(path: Path, line: int, message: str, remedy: str = "") -> DataError:
    return DataError(f"{path}, line {line}: {message}", remedy or "Correct the line.")
