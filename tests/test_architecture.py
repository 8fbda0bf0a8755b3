"""The shape of the house: imports point one way, everything is small, and heavy things come last."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import lenext

SOURCE = Path(lenext.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
NAMES = {path: path.relative_to(SOURCE).as_posix() for path in FILES}

# From the ground up: a part may import what stands on a lower level, and itself.
LEVELS = (
    ("errors", "facts", "protocol", "recipes", "values"),
    ("layers",),
    ("models",),
    ("data", "weights", "parallel"),
    ("evaluation",),
    ("training", "explanation", "exports", "engines"),
    ("detect",),
    ("serve", "benchmark", "studies"),
    ("api",),
    ("cli",),
)
LEVEL = {part: level for level, parts in enumerate(LEVELS) for part in parts}
NEIGHBOURS = {  # within a level, each with its reason
    ("values", "errors"), ("recipes", "errors"), ("recipes", "protocol"),  # the values and how they are refused
    ("weights", "data"),  # the card holds the constants of the input
    ("exports", "engines"),  # what is written is run before it is kept
}  # fmt: skip
ROOT = ("__init__.py", "__main__.py")  # the public names, which lead everywhere

NEVER_MODELS = ("data", "training", "evaluation", "explanation", "exports", "engines", "detect", "parallel")
HEAVY = {"sklearn", "scipy", "matplotlib", "PIL", "rich", "jinja2"}
PICTURES = {"data/colour.py", "data/policies.py"}  # made of Pillow from end to end
VAGUE = {"utils", "util", "helpers", "helper", "misc", "common", "manager", "tools"}

KNOWN_TO_FIGURES = {"__future__", "", "dataclasses", "lenext.facts", "typing"}  # they are values, which need no torch

LINES, MODEL_LINES, FUNCTION_LINES, ARGUMENTS = 400, 300, 80, 8


def part_of(name: str) -> str:
    return name.partition("/")[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in the tree, in functions and for types too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_ways(name: str, tree: ast.AST) -> list[str]:
    """Imports of lenext in the file ``name`` that point upwards, or sideways without a reason."""
    here = part_of(name)
    found = []
    for module in imports(tree):
        top, _, inner = module.partition(".")
        there = inner.partition(".")[0]
        if top != "lenext" or there in {"", "__version__", here}:
            continue
        assert there in LEVEL, f"{there} has no level"
        upwards = LEVEL[there] > LEVEL[here]
        sideways = LEVEL[there] == LEVEL[here] and (here, there) not in NEIGHBOURS
        models = there == "models" and here in NEVER_MODELS
        if upwards or sideways or models:
            found.append(f"{name} imports {module}")
    return found


def oversized(name: str, source: str) -> list[str]:
    """What is longer than it may be."""
    found = []
    limit = MODEL_LINES if name.startswith("models/") else LINES
    if len(source.splitlines()) > limit:
        found.append(f"{name} has {len(source.splitlines())} lines")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            count = sum(argument.arg not in ("self", "cls") for argument in arguments)
            if length > FUNCTION_LINES:
                found.append(f"{name}: {node.name} has {length} lines")
            if count > ARGUMENTS and not is_command(node):
                found.append(f"{name}: {node.name} has {count} arguments")
    return found


def is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """A command's arguments are its options, which a person reads in its help."""
    return any("command" in ast.unparse(decorator) for decorator in node.decorator_list)


def at_import(tree: ast.Module) -> set[str]:
    """Packages that importing the file imports: not those in functions or under TYPE_CHECKING."""
    found = set()
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {module.split(".")[0] for module in imports(node)}
        waiting.extend(ast.iter_child_nodes(node))
    return found


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


every_file = pytest.mark.parametrize("path", FILES, ids=NAMES.get)


def test_there_is_a_house() -> None:
    assert len(FILES) > 40
    assert {part_of(name) for name in NAMES.values() if name not in ROOT} <= set(LEVEL)


@every_file
def test_imports_point_one_way(path: Path) -> None:
    if NAMES[path] not in ROOT:
        assert wrong_ways(NAMES[path], tree_of(path)) == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("data/loader.py", "from lenext.training.loop import fit"),
        ("data/loader.py", "from lenext.models import create_model"),
        ("data/loader.py", "from lenext.weights import card"),
        ("training/loop.py", "from lenext.models.vgg import RECIPE"),
        ("training/loop.py", "from lenext import api"),
        ("models/vgg.py", "import lenext.data.loader"),
        ("recipes.py", "from lenext.values import decode"),
        ("errors.py", "from lenext.recipes import Recipe"),
        ("api/train.py", "def f():\n    from lenext.cli import main"),
        ("layers/init.py", "if TYPE_CHECKING:\n    from lenext.evaluation.measure import measure"),
    ],
)
def test_a_wrong_import_is_seen(name: str, line: str) -> None:
    assert len(wrong_ways(name, ast.parse(line))) == 1


@pytest.mark.parametrize("name", ["models/vgg.py", "cli/train.py", "weights/card.py"])
def test_a_right_import_passes(name: str) -> None:
    assert wrong_ways(name, ast.parse("from lenext.layers.network import Network\nimport torch")) == []


def test_no_model_file_imports_another() -> None:
    """Only its own figures, which import none."""
    papers = [path for path in (SOURCE / "models").glob("*.py") if path.stem not in ("__init__", "table")]
    figures = [path for path in (SOURCE / "models" / "published").glob("*.py") if path.stem != "__init__"]
    assert {path.stem for path in papers} == {path.stem for path in figures}
    for path in papers:
        taken = [module for module in imports(tree_of(path)) if module.startswith("lenext.models")]
        assert taken == [f"lenext.models.published.{path.stem}"]
    for path in figures:
        assert {module.rpartition(".")[0] for module in imports(tree_of(path))} <= KNOWN_TO_FIGURES


@every_file
def test_everything_is_small(path: Path) -> None:
    assert oversized(NAMES[path], path.read_text(encoding="utf-8")) == []


def test_what_is_too_large_is_seen() -> None:
    long_function = "def f():\n" + "    x = 1\n" * 80
    assert oversized("data/a.py", long_function) == ["data/a.py: f has 81 lines"]
    assert oversized("data/a.py", "x = 1\n" * 401) == ["data/a.py has 401 lines"]
    assert oversized("models/a.py", "x = 1\n" * 301) == ["models/a.py has 301 lines"]
    assert oversized("data/a.py", "def f(a, b, c, d, e, *, g, h, i, j): ...") == ["data/a.py: f has 9 arguments"]
    assert oversized("cli/a.py", "@click.command()\ndef f(a, b, c, d, e, g, h, i, j): ...") == []


def repeated_code(sources: Mapping[str, str], size: int = 6) -> list[str]:
    """Where ``size`` lines in a row stand in functions or classes of two files, whatever their indentation."""
    places: dict[tuple[str, ...], dict[str, int]] = {}
    for name, source in sources.items():
        for node in ast.parse(source).body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue  # values: what a paper says, which another may say alike
            rows = code_lines(source, node)
            for at in range(len(rows) - size + 1):
                text = tuple(row for _, row in rows[at : at + size])
                places.setdefault(text, {}).setdefault(name, rows[at][0])
    return [
        " and ".join(f"{name}:{line}" for name, line in found.items()) for found in places.values() if len(found) > 1
    ]


def code_lines(source: str, node: ast.FunctionDef | ast.ClassDef) -> list[tuple[int, str]]:
    """The numbered lines of a definition without comments, docstrings and lone brackets."""
    silent: set[int] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
            silent.update(range(part.lineno, (part.end_lineno or part.lineno) + 1))
    assert node.end_lineno is not None
    lines = enumerate(source.splitlines()[node.lineno - 1 : node.end_lineno], node.lineno)
    kept = ((number, line.partition("#")[0].strip()) for number, line in lines if number not in silent)
    return [(number, line) for number, line in kept if len(line) > 3]


def test_no_block_of_six_lines_stands_in_two_model_files() -> None:
    papers = {path.name: path.read_text(encoding="utf-8") for path in (SOURCE / "models").glob("*.py")}
    assert repeated_code(papers) == []


def test_a_repeated_block_is_seen_and_a_shorter_one_or_a_shared_value_is_not() -> None:
    rows = [f"    line{number} = {number}" for number in range(6)]
    block = "def f():\n" + "\n".join(rows)
    deeper = 'class A:\n    """Words."""\n    def g():\n' + "\n".join(f"    {row}  # why" for row in rows)
    assert repeated_code({"a.py": block, "b.py": deeper}) == ["a.py:2 and b.py:4"]
    assert repeated_code({"a.py": "def f():\n" + "\n".join(rows[:5]), "b.py": deeper}) == []
    assert repeated_code({"a.py": "X = (\n" + "1111,\n" * 9 + ")", "b.py": "X = (\n" + "1111,\n" * 9 + ")"}) == []


@every_file
def test_no_name_is_vague(path: Path) -> None:
    assert not {*Path(NAMES[path]).with_suffix("").parts} & VAGUE


@every_file
def test_only_commands_know_click(path: Path) -> None:
    """The library can be used without a terminal."""
    if part_of(NAMES[path]) != "cli":
        assert "click" not in {module.split(".")[0] for module in imports(tree_of(path))}


@every_file
def test_heavy_libraries_are_imported_where_they_are_used(path: Path) -> None:
    assert NAMES[path] in PICTURES or not at_import(tree_of(path)) & HEAVY


@every_file
def test_modules_of_pictures_are_themselves_imported_where_they_are_used(path: Path) -> None:
    tops = [node for node in tree_of(path).body if isinstance(node, ast.Import | ast.ImportFrom)]
    named = {name for node in tops for name in imports(node)}
    stems = {f"lenext.{name.removesuffix('.py').replace('/', '.')}" for name in PICTURES}
    assert NAMES[path] in PICTURES or not {name for name in named if name.startswith(tuple(stems))}


def test_an_import_at_the_top_is_seen_and_one_inside_is_not() -> None:
    assert at_import(ast.parse("try:\n    from scipy import stats\nexcept ImportError: ...")) == {"scipy"}
    assert at_import(ast.parse("class A:\n    import rich")) == {"rich"}
    assert at_import(ast.parse("def f():\n    import rich")) == set()
    assert at_import(ast.parse("if TYPE_CHECKING:\n    import rich")) == set()


LIGHT = ["lenext", "lenext.models", "lenext.recipes", "lenext.facts", "lenext.protocol", "lenext.errors"]
LIGHT += ["lenext.values", "lenext.cli", "lenext.training.practical"]


def test_names_recipes_and_help_come_without_torch() -> None:
    code = f"""if True:
        import importlib, sys
        for name in {LIGHT}:
            importlib.import_module(name)
            heavy = {HEAVY | {"torch", "numpy"}} & set(sys.modules)
            assert not heavy, (name, heavy)
        print("light")"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "light\n", done.stderr
