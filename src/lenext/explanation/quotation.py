"""A recipe in the words of its file: source lines with the addresses that stand behind them, nothing imported."""

from __future__ import annotations

import ast
import fnmatch
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import lenext
from lenext.errors import UsageError
from lenext.explanation.address import assignments, pattern

FOR_TOOLS = ("fmt:", "noqa", "type:")  # comments that tell a reader nothing
SHARED = "lenext.recipes.standard"  # values that stand in no model file


class Line(NamedTuple):
    """A line of source and its comment: where the paper says so, or why it is ours."""

    text: str
    source: str


def variants(file: Path, network: str) -> Mapping[str, ast.expr]:
    """The recipes of a network in its model file, by variant: the first glob of RECIPES that matches the name.

    RECIPES may be a formula too, with one text for all names; its value then is the recipe of each.
    """
    table = assignments(ast.parse(file.read_text(encoding="utf-8")))["RECIPES"]
    assert isinstance(table, ast.Dict | ast.DictComp)
    if isinstance(table, ast.DictComp) and network not in spelled(table):
        return {}
    keys, values = (table.keys, table.values) if isinstance(table, ast.Dict) else ([table.key], [table.value])
    for key, recipes in zip(keys, values, strict=True):
        if matches(key, network):
            assert isinstance(recipes, ast.Dict)
            return {text_of(key): value for key, value in zip(recipes.keys, recipes.values, strict=True)}
    return {}


def spelled(table: ast.DictComp) -> set[str]:
    """The names that a formula makes which goes through the letters of a text."""
    assert isinstance(table.key, ast.JoinedStr)
    parts = [part.value if isinstance(part, ast.Constant) else None for part in table.key.values]
    letters = ast.literal_eval(table.generators[0].iter)
    return {"".join(letter if part is None else str(part) for part in parts) for letter in letters}


def matches(key: ast.expr | None, network: str) -> bool:
    """Whether a key of RECIPES, a glob or a formula for names, means the network."""
    if isinstance(key, ast.JoinedStr):
        return re.fullmatch(pattern(key), network) is not None
    return fnmatch.fnmatchcase(network, text_of(key))


def text_of(key: ast.expr | None) -> str:
    assert isinstance(key, ast.Constant)
    return str(key.value)


def quote_value(file: Path, value: ast.expr) -> list[Line]:
    """The lines of a value of the file, after all that it is made of: shared values, constants, functions."""
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    needed = definitions(tree, names(value))
    spans = [span(one) for one in needed]
    if not isinstance(value, ast.Name):  # made on the spot
        spans.append(span(value))
    used = names(value).union(*map(names, needed))
    return [*quote_shared(used & imported(tree)), *quote(text, spans)]


def quote_shared(wanted: set[str]) -> list[Line]:
    """The values of ``recipes/standard`` with these names, and an empty line."""
    if not wanted:
        return []
    text = (Path(lenext.__file__).parent / "recipes" / "standard.py").read_text(encoding="utf-8")
    spans = [span(one) for one in definitions(ast.parse(text), wanted)]
    return [Line("# From recipes/standard.py, which several papers share:", ""), *quote(text, spans), Line("", "")]


def imported(tree: ast.Module) -> set[str]:
    """What the file takes from ``recipes/standard``."""
    lists = [node.names for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == SHARED]
    return {name.name for names in lists for name in names}


def quote_function(file: Path, name: str) -> list[Line]:
    """The lines of a function at the top of the file, after the constants that it uses. Raises ``UsageError``."""
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    function = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name), None)
    if function is None:
        raise UsageError(f"{file} has no function {name!r}.", "Name one that stands at the top of the file.")
    return quote(text, [span(one) for one in (*definitions(tree, names(function)), function)])


def definitions(tree: ast.Module, wanted: set[str]) -> list[ast.stmt]:
    """The constants and functions of the file that have these names, and all on which they rest, in its order."""
    known = statements(tree)
    needed: set[str] = set()
    while fresh := (wanted & known.keys()) - needed:
        needed |= fresh
        wanted = set[str]().union(*(names(known[name]) for name in fresh))
    return [statement for name, statement in known.items() if name in needed]


def statements(tree: ast.Module) -> dict[str, ast.stmt]:
    """What the file defines at its top, by name: constants and functions."""
    values = {id(value): name for name, value in assignments(tree).items()}
    found: dict[str, ast.stmt] = {}
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            found[statement.name] = statement
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and id(statement.value) in values:
            found[values[id(statement.value)]] = statement
    return found


def names(node: ast.AST) -> set[str]:
    """What a part of the file refers to by a bare name."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)}


def span(node: ast.expr | ast.stmt) -> tuple[int, int]:
    """First and last line."""
    return node.lineno, node.end_lineno or node.lineno


def quote(text: str, spans: list[tuple[int, int]]) -> list[Line]:
    """Spans of lines, each with the comment that stands above it, an empty line between."""
    rows, comments = text.splitlines(), comments_of(text)
    quoted: list[Line] = []
    for first, last in spans:
        while first > 1 and rows[first - 2].startswith("#"):
            first -= 1  # noqa: PLW2901 - the comment belongs to it
        code = [
            row[: comments[number][0]] if number in comments else row for number, row in numbered(rows, first, last)
        ]
        for number, plain in enumerate(dedent("\n".join(code)).splitlines(), first):
            quoted.append(line_of(plain.rstrip(), comments.get(number, (0, ""))[1]))
        quoted.append(Line("", ""))
    return quoted[:-1]


def numbered(rows: list[str], first: int, last: int) -> Iterator[tuple[int, str]]:
    return enumerate(rows[first - 1 : last], first)


def line_of(text: str, comment: str) -> Line:
    """Code and comment apart; a comment on a line of its own is text."""
    words = comment.lstrip("# ")
    if words.startswith(FOR_TOOLS):
        words = ""
    return Line(text, words) if text else Line(f"# {words}" if words else "", "")


def comments_of(text: str) -> dict[int, tuple[int, str]]:
    """Line -> column and words of its comment."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0]: (token.start[1], token.string) for token in tokens if token.type == tokenize.COMMENT}
