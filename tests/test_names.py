"""Names mean the paper: the index is complete, aliases lead somewhere, and a wrong word is answered with a near one."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lenext.errors import UsageError
from lenext.models import ALIASES, FILES, canonical, check_options, create_model, list_models, model_file, readings


@pytest.mark.parametrize("file", FILES)
def test_the_index_has_every_network_of_the_file_and_no_other(file: str) -> None:
    names = FILES[file]
    assert set(model_file(names[0]).VARIANTS) == set(names)
    assert model_file(names[0]).__name__ == f"lenext.models.{file}"


@pytest.mark.parametrize("file", FILES)
def test_a_model_file_says_everything_in_the_fixed_order(file: str) -> None:
    module = model_file(FILES[file][0])
    said = [name for name in vars(module) if name in ("PAPER", "VARIANTS", "build", "READINGS", "RECIPES")]
    said += [name for name in vars(module) if name in ("PROTOCOLS", "PUBLISHED", "CLAIMS")]
    assert [name for name in said if name != "READINGS"] == [
        "PAPER", "VARIANTS", "build", "RECIPES", "PROTOCOLS", "PUBLISHED", "CLAIMS",
    ]  # fmt: skip
    assert module.__doc__


def test_the_years_never_go_back() -> None:
    years = [model_file(names[0]).PAPER.year for names in FILES.values()]
    assert years == sorted(years)


def test_no_name_stands_twice() -> None:
    assert len(set(list_models())) == len(list_models())
    assert not set(ALIASES) & set(list_models())


def test_the_index_imports_no_torch() -> None:
    code = "import sys; from lenext.models import line; line(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("alias", ALIASES)
def test_every_alias_leads_to_a_network(alias: str) -> None:
    assert canonical(alias) in list_models()


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("vgg-a", "vgg11"),
        ("vgg-a-lrn", "vgg11_lrn"),
        ("vgg-c", "vgg16_1x1"),
        ("VGG-D", "vgg16"),
        ("vgg-16", "vgg16"),
        ("resnet-50", "resnet50"),
        ("ResNet-20", "resnet20_cifar"),
        ("plain-34", "plain34"),
        ("plain-56", "plain56_cifar"),
        ("preresnet-1001", "preresnet1001_cifar"),
    ],
)
def test_the_papers_own_names_are_understood(alias: str, name: str) -> None:
    assert canonical(alias) == name


def test_globs_choose_from_the_line() -> None:
    assert list_models("plain*_cifar") == [f"plain{depth}_cifar" for depth in (20, 32, 44, 56, 110)]
    assert list_models("vgg16*") == ["vgg16_1x1", "vgg16", "vgg16_bn"]
    assert list_models("no-such-*") == []


@pytest.mark.parametrize(("word", "near"), [("resnet5", "resnet50"), ("vgg-16d", "vgg16"), ("lenet", "lenet5")])
def test_an_unknown_name_is_answered_with_near_ones(word: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"no network called '{word}'") as refused:
        create_model(word)
    assert near in refused.value.remedy


def test_a_name_like_nothing_is_answered_with_the_list() -> None:
    with pytest.raises(UsageError) as refused:
        canonical("qqqqqq")
    assert "lenext models" in refused.value.remedy


def test_readings_are_listed_and_others_refused() -> None:
    assert list(readings("resnet50")) == ["paper", "v1.5", "keras", "caffe"]
    assert list(readings("resnet18")) == list(readings("vgg13")) == ["paper"]
    with pytest.raises(UsageError, match="resnet50 has no reading 'v15'") as refused:
        create_model("resnet50", reading="v15")
    assert "v1.5" in refused.value.remedy
    with pytest.raises(UsageError) as refused:
        create_model("vgg16", reading="v1.5")
    assert "paper" in refused.value.remedy


def test_options_of_other_networks_are_refused() -> None:
    with pytest.raises(UsageError, match="vgg16 has no option 'shortcut'") as refused:
        create_model("vgg16", shortcut="A")
    assert "dropout" in refused.value.remedy
    with pytest.raises(UsageError) as refused:
        check_options("resnet18", {"shortcuts": "A"})
    assert "shortcut" in refused.value.remedy
