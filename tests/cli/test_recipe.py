"""``lenext recipe``: the recipe whole, each line with its address."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lenext.cli import main
from lenext.models import entry, model_file
from lenext.recipes import Recipe
from lenext.training.practical import practical
from lenext.values import decode


@pytest.fixture
def recipe(capsys):
    """Run the verb; returns exit status, standard output, standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["recipe", *arguments])
        return stop.value.code, *capsys.readouterr()

    return run


def test_every_line_stands_beside_its_address(recipe):
    status, out, err = recipe("vgg16")
    assert (status, err) == (0, "")
    text = out.splitlines()
    assert text[0].startswith("vgg16:paper, from ")
    addressed = [line for line in text if "  # " in line]
    assert len({line.index("  # ") for line in addressed}) == 1
    assert any(line.split() == ["batch_size=256,", "#", "3.1"] for line in addressed)
    assert text[-1] == "Recipes of vgg16: paper, glorot, s384, multiscale, features, practical, transfer"


def test_a_variant_shows_what_it_is_made_of(recipe):
    out = recipe("vgg-d:multiscale")[1]
    assert [line.split()[0] for line in out.splitlines() if "= Recipe(" in line or "= replace(" in line] == [
        "RECIPE", "S384", "MULTISCALE",
    ]  # fmt: skip


def test_the_first_recipe_is_the_papers_where_there_is_one(recipe):
    assert recipe("resnet50")[1].startswith("resnet50:paper,")
    assert recipe("nin")[1].startswith("nin:practical,")


def test_the_practical_recipe_is_shown_where_a_network_has_none_of_its_own(recipe):
    out = recipe("resnet50:practical")[1]
    assert "def practical(image_size: int" in out
    assert "image_size is 224" in out.splitlines()[0]
    assert "# ours: " in out


def test_the_recipe_for_transfer_is_that_of_networks_with_published_weights(recipe):
    out = recipe("resnet50:transfer")[1]
    assert "def transfer(" in out
    assert "# ours: " in out
    document = json.loads(recipe("resnet50:transfer", "--json")[1])
    assert document["recipe"]["transfer"]["freeze"] == "lower"
    assert document["recipe"]["normalise"]["mean"] == [0.485, 0.456, 0.406]
    assert "transfer" not in recipe("resnet20_cifar:practical")[1].splitlines()[-1]


@pytest.mark.parametrize("word", ["vgg16:multiscale", "resnet110_cifar", "preresnet1001_cifar:batch64", "lenet5"])
def test_the_document_holds_the_recipe_itself(recipe, word):
    status, out, err = recipe(word, "--json")
    document = json.loads(out)
    recipes = entry(model_file(document["network"]).RECIPES, document["network"])
    found = decode(Recipe, document["recipe"])
    assert (status, err) == (0, "")
    assert found == recipes[document["variant"]]
    assert document["name"] == found.name
    assert any(f'name="{found.name}"' in line["text"] for line in document["lines"])
    assert sum(bool(line["source"]) for line in document["lines"]) >= 8


def test_the_document_of_the_practical_recipe_is_for_the_papers_input(recipe):
    document = json.loads(recipe("resnet20_cifar:practical", "--json")[1])
    assert decode(Recipe, document["recipe"]) == practical(32)


@pytest.mark.parametrize(
    ("word", "message", "remedy"),
    [
        ("vgg20", "no network called 'vgg20'", "Did you mean"),
        ("vgg16:s348", "no recipe 's348'", "s384"),
        ("nin:paper", "no recipe 'paper'", "practical"),
    ],
)
def test_wrong_use_is_one_sentence_and_a_remedy(recipe, word, message, remedy):
    status, out, err = recipe(word)
    assert (status, out) == (2, "")
    assert message in err.splitlines()[0]
    assert remedy in err.splitlines()[1]


def test_a_person_waits_for_no_torch():
    run = (
        "import sys\nfrom lenext.cli import lenext\n"
        "lenext.main(['recipe', 'resnet50'], standalone_mode=False)\n"
        "lenext.main(['recipe', 'resnet50:practical'], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Recipes of resnet50") == 2
