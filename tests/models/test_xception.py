"""Xception is 34 separable convolutions with linear shortcuts, nothing inside a pair, and SAME pools."""

from __future__ import annotations

from functools import partial

import pytest
import torch
import weightless
from torch import Tensor, nn
from weightless import multiply_adds_of

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.network import Network
from lenext.layers.padding import SameMaxPool2d
from lenext.models import model_file, readings
from lenext.models.table import parameters
from lenext.models.xception import CODES, RECIPES, Residual, Separable, Shape
from lenext.recipes import BinaryCrossEntropy, RMSProp
from lenext.training.schedule import learning_rate

SHAPE = Shape("none", "depthwise", residual=True, code=CODES["keras"])

on_meta = partial(weightless.on_meta, "xception")


def blocks(network: Network) -> dict[str, nn.Module]:
    return {name: block for stage in network.stages for name, block in stage.named_children()}


def test_36_convolutions_stand_in_14_blocks_with_shortcuts_around_12() -> None:
    network = on_meta()
    found = blocks(network)
    assert sum(isinstance(module, Separable) for module in network.modules()) == 34
    assert sum(isinstance(module, nn.Conv2d) for module in network.stem.modules()) == 2
    assert list(found) == [f"block{number}" for number in range(2, 15)]
    assert [name for name, block in found.items() if not isinstance(block, Residual)] == ["block14"]


def test_the_counts_of_the_paper_and_of_keras() -> None:
    network = on_meta()
    assert (parameters(network), multiply_adds_of(network, (3, 299, 299))) == (22_855_952, 8_357_403_496)
    assert multiply_adds_of(network, (3, 224, 224)) == 4_552_879_072
    statistics = sum(buffer.numel() for buffer in network.buffers() if buffer.dim())
    assert parameters(network) + statistics == 22_910_480


def test_a_separable_convolution_looks_at_space_first_and_has_nothing_between() -> None:
    layer = Separable(4, 6, SHAPE)
    assert list(dict(layer.named_children())) == ["depthwise", "pointwise"]
    assert [tuple(part.weight.shape) for part in layer if isinstance(part, nn.Conv2d)] == [(4, 1, 3, 3), (6, 4, 1, 1)]
    assert all(part.bias is None for part in layer if isinstance(part, nn.Conv2d))


@pytest.mark.parametrize(("intermediate", "kind"), [("relu", nn.ReLU), ("elu", nn.ELU)])
def test_an_intermediate_activation_stands_in_every_pair_and_weighs_nothing(
    intermediate: str, kind: type[nn.Module]
) -> None:
    network = on_meta(intermediate=intermediate)
    pairs = [module for module in network.modules() if isinstance(module, Separable)]
    assert {type(pair[1]) for pair in pairs} == {kind}
    assert parameters(network) == 22_855_952


def test_the_reversed_order_filters_the_output_width() -> None:
    network = on_meta(order="pointwise")
    assert list(dict(network.stages.exit_flow.block14.sepconv1.named_children())) == ["pointwise", "depthwise"]
    assert parameters(network) == 22_873_808 == 22_855_952 + 9 * 1984


def test_without_shortcuts_the_projections_are_gone_too() -> None:
    network = on_meta(residual=False)
    assert not any(isinstance(module, Residual) for module in network.modules())
    projections = (64 * 128 + 128 * 256 + 256 * 728 + 728 * 1024) + 2 * (128 + 256 + 728 + 1024)
    assert parameters(network) == 22_855_952 - projections
    assert network(torch.empty(1, 3, 299, 299, device="meta")).shape == (1, 1000)


def leading(network: Network) -> dict[str, type[nn.Module]]:
    return {
        name: type(next(iter(block.branch if isinstance(block, Residual) else block)))  # type: ignore[arg-type]
        for name, block in blocks(network).items()
    }


def test_every_block_starts_with_a_relu_but_the_second_and_the_last() -> None:
    first = leading(on_meta())
    assert {name for name, kind in first.items() if kind is Separable} == {"block2", "block14"}
    assert {kind for name, kind in first.items() if name not in ("block2", "block14")} == {nn.ReLU}


def test_the_shortcut_is_linear_and_sees_what_no_relu_has_cut() -> None:
    torch.manual_seed(0)
    network = create_model("xception", num_classes=2).eval()
    block = network.stages.middle_flow.block5
    nn.init.zeros_(block.branch.bn3.weight)
    x = torch.randn(1, 728, 3, 3)
    before = x.clone()
    with torch.no_grad():
        assert torch.equal(block(x), before)
    assert torch.equal(x, before)


def test_normalisation_has_keras_constants() -> None:
    norms = {(m.eps, m.momentum) for m in on_meta().modules() if isinstance(m, nn.BatchNorm2d)}
    assert norms == {(1e-3, 0.01)}


def test_the_reading_of_timm_differs_in_the_pool_of_block3_in_normalisation_and_in_dropout() -> None:
    said = [(difference.where, difference.found) for difference in readings("xception")["timm"]]
    assert said == [
        ("pool of block3", "one pixel on every side"),
        ("every normalisation", "eps 0.00001, momentum 0.9"),
        ("head", "none"),
    ]
    network = on_meta(reading="timm")
    assert not any(isinstance(module, SameMaxPool2d) for module in network.modules())
    assert {(m.eps, m.momentum) for m in network.modules() if isinstance(m, nn.BatchNorm2d)} == {(1e-5, 0.1)}
    assert [on_meta(reading=reading).head.drop.p for reading in ("paper", "timm")] == [0.5, 0.0]
    assert (parameters(network), multiply_adds_of(network, (3, 299, 299))) == (22_855_952, 8_357_403_496)


def pooled(network: Network, number: int, side: int) -> Tensor:
    pool = blocks(network)[f"block{number}"].branch.pool  # type: ignore[union-attr]
    return pool(torch.arange(side * side, dtype=torch.float32).view(1, 1, side, side))  # type: ignore[operator]


def test_at_299_pixels_the_two_paddings_differ_in_block3_only() -> None:
    same, symmetric = on_meta(), on_meta(reading="timm")
    sides = {2: 147, 3: 74, 4: 37, 13: 19}
    assert [n for n, side in sides.items() if not torch.equal(pooled(same, n, side), pooled(symmetric, n, side))] == [3]


@pytest.mark.parametrize("size", [(71, 71), (100, 131)])
def test_images_of_any_size_and_shape_are_taken(size: tuple[int, int]) -> None:
    assert on_meta(num_classes=5)(torch.empty(2, 3, *size, device="meta")).shape == (2, 5)


def test_what_it_cannot_have_is_refused() -> None:
    for option in ("intermediate", "order", "code"):
        with pytest.raises(UsageError, match=f"no {option} 'sideways'"):
            on_meta(**{option: "sideways"})


def test_on_jft_two_hidden_layers_may_stand_before_the_classifier() -> None:
    """4.3: 2048 to 4096 to 4096 units; ReLU after each is ours."""
    head = on_meta(reading="jft", num_classes=17_000).head
    assert list(dict(head.named_children())) == ["pool", "flatten", "fc1", "relu1", "fc2", "relu2", "drop", "fc"]
    assert [layer.in_features for layer in head if isinstance(layer, nn.Linear)] == [2048, 4096, 4096]
    assert head.drop.p == 0
    more = parameters(on_meta(reading="jft")) - parameters(on_meta())
    assert more == (2048 + 1) * 4096 + (4096 + 1) * 4096 + 2048 * 1000
    assert on_meta(dropout=0.25).head.drop.p == 0.25


def test_on_jft_it_learns_several_labels_of_an_image_without_dropout() -> None:
    """4.2: times 0.9 at every 3,000,000 samples, of 350 million images an epoch."""
    jft = RECIPES["*"]["jft"]
    assert (type(jft.optimizer), jft.optimizer.lr, jft.optimizer.momentum) == (RMSProp, 0.001, 0.9)
    steps_per_epoch = 350_000_000 / jft.batch_size
    rates = [
        learning_rate(jft.schedule, 1.0, samples / jft.batch_size, 32_812_500, 0, steps_per_epoch)
        for samples in (2_999_968, 3_000_032, 5_999_968, 6_000_032)
    ]
    assert rates == pytest.approx([1, 0.9, 0.9, 0.81])
    assert round(30_000_000 / steps_per_epoch) == jft.epochs
    assert (jft.dropout, jft.loss) == (0.0, BinaryCrossEntropy())
    assert jft.optimizer.weight_decay == RECIPES["*"]["paper"].optimizer.weight_decay == 1e-5


def test_what_the_paper_does_not_print_is_inception_v3s() -> None:
    """4.2: nothing was tuned anew; there neither biases nor normalisations decay."""
    theirs = model_file("inception_v3").RECIPES["*"]["paper"]
    for recipe in RECIPES["*"].values():
        assert recipe.optimizer.spared == theirs.optimizer.spared == ("biases", "norms")
        assert recipe.augment == theirs.augment
        assert recipe.normalise == theirs.normalise
