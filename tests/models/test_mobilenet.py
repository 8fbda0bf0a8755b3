"""MobileNet is a stack of separable convolutions with a ReLU after each half; two multipliers make a family of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from weightless import multiply_adds_of

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.network import Network
from lenext.layers.padding import FarConv2d, SameConv2d
from lenext.models import inception_v3, readings
from lenext.models.mobilenet import PUBLISHED, RECIPE, RECIPES, VARIANTS, scaled
from lenext.models.table import parameters
from lenext.recipes import SGD, CrossEntropy, RMSProp
from lenext.training.optim import build_optimizer


def on_meta(name: str = "mobilenet_v1", **options: object) -> Network:
    with torch.device("meta"):
        return create_model(name, **options).eval()  # type: ignore[arg-type]


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


def test_27_convolutions_and_a_classifier() -> None:
    network = on_meta()
    assert len(convolutions(network)) == 27
    assert all(module.bias is None for module in convolutions(network))
    assert network.get_classifier().bias is not None


def test_each_half_has_its_own_normalisation_and_relu() -> None:
    parts = dict(on_meta().stages.block2.named_children())
    assert list(parts) == [
        "depthwise", "depthwise_bn", "depthwise_relu", "pointwise", "pointwise_bn", "pointwise_relu",
    ]  # fmt: skip
    assert {type(part) for name, part in parts.items() if name.endswith("relu")} == {nn.ReLU}


def test_the_stride_stands_in_the_depthwise_half_and_not_in_the_last_row() -> None:
    stages = on_meta().stages
    strides = [(block.depthwise.stride[0], block.pointwise.stride[0]) for block in stages]
    assert [first for first, _ in strides] == [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]
    assert {second for _, second in strides} == {1}


@pytest.mark.parametrize(
    ("name", "width", "params", "macs"),
    [
        ("mobilenet_v1", 1.0, 4_231_976, (568_740_352, 418_121_728, 290_675_200, 186_400_768)),
        ("mobilenet_v1_075", 0.75, 2_585_560, (325_400_448, 239_273_472, 166_396_800, 106_770_432)),
        ("mobilenet_v1_050", 0.5, 1_331_592, (149_497_088, 109_970_432, 76_524_800, 49_160_192)),
        ("mobilenet_v1_025", 0.25, 470_072, (41_030_272, 30_212_608, 21_059_200, 13_570_048)),
    ],
)
def test_the_sixteen_networks_count_what_was_counted(
    name: str, width: float, params: int, macs: tuple[int, ...]
) -> None:
    for image_size, count in zip((224, 192, 160, 128), macs, strict=True):
        network = on_meta(name, image_size=image_size)
        assert network.input_size == (3, image_size, image_size)
        assert (parameters(network), multiply_adds_of(network, network.input_size)) == (params, count)
    assert parameters(on_meta(width=width)) == params


@pytest.mark.parametrize(
    ("body", "params", "macs"),
    [("full", 29_294_088, 4_867_293_184), ("shallow", 2_887_976, 307_323_392)],
)
def test_the_two_networks_that_it_is_compared_with(body: str, params: int, macs: int) -> None:
    network = on_meta(body=body)
    assert (parameters(network), multiply_adds_of(network, network.input_size)) == (params, macs)


@pytest.mark.parametrize(
    ("row", "depthwise", "pointwise"),
    [
        (1, 3_612_672, 25_690_112), (2, 1_806_336, 25_690_112), (3, 3_612_672, 51_380_224),
        (4, 903_168, 25_690_112), (6, 451_584, 25_690_112), (7, 903_168, 51_380_224),
        (12, 225_792, 25_690_112), (13, 451_584, 51_380_224),
    ],
)  # fmt: skip
def test_the_multiply_adds_of_each_half(row: int, depthwise: int, pointwise: int) -> None:
    network = on_meta()
    with torch.no_grad():
        side = network.intermediates(torch.empty(1, 3, 224, 224, device="meta"))[f"block{row}"].shape[-1]
    block = network.stages.get_submodule(f"block{row}")
    halves = [block.get_submodule(half).weight.numel() * side**2 for half in ("depthwise", "pointwise")]
    assert halves == [depthwise, pointwise]


@pytest.mark.parametrize(
    ("name", "total"),
    [
        ("mobilenet_v1", 4_253_864), ("mobilenet_v1_075", 2_601_976),
        ("mobilenet_v1_050", 1_342_536), ("mobilenet_v1_025", 475_544),
    ],
)  # fmt: skip
def test_keras_counts_the_statistics_too(name: str, total: int) -> None:
    network = on_meta(name, reading="keras")
    assert parameters(network) + sum(buffer.numel() for buffer in network.buffers() if buffer.dim()) == total


def test_a_width_leaves_at_least_eight_channels() -> None:
    assert (scaled(32, 0.1), scaled(1024, 0.1), scaled(64, 0.75)) == (8, 102, 48)


def kinds(network: Network) -> tuple[type[nn.Module], type[nn.Module], float]:
    """Of the strided depthwise convolutions, of the non-linearities, and the eps of the normalisation."""
    strided = {type(module) for module in convolutions(network) if module.stride == (2, 2) and module.groups > 1}
    active = {type(module) for module in network.modules() if isinstance(module, nn.ReLU | nn.ReLU6)}
    eps = {module.eps for module in network.modules() if isinstance(module, nn.BatchNorm2d)}
    (found,) = {(a, b, c) for a in strided for b in active for c in eps}
    return found


def test_the_readings_are_pieces_of_code() -> None:
    assert kinds(on_meta()) == (SameConv2d, nn.ReLU, 1e-3)
    assert kinds(on_meta(reading="slim")) == (SameConv2d, nn.ReLU6, 1e-3)
    assert kinds(on_meta(reading="keras")) == (FarConv2d, nn.ReLU6, 1e-3)
    assert kinds(on_meta(reading="timm")) == (nn.Conv2d, nn.ReLU6, 1e-5)
    assert kinds(on_meta(reading="caffe")) == (nn.Conv2d, nn.ReLU, 1e-5)
    assert type(on_meta(reading="keras").get_submodule("stem.conv")) is SameConv2d
    counts = {name: len(differences) for name, differences in readings("mobilenet_v1_050").items()}
    assert counts == {"paper": 0, "slim": 3, "keras": 3, "timm": 2}


@pytest.mark.parametrize(
    ("reading", "momentum", "dropout"),
    [("paper", 0.1, 0.0), ("slim", 3e-4, 0.001), ("keras", 0.01, 0.001), ("timm", 0.1, 0.0), ("caffe", 0.1, 0.0)],
)
def test_the_pace_of_the_statistics_and_dropout_are_those_of_the_code(
    reading: str, momentum: float, dropout: float
) -> None:
    network = on_meta(reading=reading)
    assert {module.momentum for module in network.modules() if isinstance(module, nn.BatchNorm2d)} == {momentum}
    assert network.head.drop.p == dropout


def test_slim_has_a_class_for_the_background() -> None:
    assert parameters(on_meta(reading="slim")) == 4_233_001
    assert on_meta(reading="slim", num_classes=7).num_classes == 7
    assert parameters(on_meta(reading="timm")) == parameters(on_meta()) == 4_231_976


def test_weights_start_within_two_deviations() -> None:
    torch.manual_seed(0)
    network = create_model("mobilenet_v1_025", num_classes=10)
    weights = torch.cat([module.weight.flatten() for module in convolutions(network)])
    assert weights.abs().max() <= 0.18
    assert 0.07 < weights.std() < 0.09
    assert not network.get_classifier().bias.any()


@pytest.mark.parametrize("name", VARIANTS)
def test_images_of_any_size_and_shape_are_taken(name: str) -> None:
    assert on_meta(name, num_classes=5)(torch.empty(2, 3, 33, 95, device="meta")).shape == (2, 5)


def test_what_it_cannot_have_is_refused() -> None:
    with pytest.raises(UsageError, match="no body 'thick'"):
        on_meta(body="thick")
    with pytest.raises(UsageError, match="no code 'torch'"):
        on_meta(code="torch")
    with pytest.raises(UsageError, match="no padding 'valid'"):
        on_meta(padding="valid")


def test_it_is_trained_as_inception_v3_with_less_regularisation() -> None:
    assert isinstance(RECIPE.optimizer, RMSProp)
    assert isinstance(inception_v3.RECIPE.optimizer, RMSProp)
    assert "depthwise" in RECIPE.optimizer.spared
    assert replace(RECIPE.optimizer, spared=inception_v3.RECIPE.optimizer.spared) == inception_v3.RECIPE.optimizer
    assert (RECIPE.clip, RECIPE.average) == (inception_v3.RECIPE.clip, inception_v3.RECIPE.average)
    assert (RECIPE.auxiliary, RECIPE.loss) == (0, CrossEntropy())


def test_dogs_are_recognised_at_two_widths_and_two_sizes() -> None:
    dogs = {
        (name, result.protocol): result.value
        for name in VARIANTS
        for result in PUBLISHED[name].results
        if result.data == "Stanford Dogs"
    }
    assert sorted(dogs.values()) == [80.5, 81.9, 81.9, 83.3]
    assert dogs["mobilenet_v1", "224 pixels"] == 83.3


def test_eight_bits_cost_the_released_networks_up_to_four_per_cent() -> None:
    for name in VARIANTS:
        top1 = {r.protocol: r.value for r in PUBLISHED[name].results if r.metric == "top-1 accuracy"}
        for side in (224, 192, 160, 128):
            lost = top1[f"{side} pixels, released"] - top1[f"{side} pixels, eight bits, released"]
            assert 0 < lost < 4.5


def test_slims_script_takes_plain_steps_and_spares_depthwise_weights() -> None:
    """mobilenet_v1_train.py: no momentum, no average, no clipping; the rate falls as in the recipe of the paper."""
    slim = RECIPES["*"]["slim"]
    assert isinstance(slim.optimizer, SGD)
    assert (slim.optimizer.lr, slim.optimizer.momentum, slim.optimizer.weight_decay) == (0.045, 0, 4e-5)
    with torch.device("meta"):
        network = create_model("mobilenet_v1", reading="slim")
    decaying = [g["params"] for g in build_optimizer(slim.optimizer, network).param_groups if g["weight_decay"]]
    assert [len(params) for params in decaying] == [1 + 13 + 1]  # the full, the pointwise ones and the classifier
    assert (slim.clip, slim.average, slim.batch_size, slim.schedule) == (None, None, 64, RECIPE.schedule)
