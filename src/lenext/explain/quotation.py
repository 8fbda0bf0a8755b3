"""A recipe in the words of its file: source lines with the addresses that stand behind them, nothing imported."""

from __future__ import annotations

import ast
import fnmatch
import io
import tokenize
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

from lenext.errors import UsageError
from lenext.explain.address import assignments

FOR_TOOLS = ("fmt:", "noqa", "type:")  # comments that tell a reader nothing


class Line(NamedTuple):
    """A line of source and its comment: where the paper says so, or why it is ours."""

    text: str
    source: str


def variants(file: Path, network: str) -> Mapping[str, ast.expr]:
    """The recipes of a network in its model file, by variant: the first glob of RECIPES that matches the name."""
    table = assignments(ast.parse(file.read_text(encoding="utf-8")))["RECIPES"]
    assert isinstance(table, ast.Dict)
    for glob, recipes in zip(table.keys, table.values, strict=True):
        if fnmatch.fnmatchcase(network, text_of(glob)):
            assert isinstance(recipes, ast.Dict)
            return {text_of(key): value for key, value in zip(recipes.keys, recipes.values, strict=True)}
    return {}


def text_of(key: ast.expr | None) -> str:
    assert isinstance(key, ast.Constant)
    return str(key.value)


def quote_value(file: Path, value: ast.expr) -> list[Line]:
    """The lines of a value of the file, after the constants that it is made of."""
    text = file.read_text(encoding="utf-8")
    spans = constants(ast.parse(text), value)
    if not isinstance(value, ast.Name):  # made on the spot
        spans.append((value.lineno, value.end_lineno or value.lineno))
    return quote(text, spans)


def quote_function(file: Path, name: str) -> list[Line]:
    """The lines of a function at the top of the file, after the constants that it uses. Raises ``UsageError``."""
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    function = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name), None)
    if function is None:
        raise UsageError(f"{file} has no function {name!r}.", "Name one that stands at the top of the file.")
    return quote(text, [*constants(tree, function), (function.lineno, function.end_lineno or function.lineno)])


def constants(tree: ast.Module, node: ast.AST) -> list[tuple[int, int]]:
    """First and last line of every constant of the file on which ``node`` rests, in the order of the file."""
    values = assignments(tree)
    needed: set[str] = set()
    open_nodes = [node]
    while open_nodes:
        names = {part.id for part in ast.walk(open_nodes.pop()) if isinstance(part, ast.Name)}
        fresh = (names & values.keys()) - needed
        needed |= fresh
        open_nodes.extend(values[name] for name in fresh)
    wanted = {values[name] for name in needed}
    statements = [statement for statement in tree.body if getattr(statement, "value", None) in wanted]
    return [(statement.lineno, statement.end_lineno or statement.lineno) for statement in statements]


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
