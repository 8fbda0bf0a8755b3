"""ConvNeXt: one normalisation and one activation in a block, seven pixels wide, and a norm wherever the map shrinks."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from weightless import on_meta

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.drop_path import DropPath
from lenext.layers.layer_scale import LayerScale
from lenext.layers.network import Network
from lenext.layers.norm import LayerNorm2d
from lenext.models import list_models, readings
from lenext.models.convnext import PUBLISHED, Block
from lenext.models.table import multiply_adds, parameters

LARGE_IMAGES = {
    "convnext_tiny": (13_092_317_184, 44_615_857),
    "convnext_small": (25_517_991_936, 66_250_417),
    "convnext_base": (45_122_117_632, 109_953_489),
    "convnext_large": (100_977_561_600, 229_799_953),
    "convnext_xlarge": (179_029_262_336, 392_900_177),
}


def blocks(network: Network) -> list[Block]:
    return [module for module in network.modules() if isinstance(module, Block)]


@pytest.mark.parametrize("name", LARGE_IMAGES)
def test_384_pixels_and_21841_classes_count_what_was_counted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    macs, params = LARGE_IMAGES[name]
    for norm in (nn.LayerNorm, LayerNorm2d):  # they count nothing, and take most of the time
        monkeypatch.setattr(norm, "forward", lambda _, x: x)
    assert multiply_adds(on_meta(name), (3, 384, 384)) == macs
    assert parameters(on_meta(name, num_classes=21_841)) == params


def test_a_block_is_what_its_figure_says() -> None:
    torch.manual_seed(0)
    block = Block(4, kernel_size=7, layer_scale=0.5, drop_path=0.0)
    x = torch.randn(2, 4, 9, 6)
    y = F.conv2d(x, block.dwconv.weight, block.dwconv.bias, padding=3, groups=4)
    y = F.layer_norm(y.movedim(1, -1), (4,), eps=1e-6) @ block.pwconv1.weight.T + block.pwconv1.bias
    y = 0.5 * (y * (1 + torch.erf(y / 2**0.5)) / 2 @ block.pwconv2.weight.T + block.pwconv2.bias)
    torch.testing.assert_close(block(x), x + y.movedim(-1, 1))


def test_a_block_without_weights_leaves_its_input_alone() -> None:
    block = Block(4, kernel_size=7, layer_scale=1e-6, drop_path=0.0)
    nn.init.zeros_(block.scale.weight)  # type: ignore[arg-type]
    x = torch.randn(1, 4, 5, 5)
    assert (x < 0).any()
    assert torch.equal(block(x), x)


def test_a_block_has_one_normalisation_one_activation_and_a_wide_middle() -> None:
    for block in blocks(on_meta("convnext_small")):
        parts = [type(part) for part in block.children()]
        assert parts == [nn.Conv2d, nn.LayerNorm, nn.Linear, nn.GELU, nn.Linear, LayerScale, DropPath]
        assert block.pwconv1.out_features == 4 * block.pwconv1.in_features
        assert (block.dwconv.kernel_size, block.dwconv.groups) == ((7, 7), block.dwconv.in_channels)


def test_there_is_a_norm_before_every_downsampling_after_the_stem_and_after_the_pool() -> None:
    network = on_meta("convnext_tiny")
    assert [type(part) for part in network.stem] == [nn.Conv2d, LayerNorm2d]
    assert list(dict(network.head.named_children())) == ["pool", "flatten", "norm", "fc"]
    for name, stage in network.stages.named_children():
        first = next(stage.children())
        if name == "res2":
            assert isinstance(first, Block)
        else:
            assert [type(part) for part in first.children()] == [LayerNorm2d, nn.Conv2d]
    assert not [module for module in network.modules() if isinstance(module, nn.BatchNorm2d | nn.ReLU)]
    assert {module.eps for module in network.modules() if isinstance(module, nn.LayerNorm)} == {1e-6}


def test_every_convolution_and_linear_layer_has_a_bias() -> None:
    layers = [module for module in on_meta("convnext_base").modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert all(layer.bias is not None for layer in layers)


@pytest.mark.parametrize(
    ("name", "rate"),
    [("convnext_tiny", 0.1), ("convnext_small", 0.4), ("convnext_large", 0.5), ("convnext_isotropic_base", 0.2)],
)
def test_the_last_block_is_dropped_most(name: str, rate: float) -> None:
    rates = [block.drop_path.rate for block in blocks(on_meta(name))]
    assert rates == pytest.approx(torch.linspace(0, rate, len(rates)).tolist())
    assert {block.drop_path.rate for block in blocks(on_meta(name, drop_path=0.0))} == {0.0}


def test_layer_scale_is_off_in_the_isotropic_s_and_b_alone() -> None:
    scaled = {name for name in list_models("convnext_[!r]*") if isinstance(blocks(on_meta(name))[0].scale, LayerScale)}
    assert set(list_models("convnext_[!r]*")) - scaled == {"convnext_isotropic_small", "convnext_isotropic_base"}
    gammas = 96 * 3 + 192 * 3 + 384 * 9 + 768 * 3
    assert parameters(on_meta("convnext_tiny", layer_scale=0)) == 28_589_128 - gammas
    assert parameters(on_meta("convnext_isotropic_small", layer_scale=1e-6)) == 22_308_712 + 18 * 384


def test_an_isotropic_network_never_shrinks_its_map_and_has_no_norm_after_the_stem() -> None:
    network = on_meta("convnext_isotropic_small")
    assert list(dict(network.stem.named_children())) == ["conv"]
    maps = network.intermediates(torch.empty(1, 3, 224, 224, device="meta"))
    assert {name: tuple(value.shape[1:]) for name, value in maps.items()} == {
        "stem": (384, 14, 14), "blocks": (384, 14, 14),
    }  # fmt: skip


def test_weights_are_small_biases_zero_and_layer_scale_a_millionth() -> None:
    torch.manual_seed(0)
    network = create_model("convnext_tiny", num_classes=10)
    block = blocks(network)[-1]
    assert float(block.pwconv1.weight.detach().std()) == pytest.approx(0.02, rel=0.01)
    assert not any(layer.bias.any() for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear))
    assert torch.equal(block.scale.weight, torch.full((768,), 1e-6))


@pytest.mark.parametrize("kernel", [3, 5, 9, 11])
def test_another_kernel_changes_the_depthwise_convolutions_and_no_map(kernel: int) -> None:
    network = on_meta("convnext_tiny", kernel_size=kernel)
    channels = 96 * 3 + 192 * 3 + 384 * 9 + 768 * 3
    assert parameters(network) == 28_589_128 + (kernel**2 - 49) * channels
    assert network.forward_features(torch.empty(1, 3, 224, 224, device="meta")).shape == (1, 768, 7, 7)


@pytest.mark.parametrize("kernel", [0, -7, 4])
def test_an_even_kernel_is_refused(kernel: int) -> None:
    with pytest.raises(UsageError, match=f"convnext_tiny has no kernel_size {kernel}") as refused:
        create_model("convnext_tiny", kernel_size=kernel)
    assert "odd" in refused.value.remedy


def test_images_of_any_size_and_shape_are_taken() -> None:
    for size in ((64, 96), (35, 47)):
        assert on_meta("convnext_tiny")(torch.empty(2, 3, *size, device="meta")).shape == (2, 1000)


def test_everybody_builds_the_papers_network() -> None:
    assert list(readings("convnext_tiny")) == ["paper"]


def test_robustness_grows_with_the_network_and_its_data() -> None:
    """Table 8: accuracies rise, errors of corrupted images fall."""
    rows = [("convnext_tiny", "1-crop"), ("convnext_base", "1-crop")]
    rows += [(f"convnext_{size}", "whole image at 384, 22K") for size in ("base", "large", "xlarge")]
    table = [
        {r.data: r.value for r in PUBLISHED[name].results if r.source == "Table 8" and r.protocol == test}
        for name, test in rows
    ]
    assert {len(row) for row in table} == {5}
    for data in table[0]:
        figures = [row[data] for row in table]
        assert figures == sorted(figures, reverse=data.startswith("ImageNet-C"))
    metrics = {r.data: r.metric for r in PUBLISHED["convnext_tiny"].results if r.source == "Table 8"}
    assert {data for data, metric in metrics.items() if "error" in metric} == {"ImageNet-C", "ImageNet-C-bar"}
