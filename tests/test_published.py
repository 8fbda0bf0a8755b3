"""Every network of the line is what its paper published, to the digit, and so is the generated table."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from torch import nn

from lenext.facts import Published
from lenext.models import FILES, create_model, line, list_models, model_file
from lenext.models.table import measure, multiply_adds, parameters


def published(name: str) -> Published:
    return model_file(name).PUBLISHED[name]


def measured(name: str) -> dict[str, Any]:
    """Counts and the map of the stem and of every stage, from one pass of one image on the meta device."""
    with torch.device("meta"):
        network = create_model(name).eval()
    shapes: dict[str, tuple[int, ...]] = {}
    for part, module in {"stem": network.stem, **dict(network.stages.named_children())}.items():
        module.register_forward_hook(lambda _, __, out, part=part: shapes.update({part: tuple(out.shape[1:])}))
    with pytest.MonkeyPatch.context() as patch:  # normalisation changes no map, but takes most of the time
        patch.setattr(nn.BatchNorm2d, "forward", lambda _, x: x)
        macs = multiply_adds(network, network.input_size)
    return {"params": parameters(network), "macs": macs, "input": list(network.input_size), "shapes": shapes}


@pytest.mark.parametrize("file", FILES)
def test_every_network_of_a_file_has_published_figures(file: str) -> None:
    names = FILES[file]
    assert set(model_file(names[0]).PUBLISHED) == set(names)


@pytest.mark.parametrize("file", FILES)
def test_results_belong_to_networks_of_the_file(file: str) -> None:
    tables = getattr(importlib.import_module(f"lenext.models.published.{file}"), "RESULTS", {})
    for table in tables.values():
        assert set(table) <= set(FILES[file])
    assert any(figures.results for figures in model_file(FILES[file][0]).PUBLISHED.values())


@pytest.mark.parametrize("name", list_models())
def test_counts_and_maps_are_the_published_ones_and_stand_in_the_generated_table(name: str) -> None:
    found, paper = measured(name), model_file(name).PAPER
    assert (found["params"], found["macs"]) == (published(name).params, published(name).macs)
    stages = {part: shape for part, shape in found["shapes"].items() if part in published(name).shapes}
    assert stages == published(name).shapes
    assert set(found["shapes"]) - set(stages) <= {"stem"}  # VGG has none
    counts = {key: found[key] for key in ("params", "macs", "input")}
    assert line()[name] == {"year": paper.year, "paper": paper.title, **counts}


def test_the_generated_table_is_in_the_order_of_the_line() -> None:
    assert list(line()) == list_models()


def test_the_generator_makes_the_rows_of_the_table() -> None:
    for name in ("lenet5", "vgg16", "resnet20_cifar"):
        assert measure(name) == line()[name]


@pytest.mark.parametrize(
    ("name", "params"),
    [("lenet5", 60_000), ("vgg16_1x1", 133_638_952), ("resnet50", 25_557_032), ("resnet110_cifar", 1_727_962)],
)
def test_the_figures_that_everybody_quotes(name: str, params: int) -> None:
    assert line()[name]["params"] == params


def test_remarks_on_what_is_printed_are_right() -> None:
    assert f"{published('alexnet').params / published('googlenet').params:.1f}" == "8.7"
    errors = {result.protocol: result.value for result in published("googlenet").results if result.source == "Table 3"}
    assert round(errors["1 models, 1 crops"] - errors["7 models, 144 crops"], 2) == 3.40
    for name, said in (("densenet169", "3.36e9"), ("densenet264", "5.75e9")):
        assert f"{published(name).macs / 1e9:.2f}e9" == said
        assert said in model_file(name).REMARKS[name]
