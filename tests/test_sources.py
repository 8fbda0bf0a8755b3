"""Every number that a model file says of its paper has its address: a comment on its line, or a result's last word."""

from __future__ import annotations

import ast
import fnmatch
import importlib
import io
import re
import tokenize
from pathlib import Path

import pytest

import lenext.models

MODELS = Path(lenext.models.__file__).parent
FILES = [MODELS / f"{name}.py" for name in lenext.models.FILES]
FIGURES = [MODELS / "published" / path.name for path in FILES]
STANDARD = MODELS.parent / "recipes" / "standard.py"

# "Table 2", "Figure 9", "3.4", "III.B: ...", "Appendix", "README", "fb.resnet.torch", "cuda-convnet2" and other code of
# the authors, an arXiv number, "ours: why".
ADDRESS = re.compile(
    r"(ours: \w.+"
    r"|(Tables?|Figures?|Eqs?\.) [\dIVX]"
    r"|Appendix|README|torchvision|fb\.resnet\.torch|resnet-1k-layers|cuda-convnet2"
    r"|[IVX]+(\.[A-Z])?(?=[:;,]|$)"
    r"|\d+(\.\d+)+\b|\d+(?=[:;,]|$))"
)

PUBLIC = ("VARIANTS", "READINGS", "PROTOCOLS", "RECIPES", "RESULTS", "PUBLISHED", "CLAIMS")
PARTS = ("SHAPES", "MAPS", "SIDES", "STRIDES", "WIDTHS", "COUNTS")  # of which figures are made
MAKERS = ("Recipe", "replace", "published", "SingleCrop", "Steps", "Gaussian", "FixedChannels")


def lines_without_address(source: str) -> list[str]:
    """The lines of a model file that carry a number of the paper's, but not where it stands there."""
    lines, comments = source.splitlines(), comments_of(source)
    numbers: set[int] = set()
    cited: set[int] = set()
    for value in declared(ast.parse(source)):
        for node in ast.walk(value):
            if isinstance(node, ast.Constant) and type(node.value) in (int, float):
                numbers.add(node.lineno)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and ADDRESS.match(node.value):
                cited.add(node.lineno)  # Result(..., "Table 3"), ("10-crop", "Table 3"): {...}
    return [
        f"{number}: {lines[number - 1].strip()}"
        for number in sorted(numbers - cited)
        if not ADDRESS.match(comments.get(number, ""))
    ]


def declared(tree: ast.Module) -> list[ast.expr]:
    """The module's values that speak for the paper: its tables by name, and whatever a recipe is made of.

    A recipe may also be what a function returns, where each network has its own.
    """
    values: list[ast.expr] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and ast.unparse(node.returns or ast.Constant(None)) == "Recipe":
            values += [one.value for one in ast.walk(node) if isinstance(one, ast.Return) and one.value]
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        called = (
            node.value.func.id if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name) else ""
        )
        steps = isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation).startswith("tuple[Augmentation")
        if (isinstance(target, ast.Name) and target.id in (*PUBLIC, *PARTS)) or called in MAKERS or steps:
            values.append(node.value)
    return values


def comments_of(source: str) -> dict[int, str]:
    """Line -> its comment's text."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def recipe_with(line: str) -> str:
    return f"RECIPE = Recipe(\n    name='x',\n    {line}\n)\n"


@pytest.mark.parametrize("path", [*FILES, *FIGURES, STANDARD], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_number_has_its_address(path: Path) -> None:
    assert lines_without_address(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("paths", [*zip(FILES, FIGURES, strict=True), (STANDARD,)], ids=lambda paths: paths[0].stem)
def test_the_search_sees_the_tables(paths: tuple[Path, ...]) -> None:
    """Without their comments, the same lines are found: at least one for each network of the file, and more."""
    bare = [re.sub(r"#.*", "", path.read_text(encoding="utf-8")) for path in paths]
    found = [lines_without_address(source) for source in bare]
    assert sum(map(len, found)) > 15
    assert min(map(len, found)) > 4


def test_a_recipe_that_a_function_returns_is_seen() -> None:
    source = "def at(size: int) -> Recipe:\n    return Recipe(\n        batch_size=256,\n    )\n"
    assert lines_without_address(source) == ["3: batch_size=256,"]


@pytest.mark.parametrize(
    "line",
    [
        "batch_size=256,",
        "batch_size=256,  # as usual",
        "batch_size=256,  # 8 processors",
        "batch_size=256,  # ours:",
        "optimizer=SGD(lr=0.1, momentum=0.9),  # TODO",
        "view=SingleCrop(resize=256, crop=224),",
    ],
)
def test_a_line_without_an_address_is_found(line: str) -> None:
    assert lines_without_address(recipe_with(line)) == [f"3: {line}"]


@pytest.mark.parametrize(
    "line",
    [
        "batch_size=256,  # 3.1",
        "batch_size=256,  # III.B: 20 passes",
        "batch_size=256,  # Table 2",
        "batch_size=256,  # 5: as in AlexNet",
        "batch_size=256,  # ours: not printed",
        "batch_size=256,  # README: 1-crop",
        "batch_size=256,  # 1512.03385, 4.2",
        "init=None,",
    ],
)
def test_a_line_with_an_address_passes(line: str) -> None:
    assert lines_without_address(recipe_with(line)) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_remark_names_the_place_that_it_speaks_of(path: Path) -> None:
    module = importlib.import_module(f"lenext.models.{path.stem}")
    for pattern, remark in getattr(module, "REMARKS", {}).items():
        assert fnmatch.filter(module.PUBLISHED, pattern), "a remark on no network"
        assert re.search(r"Table \d|Figure \d|README|[IVX]+\.[A-Z]|\d\.\d", remark)


def test_a_result_carries_its_address_in_itself() -> None:
    good = 'PUBLISHED = {"x": (Result("test error", 0.95, "MNIST", "single view", "Figure 9"),)}\n'
    bad = 'PUBLISHED = {"x": (Result("test error", 0.95, "MNIST", "single view", "somewhere"),)}\n'
    assert lines_without_address(good) == []
    assert len(lines_without_address(bad)) == 1
