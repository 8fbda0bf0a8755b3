"""GoogLeNet is Table 1: what each row counts, what the reductions save, and what torchvision has in its place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lenext import create_model
from lenext.errors import UsageError
from lenext.explanation.summary import summarise
from lenext.layers.auxiliary import AuxiliaryNetwork
from lenext.models import readings
from lenext.models.googlenet import PUBLISHED, RECIPES, TABLE, inception
from lenext.models.table import multiply_adds, parameters
from lenext.recipes import ColourJitter, PCAColour
from lenext.training.schedule import learning_rate

IMAGE = (3, 224, 224)


@cache
def on_meta(name: str = "googlenet", **options: object) -> AuxiliaryNetwork:
    with torch.device("meta"):
        network = create_model(name, **options).eval()  # type: ignore[arg-type]
    assert isinstance(network, AuxiliaryNetwork)
    return network


def macs(run: Callable[[Tensor], object], *size: int) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        run(torch.empty(1, *size, device="meta"))
    return counter.get_total_flops() // 2


def weights(module: nn.Module) -> int:
    return sum(part.weight.numel() for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"stem": "separable"}, (6_991_856, 1_498_677_248)),
        ({"auxiliary": True}, (13_378_280, 1_582_671_872)),
        ({"reading": "caffe"}, (6_998_552, 1_582_671_872)),
        ({"reading": "torchvision"}, (6_624_904, 1_498_376_192)),
        ({"reading": "torchvision", "auxiliary": True}, (13_004_888, 1_498_376_192)),
    ],
)
def test_options_and_readings_count_what_was_counted(options: dict[str, object], expected: tuple[int, int]) -> None:
    network = on_meta(**options)
    assert (parameters(network), multiply_adds(network, IMAGE)) == expected


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("3a", 163_328), ("3b", 388_096), ("4a", 375_552), ("4b", 448_512), ("4c", 509_440), ("4d", 604_672),
        ("4e", 867_328), ("5a", 1_042_432), ("5b", 1_442_816),
    ],
)  # fmt: skip
def test_each_row_weighs_what_its_columns_give(module: str, expected: int) -> None:
    assert weights(on_meta().stages.get_submodule(f"inception_{module}")) == expected


def test_the_2_7_thousand_of_conv1_are_those_of_a_separable_one() -> None:
    def conv1(**options: object) -> int:
        stem = dict(on_meta(**options).stem.named_children())
        return sum(weights(stem[name]) for name in ("depth1", "conv1") if name in stem)

    assert (conv1(), conv1(stem="separable")) == (9_408, 2_712)


@pytest.mark.parametrize(
    ("module", "inputs", "side", "naive", "reduced"),
    [
        ("3a", 192, 28, 303.5, 128.0), ("3b", 256, 28, 854, 304), ("4a", 480, 14, 307, 74), ("4c", 512, 14, 405, 100),
        ("4e", 528, 14, 656, 170), ("5a", 832, 7, 258, 51), ("5b", 832, 7, 287, 71),
    ],
)  # fmt: skip
def test_reductions_save_what_was_counted(module: str, inputs: int, side: int, naive: float, reduced: float) -> None:
    with torch.device("meta"):
        costs = [macs(inception(TABLE[module], inputs, naive=form), inputs, side, side) for form in (True, False)]
    assert [cost / 1e6 for cost in costs] == pytest.approx([naive, reduced], abs=0.5)


def test_the_naive_module_has_no_1x1_before_its_windows_and_passes_the_pooled_map_on() -> None:
    branches = dict(on_meta("googlenet_naive").stages.inception_3a.module.named_children())
    assert [type(layer) for layer in branches["pool"].children()] == [nn.MaxPool2d]
    kernels = [m.kernel_size[0] for name in ("one", "three", "five") for m in branches[name] if hasattr(m, "stride")]  # type: ignore[union-attr]
    assert kernels == [1, 3, 5]


def test_auxiliary_heads_are_those_of_section_5() -> None:
    network = on_meta(auxiliary=True)
    assert [parameters(head) for head in network.auxiliary.values()] == [3_188_840, 3_190_888]
    heads = list(network.auxiliary.values())
    cost = macs(heads[0], 512, 14, 14) + macs(heads[1], 528, 14, 14)
    assert multiply_adds(network, IMAGE) + cost == 1_591_044_096
    logits = network.auxiliary_logits(torch.empty(2, *IMAGE, device="meta"))
    assert [one.shape for one in logits] == [(2, 1000)] * 2
    assert [m.p for head in heads for m in head.modules() if isinstance(m, nn.Dropout)] == [0.7, 0.7]


def test_without_auxiliary_heads_there_are_no_auxiliary_logits() -> None:
    assert on_meta().auxiliary_logits(torch.empty(2, *IMAGE, device="meta")) == ()


def test_modules_see_as_far_as_was_counted() -> None:
    layers = {layer.name: layer.receptive_field[0] for layer in summarise(on_meta(), IMAGE).layers}
    wide = {place: layers[f"stages.inception_{place}.module.five.5x5"] for place in ("3b", "4e", "5b")}
    assert wide == {"3b": 91, "4e": 427, "5b": 715}


def test_the_stem_is_ordered_as_figure_3_draws_it() -> None:
    names = [name for name in dict(on_meta().stem.named_children()) if "relu" not in name]
    assert names == ["conv1", "pool1", "lrn1", "conv2_reduce", "conv2", "lrn2", "pool2"]
    bare = [name for name in dict(on_meta(normalisation="none").stem.named_children()) if "relu" not in name]
    assert bare == ["conv1", "pool1", "conv2_reduce", "conv2", "pool2"]


def test_caffe_has_its_own_constants() -> None:
    def constants(**options: object) -> set[tuple[float, float]]:
        found = [m for m in on_meta(**options).modules() if isinstance(m, nn.LocalResponseNorm)]
        return {(round(m.alpha / m.size, 9), m.k) for m in found}

    assert (constants(), constants(reading="caffe")) == ({(1e-4, 2)}, {(2e-5, 1)})


def test_torchvision_has_3x3_for_5x5_batch_normalisation_and_a_last_pool_of_2x2() -> None:
    theirs = on_meta(reading="torchvision", auxiliary=True)
    modules = list(theirs.modules())
    convolutions = [m for m in modules if isinstance(m, nn.Conv2d)]
    norms = [m for m in modules if isinstance(m, nn.BatchNorm2d)]
    assert sorted({m.kernel_size[0] for m in convolutions}) == [1, 3, 7]
    assert all(m.bias is None for m in convolutions)
    assert {m.eps for m in norms} == {0.001}
    assert len(norms) == len(convolutions)
    assert not any(isinstance(m, nn.LocalResponseNorm) for m in modules)
    assert theirs.stages.inception_5a.pool4.kernel_size == 2
    assert theirs.head.drop.p == 0.2
    assert all(isinstance(head.pool, nn.AdaptiveAvgPool2d) for head in theirs.auxiliary.values())
    options = {difference.option: difference.value for difference in readings("googlenet")["torchvision"]}
    assert str(on_meta(**options)) == str(on_meta(reading="torchvision"))


def test_images_of_any_size_are_taken_and_unknown_values_refused() -> None:
    assert on_meta()(torch.empty(1, 3, 256, 180, device="meta")).shape == (1, 1000)
    for option in ("stem", "body", "normalisation"):
        with pytest.raises(UsageError, match=f"no {option}"):
            on_meta(**{option: "other"})


def test_the_replication_has_its_recipe_and_what_it_reached() -> None:
    """Caffe's quick one: 2.4 million batches of 32 are 60 epochs; in the end the rate is 0."""
    recipe = RECIPES["googlenet"]["caffe"]
    assert recipe.iterations is not None
    assert recipe.iterations * recipe.batch_size / 1_281_167 == pytest.approx(60, abs=0.1)
    rates = [learning_rate(recipe.schedule, 0.01, step, recipe.iterations, 0, 40_036) for step in (0, 1_800_000)]
    assert rates == pytest.approx([0.01, 0.005])
    assert not [step for step in recipe.augment if isinstance(step, PCAColour | ColourJitter)]
    reached = {r.metric: r.value for r in PUBLISHED["googlenet"].results if r.protocol == "1 crop, caffe"}
    assert reached == {"top-1 error": 31.3, "top-5 error": 11.1}
    assert "top-1 error" not in {r.metric for r in PUBLISHED["googlenet"].results if r.source.startswith("Table")}
