"""Where things stand: file and line of what the package defines, read from its source without importing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lenext.errors import UsageError, did_you_mean

RECIPE_MAKERS = {"Recipe", "replace"}  # calls that give a recipe its name


# What an address can be of; of equal matches the first kinds come first.
KINDS = (
    "network", "layer", "class", "recipe", "protocol", "reading", "claim", "command", "function", "constant", "module",
)  # fmt: skip


@dataclass(frozen=True)
class Address:
    """One definition; ``kind`` is one of ``KINDS``, ``file`` the path as installed, ``line`` counts from 1."""

    name: str
    kind: str
    file: str
    line: int


def search(word: str, package: Path, index: Mapping[str, str]) -> list[Address]:
    """What is called ``word``, then what has it in its name; upper case, spaces and marks make no difference.

    package: the folder of the source; index: network -> its file under ``models/``, as names made by a formula do not
    stand in the source. A network brings its file's ``build``. Raises ``UsageError`` with near names.
    """
    sought = normal(word)
    found = [address for address in addresses(package, index, sought) if sought in normal(address.name)]
    if not sought or not found:
        names = {address.name for address in addresses(package, index)}
        hint = did_you_mean(word, names) or "Try a part of the name, or see `lenext models` for the networks."
        raise UsageError(f"Nothing is called {word!r}.", hint)
    found.sort(key=lambda address: KINDS.index(address.kind))
    exact = [address for address in found if normal(address.name) == sought]
    networks = [address for address in exact if address.kind == "network"]
    files = [Path(address.file) for address in networks]
    builders = [address for file in files for address in in_file(file, package, []) if address.name == "build"]
    return list(dict.fromkeys([*networks, *builders, *exact, *found]))  # each once


def normal(text: str) -> str:
    """Letters and digits alone."""
    return re.sub(r"[\W_]+", "", text.lower())


def addresses(package: Path, index: Mapping[str, str], sought: str = "") -> Iterator[Address]:
    """Every definition of the files that mention ``sought`` (a normal form); to parse the others would take long."""
    for path in sorted(package.rglob("*.py")):
        networks = [name for name, file in index.items() if path == package / "models" / f"{file}.py"]
        mentioned = [str(path.relative_to(package)), *networks, path.read_text(encoding="utf-8")]
        if sought in normal(" ".join(mentioned)):
            yield from in_file(path, package, networks)


def in_file(path: Path, package: Path, networks: list[str]) -> list[Address]:
    """The definitions of one file, which defines ``networks``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [*network_lines(tree, networks), *module_lines(path, package), *tree_lines(tree, path)]
    return [Address(name, kind, str(path), line) for name, kind, line in found]


Definition = tuple[str, str, int]  # name, kind, line


def module_lines(path: Path, package: Path) -> Iterator[Definition]:
    """The file itself; in ``cli/`` also the command that it is."""
    relative = path.relative_to(package)
    yield path.parent.name if path.stem == "__init__" else path.stem, "module", 1
    if relative.parts[0] == "cli" and (line := command_line(path)):
        yield path.stem, "command", line


def command_line(path: Path) -> int:
    """Where a verb's function begins; 0 in the files that help them."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.startswith("def command(")), 0)


def network_lines(tree: ast.Module, networks: list[str]) -> Iterator[Definition]:
    """The line of VARIANTS that defines each network, by its name or by a formula for names."""
    table = assignments(tree).get("VARIANTS")
    keys = [] if table is None else [key for node in ast.walk(table) for key in keys_of(node)]
    for name in networks:
        line = next((key.lineno for key in keys if re.fullmatch(pattern(key), name)), None)
        if line:
            yield name, "network", line


def keys_of(node: ast.AST) -> list[ast.expr]:
    """The keys of a dictionary or of the formula for one."""
    if isinstance(node, ast.Dict):
        return [key for key in node.keys if key]
    return [node.key] if isinstance(node, ast.DictComp) else []


def pattern(key: ast.expr) -> str:
    """A regular expression for the texts that a key can be."""
    if isinstance(key, ast.JoinedStr):
        return "".join(pattern(part) for part in key.values)
    return re.escape(str(key.value)) if isinstance(key, ast.Constant) else ".+"


def tree_lines(tree: ast.Module, path: Path) -> Iterator[Definition]:
    """Functions, classes and constants at the top of a file, and the named values in the constants."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            if node.name != "command" or path.parent.name != "cli":
                yield node.name, "function", node.lineno
        elif isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base) for base in node.bases}
            runs = any(isinstance(part, ast.FunctionDef) and part.name == "forward" for part in node.body)
            yield node.name, "layer" if runs or bases & {"nn.Module", "Network"} else "class", node.lineno
    for name, value in assignments(tree).items():
        named = list(named_values(name, value))
        if not any(kind == "recipe" and line == value.lineno for _, kind, line in named):
            yield name, "constant", value.lineno
        yield from named


def named_values(name: str, value: ast.expr) -> Iterator[Definition]:
    """Recipes and claims by the name that their call gives them, protocols and readings by their key."""
    kind = {"PROTOCOLS": "protocol", "READINGS": "reading"}.get(name)
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            given = {keyword.arg: keyword.value for keyword in node.keywords}.get("name")
            if node.func.id in RECIPE_MAKERS and isinstance(given, ast.Constant):
                yield str(given.value), "recipe", node.lineno
            elif node.func.id == "Claim" and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value), "claim", node.lineno
        elif kind and isinstance(node, ast.Dict):
            for key, part in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and not isinstance(part, ast.Dict):
                    yield str(key.value), kind, key.lineno


def assignments(tree: ast.Module) -> dict[str, ast.expr]:
    """The constants at the top of a file and their values, in order."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update({target.id: node.value for target in targets if isinstance(target, ast.Name)})
    return found
