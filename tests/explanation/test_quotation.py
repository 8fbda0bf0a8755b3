"""A recipe is quoted whole: every constant on which it rests, every line with the address that stands behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

import lenext
from lenext.errors import UsageError
from lenext.explanation.quotation import Line, quote_function, quote_value, variants
from lenext.models import FILE_OF, entry, model_file

PACKAGE = Path(lenext.__file__).parent

SOURCE = """\
from elsewhere import Recipe, replace

RATE = 0.1  # Table 2

# ours: as the paper
# leaves it open
BASE = Recipe(
    name="#1",            # 3.1
    lr=RATE,
    steps=(
        2,                # ours: why # not
    ),
)  # fmt: skip
OTHER = 3  # not wanted

RECIPES = {
    "net_*": {"paper": BASE},
    "*": {
        "paper": BASE,
        "fast": replace(BASE, epochs=1),  # 4.2
    },
}


def practical(size):
    return replace(BASE, size=size)  # ours
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(SOURCE)
    return path


BASE_LINES = [
    Line("RATE = 0.1", "Table 2"),
    Line("", ""),
    Line("# ours: as the paper", ""),
    Line("# leaves it open", ""),
    Line("BASE = Recipe(", ""),
    Line('    name="#1",', "3.1"),
    Line("    lr=RATE,", ""),
    Line("    steps=(", ""),
    Line("        2,", "ours: why # not"),
    Line("    ),", ""),
    Line(")", ""),
]


def test_the_first_glob_that_fits_gives_the_variants(file):
    assert list(variants(file, "net_5")) == ["paper"]
    assert list(variants(file, "net5")) == ["paper", "fast"]


def test_a_value_is_quoted_after_the_constants_on_which_it_rests(file):
    assert quote_value(file, variants(file, "net5")["paper"]) == BASE_LINES


def test_a_value_made_on_the_spot_is_quoted_too(file):
    fast = [Line("", ""), Line('"fast": replace(BASE, epochs=1),', "4.2")]
    assert quote_value(file, variants(file, "net5")["fast"]) == BASE_LINES + fast


def test_a_function_is_quoted_after_its_constants(file):
    body = [Line("", ""), Line("def practical(size):", ""), Line("    return replace(BASE, size=size)", "ours")]
    assert quote_function(file, "practical") == BASE_LINES + body


def test_recipes_may_be_a_formula_whose_function_is_quoted(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(
        "def at(size):\n    return Recipe(size=size)  # 3.1\n\n\n"
        'RECIPES = {\n    f"net_b{size}": {"paper": at(size)} for size in "01"  # Table 1\n}\n'
    )
    assert variants(path, "net_l2") == {}
    quoted = quote_value(path, variants(path, "net_b1")["paper"])
    assert quoted[:2] == [Line("def at(size):", ""), Line("    return Recipe(size=size)", "3.1")]
    assert quoted[-1].source == "Table 1"


def test_values_that_papers_share_are_quoted_with_their_source(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(
        "from lenext.recipes.standard import FB_RESNET_TORCH\n\n"
        'RECIPE = replace(FB_RESNET_TORCH, name="net")  # 3.1\n\nRECIPES = {"*": {"paper": RECIPE}}\n'
    )
    quoted = quote_value(path, variants(path, "net")["paper"])
    assert quoted[0].text.startswith("# From recipes/standard.py")
    assert Line("    batch_size=256,", "fb.resnet.torch") in quoted
    assert any("ColourJitter(brightness=0.4" in line.text for line in quoted), "what the shared value rests on"
    assert not any("PAD_AND_CROP" in line.text for line in quoted)
    assert quoted[-1] == Line('RECIPE = replace(FB_RESNET_TORCH, name="net")', "3.1")


def test_a_function_that_is_not_there_is_said(file):
    with pytest.raises(UsageError, match="no function 'impractical'"):
        quote_function(file, "impractical")


@pytest.mark.parametrize("name", FILE_OF)
def test_every_recipe_of_the_line_can_be_quoted(name):
    file = PACKAGE / "models" / f"{FILE_OF[name]}.py"
    recipes = entry(model_file(name).RECIPES, name)
    found = variants(file, name)
    assert list(found) == list(recipes)
    for variant, value in found.items():
        text = "\n".join(line.text for line in quote_value(file, value))
        assert f'name="{recipes[variant].name}"' in text
        assert "epochs=" in text or "iterations=" in text
