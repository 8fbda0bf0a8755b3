"""Every number that a model file says of its paper has its address: a comment on its line, or a result's last word."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

import lenext.models

MODELS = Path(lenext.models.__file__).parent
FILES = [MODELS / f"{name}.py" for name in lenext.models.FILES]

# "Table 2", "Figure 9", "3.4", "III.B: ...", "Appendix", "README", "fb.resnet.torch", an arXiv number, "ours: why".
ADDRESS = re.compile(
    r"(ours: \w.+"
    r"|(Tables?|Figures?|Eqs?\.) [\dIVX]"
    r"|Appendix|README|torchvision|fb\.resnet\.torch|resnet-1k-layers"
    r"|[IVX]+(\.[A-Z])?(?=[:;,]|$)"
    r"|\d+(\.\d+)+\b|\d+(?=[:;,]|$))"
)

PUBLIC = ("VARIANTS", "READINGS", "PROTOCOLS", "RECIPES", "RESULTS", "PUBLISHED", "CLAIMS")
MAKERS = ("Recipe", "replace", "published", "SingleCrop", "Steps")


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
    """The module's values that speak for the paper: its tables by name, and whatever a recipe is made of."""
    values: list[ast.expr] = []
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        called = (
            node.value.func.id if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name) else ""
        )
        if (isinstance(target, ast.Name) and target.id in PUBLIC) or called in MAKERS:
            values.append(node.value)
    return values


def comments_of(source: str) -> dict[int, str]:
    """Line -> its comment's text."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def recipe_with(line: str) -> str:
    return f"RECIPE = Recipe(\n    name='x',\n    {line}\n)\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_number_has_its_address(path: Path) -> None:
    assert lines_without_address(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_search_sees_the_tables(path: Path) -> None:
    """Without their comments, the same lines are found: at least one for each network of the file, and more."""
    source = path.read_text(encoding="utf-8")
    bare = re.sub(r"#.*", "", source)
    assert len(lines_without_address(bare)) > 15


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


def test_a_result_carries_its_address_in_itself() -> None:
    good = 'PUBLISHED = {"x": (Result("test error", 0.95, "MNIST", "single view", "Figure 9"),)}\n'
    bad = 'PUBLISHED = {"x": (Result("test error", 0.95, "MNIST", "single view", "somewhere"),)}\n'
    assert lines_without_address(good) == []
    assert len(lines_without_address(bad)) == 1
