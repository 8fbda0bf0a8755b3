"""EfficientNet is B0's seven rows, widened and deepened: what each member's layers are, and where readings part."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
import weightless
from torch import nn
from weightless import multiply_adds_of

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.drop_path import DropPath
from lenext.layers.network import Network
from lenext.layers.padding import SameConv2d, margins
from lenext.layers.squeeze_excite import SqueezeExcite
from lenext.models import protocols, readings
from lenext.models.efficientnet import PUBLISHED, RECIPES, REMARKS, VARIANTS, MBConv, compound, scaled
from lenext.models.table import parameters
from lenext.recipes import AutoAugment

on_meta = cache(weightless.on_meta)


def blocks(network: Network) -> list[MBConv]:
    return [module for module in network.modules() if isinstance(module, MBConv)]


@pytest.mark.parametrize(
    ("size", "repeats"),
    [
        ("b0", (1, 2, 2, 3, 3, 4, 1)), ("b1", (2, 3, 3, 4, 4, 5, 2)), ("b2", (2, 3, 3, 4, 4, 5, 2)),
        ("b3", (2, 3, 3, 5, 5, 6, 2)), ("b4", (2, 4, 4, 6, 6, 8, 2)), ("b5", (3, 5, 5, 7, 7, 9, 3)),
        ("b6", (3, 6, 6, 8, 8, 11, 3)), ("b7", (4, 7, 7, 10, 10, 13, 4)), ("lite0", (1, 2, 2, 3, 3, 4, 1)),
        ("b8", (4, 8, 8, 11, 11, 15, 4)), ("l2", (6, 11, 11, 16, 16, 22, 6)),
    ],
)  # fmt: skip
def test_every_stage_has_its_blocks(size: str, repeats: tuple[int, ...]) -> None:
    stages = on_meta(f"efficientnet_{size}").stages
    assert tuple(len(stages.get_submodule(f"stage{number}")) for number in range(2, 9)) == repeats


def test_b8_is_two_coefficients_away() -> None:
    network = on_meta("efficientnet_b7", width=2.2, depth=3.6)
    assert (parameters(network), multiply_adds_of(network, (3, 672, 672))) == (87_413_142, 62_597_461_568)
    named = on_meta("efficientnet_b8")
    assert len(blocks(named)) == 61
    assert [tuple(weight.shape) for weight in named.parameters()] == [tuple(w.shape) for w in network.parameters()]
    assert list(readings("efficientnet_b8")) == ["paper", "timm"]


def test_l2_was_trained_at_475_pixels() -> None:
    network = on_meta("efficientnet_l2")
    assert multiply_adds_of(network, (3, 475, 475)) == 170_892_857_680
    assert len(blocks(network)) == 88


@pytest.mark.parametrize(
    ("width", "channels"),
    [
        (1.0, (32, 16, 24, 40, 80, 112, 192, 320, 1280)),
        (1.1, (32, 16, 24, 48, 88, 120, 208, 352, 1408)),
        (2.2, (72, 32, 56, 88, 176, 248, 424, 704, 2816)),
        (4.3, (136, 72, 104, 176, 344, 480, 824, 1376, 5504)),
    ],
)
def test_channels_are_rounded_to_eights(width: float, channels: tuple[int, ...]) -> None:
    assert tuple(scaled(c, width) for c in (32, 16, 24, 40, 80, 112, 192, 320, 1280)) == channels


def test_rounding_never_loses_a_tenth() -> None:
    assert scaled(16, 0.7) == 16
    assert scaled(4, 1.0) == 8


def test_the_compound_coefficient_doubles_the_cost() -> None:
    depth, width, resolution = compound(1)
    assert (depth, width, resolution) == (1.2, 1.1, 1.15)
    assert depth * width**2 * resolution**2 == pytest.approx(1.920, abs=1e-3)
    assert compound(0) == (1, 1, 1)


def test_a_block_widens_looks_around_weighs_and_narrows() -> None:
    first, second, third = blocks(on_meta("efficientnet_b0"))[:3]
    assert "expand_conv" not in dict(first.branch.named_children())
    assert list(dict(second.branch.named_children())) == [
        "expand_conv", "expand_bn", "expand_act", "depthwise_conv", "depthwise_bn", "depthwise_act", "se",
        "project_conv", "project_bn",
    ]  # fmt: skip
    assert (second.drop, isinstance(third.drop, DropPath)) == (None, True)
    assert second.branch.get_submodule("depthwise_conv").kernel_size == (3, 3)
    assert second.branch.get_submodule("se.reduce").out_channels == 4  # a quarter of the block's 16 inputs
    assert third.branch.get_submodule("se.reduce").out_channels == 6


def rates(network: Network) -> list[float]:
    return [block.drop.rate for block in blocks(network) if block.drop is not None]


@pytest.mark.parametrize(("name", "count"), [("efficientnet_b0", 16), ("efficientnet_b1", 23)])
def test_the_rate_of_dropping_rises_to_just_under_its_end(name: str, count: int) -> None:
    found = rates(on_meta(name))
    expected = [0.2 * n / count for n, block in enumerate(blocks(on_meta(name))) if block.drop is not None]
    assert found == pytest.approx(expected)
    assert max(found) < 0.2
    assert set(rates(on_meta(name, drop_path=0.0))) == {0.0}


def test_the_last_block_of_b7_and_what_keras_applications_made_of_it() -> None:
    assert rates(on_meta("efficientnet_b7"))[-1] == pytest.approx(0.2 * 54 / 55)
    assert rates(on_meta("efficientnet_b7", reading="keras_applications"))[-1] == pytest.approx(0.675)
    paper, keras = on_meta("efficientnet_b0"), on_meta("efficientnet_b0", reading="keras_applications")
    assert rates(paper) == pytest.approx(rates(keras))


@pytest.mark.parametrize(("size", "total"), [("b0", 5_330_571), ("b7", 66_658_687)])
def test_keras_counts_the_statistics_and_seven_numbers_of_its_normalisation(size: str, total: int) -> None:
    network = on_meta(f"efficientnet_{size}")
    assert parameters(network) + sum(buffer.numel() for buffer in network.buffers() if buffer.dim()) + 7 == total


# Where the padding of a strided convolution is asymmetric: the stem and the stages named in the sheet.
@pytest.mark.parametrize(
    ("size", "shifted"),
    [
        ("b0", "0 3 4 5 7"), ("b1", "0 3 4 5"), ("b2", "0 3"), ("b3", "0 3 5"), ("b4", "0 3 5 7"),
        ("b5", "0 3 4"), ("b6", "0 3 4 5"), ("b7", "0 3 4 7"),
    ],
)  # fmt: skip
def test_where_same_padding_shifts_the_map(size: str, shifted: str) -> None:
    network = on_meta(f"efficientnet_{size}")
    found: list[str] = []

    def note(module: SameConv2d, given: tuple[torch.Tensor, ...], _: object) -> None:
        left, right, top, bottom = margins(given[0], module.kernel_size[0], module.stride[0])
        found.append("same" if (left, top) == (right, bottom) else "shifted")

    strided = [module for module in network.modules() if isinstance(module, SameConv2d)]
    hooks = [module.register_forward_hook(note) for module in strided]
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.BatchNorm2d, "forward", lambda _, x: x)
        network(torch.empty(1, *network.input_size, device="meta"))
    for hook in hooks:
        hook.remove()
    places = ("0", "3", "4", "5", "7")
    assert len(found) == len(places)
    assert [place for place, kind in zip(places, found, strict=True) if kind == "shifted"] == shifted.split()


def test_lite0_has_neither_squeeze_nor_swish_and_scales_neither_stem_nor_head() -> None:
    modules = list(on_meta("efficientnet_lite0").modules())
    assert not any(isinstance(module, SqueezeExcite | nn.SiLU) for module in modules)
    squeeze = [module for module in on_meta("efficientnet_b0").modules() if isinstance(module, SqueezeExcite)]
    difference = sum(weight.numel() for module in squeeze for weight in module.parameters())
    assert parameters(on_meta("efficientnet_lite0")) == parameters(on_meta("efficientnet_b0")) - difference
    products = sum(weight.numel() for module in squeeze for weight in module.parameters() if weight.dim() > 1)
    assert 385_814_752 - products == 385_187_552
    wide = on_meta("efficientnet_lite0", width=1.4, depth=1.8)
    stages = {name: len(stage) for name, stage in wide.stages.named_children()}  # type: ignore[arg-type]
    assert (stages["stage2"], stages["stage3"], stages["stage8"]) == (1, 4, 1)
    assert (wide.num_features, wide.stem.stem_conv.out_channels) == (1280, 32)


def norms(network: Network) -> set[tuple[float, float | None]]:
    return {(m.eps, m.momentum) for m in network.modules() if isinstance(m, nn.BatchNorm2d)}


@pytest.mark.parametrize(
    ("name", "reading", "norm", "drops"),
    [
        ("efficientnet_b0", "torchvision", (1e-5, 0.1), True),
        ("efficientnet_b5", "torchvision", (1e-3, 0.01), True),
        ("efficientnet_b3", "timm", (1e-5, 0.1), False),
        ("efficientnet_lite0", "timm", (1e-5, 0.1), False),
    ],
)
def test_others_pad_every_side_and_some_normalise_otherwise(
    name: str, reading: str, norm: tuple[float, float], drops: bool
) -> None:
    paper, other = on_meta(name), on_meta(name, reading=reading)
    assert norms(paper) == {(1e-3, 0.01)}
    assert norms(other) == {norm}
    assert not any(isinstance(module, SameConv2d) for module in other.modules())
    assert (max(rates(other)) > 0) is drops
    assert parameters(paper) == parameters(other)
    assert multiply_adds_of(paper, paper.input_size) == multiply_adds_of(other, other.input_size)


def test_every_reading_is_its_list_of_differences() -> None:
    assert list(readings("efficientnet_b7")) == ["paper", "timm", "torchvision", "keras_applications"]
    assert list(readings("efficientnet_l2")) == ["paper", "timm"]
    for name in VARIANTS:
        for differences in readings(name).values():
            assert len({difference.option for difference in differences}) == len(differences)


def test_initial_weights_are_the_authors() -> None:
    torch.manual_seed(0)
    network = create_model("efficientnet_b0", num_classes=100)
    wide, deep = network.stages.stage9.head_conv, blocks(network)[-1].branch.get_submodule("depthwise_conv")
    assert wide.weight.std().item() == pytest.approx((2 / 1280) ** 0.5, rel=0.02)
    assert deep.weight.std().item() == pytest.approx((2 / 9) ** 0.5, rel=0.05)
    assert 0.09 < network.get_classifier().weight.abs().max() <= 0.1
    assert not network.get_classifier().bias.any()


def test_training_drops_branches_and_a_test_repeats_itself() -> None:
    torch.manual_seed(0)
    network = create_model("efficientnet_b0", num_classes=3, drop_path=0.9)
    image = torch.randn(4, 3, 40, 33)
    assert network(image).shape == (4, 3)
    with torch.no_grad():
        assert torch.equal(network.eval()(image), network(image))


def test_the_last_features_are_stage_nine() -> None:
    network = on_meta("efficientnet_b2", num_classes=4, in_channels=1)
    features = network.forward_features(torch.empty(2, 1, 260, 260, device="meta"))
    assert features.shape == (2, 1408, 9, 9)
    assert network.forward_head(features, pre_logits=True).shape == (2, network.num_features)


def test_other_paddings_are_refused() -> None:
    with pytest.raises(UsageError, match="no padding 'valid'"):
        on_meta("efficientnet_b0", padding="valid")


def test_the_two_versions_of_table_2_stand_side_by_side() -> None:
    printed = {
        result.source: result.value
        for result in PUBLISHED["efficientnet_b0"].results
        if result.metric == "top-1 accuracy" and result.source.startswith("Table 2")
    }
    assert printed == {"Table 2, third version on": 77.1, "Table 2, first version": 76.3}


def test_table_7_counts_too_much_for_every_single_dimension_but_not_for_all_together() -> None:
    """The remark's counts: four times the cost in depth, width or resolution, and as much in all of them."""
    name = "efficientnet_b0"
    found = {
        "depth 4": multiply_adds_of(on_meta(name, depth=4.0), (3, 224, 224)),
        "width 2": multiply_adds_of(on_meta(name, width=2.0), (3, 224, 224)),
        "at 448": multiply_adds_of(on_meta(name), (3, 448, 448)),
        "at 291, depth 1.4, width 1.2": multiply_adds_of(on_meta(name, depth=1.4, width=1.2), (3, 291, 291)),
    }
    assert [f"{count / 1e9:.2f}" for count in found.values()] == ["1.58", "1.45", "1.54", "1.80"]
    assert all(f"{count / 1e9:.2f}e9" in REMARKS[name] for count in list(found.values())[:3])
    table = {r.protocol: r.value for r in PUBLISHED[name].results if r.source == "Table 7"}
    assert max(table, key=table.__getitem__) == "single crop at 291, depth 1.4, width 1.2"
    assert all(any(protocol.endswith(change) for protocol in table) for change in found)


def test_every_recipe_is_for_the_networks_own_size() -> None:
    for name, recipes in RECIPES.items():
        for recipe in recipes.values():
            assert recipe.view.crop == VARIANTS[name].image_size
            assert recipe.view == protocols(name)["single"]
            assert recipe.augment[0].size == VARIANTS[name].image_size


def test_rand_augment_takes_the_place_of_auto_augment() -> None:
    """README: 83.7 and 84.7 % of B5 and B7."""
    found = {name: recipes["randaugment"].augment for name, recipes in RECIPES.items() if "randaugment" in recipes}
    assert {name: steps[-1].magnitude for name, steps in found.items()} == {
        "efficientnet_b5": 17, "efficientnet_b7": 28, "efficientnet_b8": 28,
    }  # fmt: skip
    assert found["efficientnet_b5"][:2] == RECIPES["efficientnet_b5"]["paper"].augment[:2]
    assert {(step.operations, step.std, step.p, step.code) for *_, step in found.values()} == {(2, 0, 1, "tpu")}


def test_the_baseline_is_the_recipe_without_auto_augment() -> None:
    for name in ("efficientnet_b0", "efficientnet_b5"):
        paper, plain = (RECIPES[name][variant] for variant in ("paper", "baseline"))
        kept = tuple(step for step in paper.augment if not isinstance(step, AutoAugment))
        assert plain.augment == kept
        assert len(kept) == len(paper.augment) - 1
        assert replace(plain, name=paper.name, augment=paper.augment) == paper


def test_l2_is_tested_at_two_sizes() -> None:
    views = [protocols("efficientnet_l2")[name] for name in ("single", "single475")]
    assert [(view.crop, view.resize, view.crop_first) for view in views] == [(800, 832, True), (475, 507, True)]
    assert multiply_adds_of(on_meta("efficientnet_l2"), (3, 475, 475)) == 170_892_857_680
