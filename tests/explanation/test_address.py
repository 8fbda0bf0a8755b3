"""A word leads to the line that defines it."""

from __future__ import annotations

from pathlib import Path

import pytest

import lenext
from lenext.errors import UsageError
from lenext.explanation.address import Address, search
from lenext.models import FILE_OF

PACKAGE = Path(lenext.__file__).parent

MODEL = """\
class Block(nn.Module): ...
VARIANTS = {
    "net5": 5,
    **{f"net{n}_small": n for n in (7, 9)},
}
def build(name): ...
RECIPE: Recipe = Recipe(name="net:paper", lr=1)
RECIPES = {"*": {"paper": RECIPE, "fast": replace(RECIPE, name="net:fast")}}
PROTOCOLS = {
    "*": {"nine_crops": Crops(9)},
}
CLAIMS = (
    Claim("blocks-help", "With blocks it is better.", "4"),
)
"""
INDEX = {"net5": "net", "net7_small": "net", "net9_small": "net"}


@pytest.fixture
def package(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "cli").mkdir()
    (tmp_path / "models/net.py").write_text(MODEL)
    (tmp_path / "cli/paint.py").write_text("import click\n\n@click.command()\ndef command(): ...\n")
    return tmp_path


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("net5", [("net5", "network", 3), ("build", "function", 6)]),
        ("net9_small", [("net9_small", "network", 4), ("build", "function", 6)]),
        ("block", [("Block", "layer", 1), ("blocks-help", "claim", 13)]),
        ("BLOCKS HELP", [("blocks-help", "claim", 13)]),
        ("net:paper", [("net:paper", "recipe", 7)]),
        ("fast", [("net:fast", "recipe", 8)]),
        ("nine crops", [("nine_crops", "protocol", 10)]),
        ("variants", [("VARIANTS", "constant", 2)]),
        ("paint", [("paint", "command", 4), ("paint", "module", 1)]),
    ],
)
def test_a_word_is_found_however_it_is_spelt(package, word, expected):
    assert [(found.name, found.kind, found.line) for found in search(word, package, INDEX)] == expected


def test_the_whole_name_comes_before_a_part_of_one(package):
    (package / "models/other.py").write_text("class BlockTower(nn.Module): ...\n")
    assert [found.name for found in search("block", package, INDEX)] == ["Block", "BlockTower", "blocks-help"]


def test_what_is_nowhere_is_said_with_a_way_on(package):
    with pytest.raises(UsageError, match="Nothing is called 'qqq'") as caught:
        search("qqq", package, INDEX)
    assert "lenext models" in caught.value.remedy


def test_a_slip_of_the_finger_is_understood(package):
    with pytest.raises(UsageError, match="Nothing is called 'Blokc'") as caught:
        search("Blokc", package, INDEX)
    assert "Block" in caught.value.remedy


@pytest.mark.parametrize("word", ["", "_", "?!"])
def test_no_word_finds_nothing(package, word):
    with pytest.raises(UsageError, match="Nothing is called"):
        search(word, package, INDEX)


@pytest.mark.parametrize("name", FILE_OF)
def test_every_network_of_the_line_has_its_line(name):
    first, second = search(name, PACKAGE, FILE_OF)[:2]
    assert (first.name, first.kind, second.name) == (name, "network", "build")
    assert Path(first.file).name == f"{FILE_OF[name]}.py"
    text = Path(first.file).read_text(encoding="utf-8").splitlines()[first.line - 1]
    assert f'"{name}"' in text or '{f"' in text


@pytest.mark.parametrize(
    ("word", "kind", "file", "text"),
    [
        ("TableConv", "layer", "layers/table_conv.py", "class TableConv"),
        ("plateau", "class", "recipes/schedules.py", "class Plateau"),
        ("wilson", "function", "evaluation/intervals.py", "def wilson"),
        ("single crop", "class", "protocol.py", "class SingleCrop"),
        ("v1.5", "reading", "models/resnet.py", '"v1.5"'),
        ("lrn-does-not-help", "claim", "models/vgg.py", "lrn-does-not-help"),
        ("lrn", "module", "layers/lrn.py", "Local response normalisation"),
        ("where", "command", "cli/where.py", "def command"),
    ],
)
def test_the_line_holds_what_was_sought(word, kind, file, text):
    found = search(word, PACKAGE, FILE_OF)[0]
    assert isinstance(found, Address)
    assert (found.kind, found.file) == (kind, str(PACKAGE / file))
    assert text in (PACKAGE / file).read_text(encoding="utf-8").splitlines()[found.line - 1]
