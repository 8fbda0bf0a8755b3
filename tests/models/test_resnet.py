"""ResNet is a plain net with shortcuts: what each option adds, where the stride stands, what the twins share."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from weightless import on_meta

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.network import Network
from lenext.layers.residual import ZeroPadding
from lenext.models import entry, readings
from lenext.models.resnet import RECIPES, VARIANTS, Residual
from lenext.models.table import multiply_adds, parameters
from lenext.recipes import ChannelMean, Steps
from lenext.training.schedule import learning_rate

PLAIN = [name for name in VARIANTS if name.startswith("plain")]


def counts(network: Network) -> tuple[int, int]:
    return parameters(network), multiply_adds(network.eval(), network.input_size)


def test_a_block_adds_its_input_and_then_cuts_at_zero() -> None:
    block = Residual(nn.Conv2d(2, 2, 1), nn.Identity())
    nn.init.zeros_(block.branch.weight)
    nn.init.zeros_(block.branch.bias)
    x = torch.randn(1, 2, 3, 3)
    assert torch.equal(block(x), x.clamp(min=0))


@pytest.mark.parametrize(
    ("name", "shortcut", "params", "macs"),
    [
        ("resnet18", "A", 11_515_688, 1_794_805_760),
        ("resnet18", "B", 11_689_512, 1_814_073_344),
        ("resnet18", "C", 12_043_816, 1_878_298_624),
        ("resnet34", "A", 21_623_848, 3_644_493_824),
        ("resnet34", "C", 22_716_840, 3_830_747_136),
        ("resnet50", "A", 22_780_456, 3_498_311_680),
        ("resnet50", "C", 40_128_552, 6_324_224_000),
    ],
)
def test_the_three_options_count_what_was_counted(name: str, shortcut: str, params: int, macs: int) -> None:
    assert counts(on_meta(name, shortcut=shortcut)) == (params, macs)


@pytest.mark.parametrize(("depth", "params"), [(20, 272_474), (32, 466_906), (56, 855_770), (110, 1_730_714)])
def test_projections_on_cifar_cost_2752_parameters(depth: int, params: int) -> None:
    assert parameters(on_meta(f"resnet{depth}_cifar", shortcut="B")) == params
    assert parameters(on_meta(f"resnet{depth}_cifar")) == params - 2752


def test_option_c_has_13_projections_more_than_b() -> None:
    def projections(option: str) -> int:
        return sum(
            isinstance(block, Residual) and isinstance(block.shortcut, nn.Sequential)
            for block in on_meta("resnet34", shortcut=option).modules()
        )

    assert (projections("A"), projections("B"), projections("C")) == (0, 3, 16)


def test_the_defaults_are_projections_on_imagenet_and_zeros_on_cifar() -> None:
    assert {VARIANTS[name].shortcut for name in VARIANTS if name.startswith("resnet") and "cifar" not in name} == {"B"}
    assert {VARIANTS[name].shortcut for name in VARIANTS if name.startswith("resnet") and "cifar" in name} == {"A"}
    assert {VARIANTS[name].shortcut for name in PLAIN} == {None}


@pytest.mark.parametrize("plain", PLAIN)
def test_a_plain_net_has_every_weight_of_its_residual_twin_and_no_other(plain: str) -> None:
    twin = on_meta(plain.replace("plain", "resnet"), shortcut="A")
    shapes = {key: value.shape for key, value in on_meta(plain).state_dict().items()}
    assert shapes == {key: value.shape for key, value in twin.state_dict().items()}
    assert not any(isinstance(module, Residual | ZeroPadding) for module in on_meta(plain).modules())


def test_a_plain_net_computes_something_else_than_its_twin() -> None:
    torch.manual_seed(0)
    plain, twin = create_model("plain20_cifar").eval(), create_model("resnet20_cifar").eval()
    twin.load_state_dict(plain.state_dict())
    image = torch.randn(1, 3, 32, 32)
    assert not torch.allclose(plain(image), twin(image))


def strides(network: Network, block: str) -> dict[str, int]:
    stage = network.stages.get_submodule(block[:5] + "_x")
    parts = dict(stage.get_submodule(block).named_modules())
    return {name: part.stride[0] for name, part in parts.items() if isinstance(part, nn.Conv2d)}


def test_the_papers_bottleneck_halves_the_map_in_its_first_1x1_and_v1_5_in_its_3x3() -> None:
    paper, later = on_meta("resnet50"), on_meta("resnet50", reading="v1.5")
    assert strides(paper, "conv3_1") == {"branch.conv1": 2, "branch.conv2": 1, "branch.conv3": 1, "shortcut.conv1": 2}
    assert strides(later, "conv3_1") == {"branch.conv1": 1, "branch.conv2": 2, "branch.conv3": 1, "shortcut.conv1": 2}
    assert set(strides(paper, "conv2_1").values()) == set(strides(later, "conv3_2").values()) == {1}


@pytest.mark.parametrize(
    ("name", "macs"),
    [("resnet50", 4_089_184_256), ("resnet101", 7_801_405_440), ("resnet152", 11_513_626_624)],
)
def test_v1_5_costs_more_with_the_same_weights(name: str, macs: int) -> None:
    later = on_meta(name, reading="v1.5")
    assert counts(later) == (parameters(on_meta(name)), macs)
    assert later.reading == "v1.5"


def test_a_reading_is_its_list_of_differences() -> None:
    (difference,) = readings("resnet50")["v1.5"]
    by_option = on_meta("resnet50", **{difference.option: difference.value})
    assert counts(by_option) == counts(on_meta("resnet50", reading="v1.5"))


def test_resnet200_exists_only_with_its_stride_in_the_3x3() -> None:
    assert strides(on_meta("resnet200"), "conv3_1")["branch.conv2"] == 2
    assert list(readings("resnet200")) == ["paper"]


def test_a_basic_block_halves_the_map_in_its_first_convolution() -> None:
    assert strides(on_meta("resnet18"), "conv4_1") == {"branch.conv1": 2, "branch.conv2": 1, "shortcut.conv1": 2}


def test_convolutions_have_no_bias_and_normalisation_the_papers_constants() -> None:
    modules = list(on_meta("resnet50").modules())
    assert all(module.bias is None for module in modules if isinstance(module, nn.Conv2d))
    assert {(m.eps, m.momentum) for m in modules if isinstance(m, nn.BatchNorm2d)} == {(1e-5, 0.1)}


@pytest.mark.parametrize("size", [(224, 224), (64, 96), (33, 47)])
def test_images_of_any_size_and_shape_are_taken(size: tuple[int, int]) -> None:
    network = create_model("resnet18", num_classes=5).eval()
    assert network(torch.randn(1, 3, *size)).shape == (1, 5)
    assert on_meta("resnet20_cifar")(torch.empty(2, 3, *size, device="meta")).shape == (2, 10)


def test_options_that_a_network_cannot_have_are_refused() -> None:
    with pytest.raises(UsageError, match="no shortcut 'A' here") as refused:
        create_model("plain34", shortcut="A")
    assert refused.value.remedy == "Leave shortcut out."
    with pytest.raises(UsageError, match="no stride_in '3x3' here"):
        create_model("resnet18", stride_in="3x3")
    with pytest.raises(UsageError, match="no shortcut 'D' here") as refused:
        create_model("resnet50", shortcut="D")
    assert refused.value.remedy == "Choose one of A, B, C."


def test_only_resnet_110_warms_up() -> None:
    paper = {name: entry(RECIPES, name)["paper"].schedule for name in VARIANTS if name.endswith("_cifar")}
    warm = {name for name, schedule in paper.items() if isinstance(schedule, Steps) and schedule.warmup_iterations}
    assert warm == {"resnet110_cifar"}
    assert entry(RECIPES, "resnet50")["paper"].iterations == 600_000
    assert entry(RECIPES, "resnet50")["paper"].exact_statistics > 0
    assert entry(RECIPES, "resnet50")["fb"].epochs == 90


def test_torch_trained_on_cifar_for_164_epochs_and_took_the_mean_of_each_channel() -> None:
    recipe = entry(RECIPES, "resnet20_cifar")["fb"]
    assert recipe == entry(RECIPES, "resnet110_cifar")["fb"]
    assert (recipe.epochs, recipe.batch_size, recipe.normalise) == (164, 128, ChannelMean())
    drops = [learning_rate(recipe.schedule, 0.1, 391 * epoch, 391 * 164, 0, 391) for epoch in (79, 80, 120, 121)]
    assert drops == pytest.approx([0.1, 0.01, 0.01, 0.001])  # its epochs are numbered from 1: 81 and 122


def test_the_keras_reading_has_a_bias_in_every_convolution_and_another_eps():
    network = create_model("resnet50", reading="keras")
    assert sum(weight.numel() for weight in network.parameters()) == 25_583_592  # 25,636,712 with statistics
    assert {module.eps for module in network.modules() if isinstance(module, nn.BatchNorm2d)} == {1.001e-5}


@pytest.mark.parametrize(("name", "count"), [("resnet50", 25_557_096), ("resnet101", 44_549_160)])
def test_the_caffe_reading_pools_without_padding_and_has_one_bias_in_50_layers(name, count):
    with torch.device("meta"):
        network = create_model(name, reading="caffe")
        assert network.intermediates(torch.empty(1, 3, 224, 224))["conv2_x"].shape == (1, 256, 56, 56)
    assert sum(weight.numel() for weight in network.parameters()) == count
    pool = network.stages.conv2_x.pool
    assert (pool.padding, pool.ceil_mode) == (0, True)


def test_other_codes_are_those_of_bottlenecks():
    with pytest.raises(UsageError, match="no code 'keras'"):
        create_model("resnet18", code="keras")
