"""Pre-activation: nothing stands on the way from one sum to the next, and who shares an activation shares it whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from weightless import on_meta

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.highway import Gate, WeighedUnit
from lenext.layers.network import Network
from lenext.layers.preactivation import Unit
from lenext.layers.residual import ZeroPadding
from lenext.models import model_file, readings
from lenext.models.preresnet import PUBLISHED, UNITS, Design, stage
from lenext.models.table import multiply_adds, parameters
from lenext.recipes.standard import FB_RESNET_TORCH


def units(network: Network) -> dict[str, Unit]:
    return {name: unit for name, unit in network.stages.named_modules() if isinstance(unit, Unit)}


def test_a_unit_leaves_the_sum_alone() -> None:
    branch = nn.Conv2d(2, 2, 1)
    nn.init.zeros_(branch.weight)
    nn.init.zeros_(branch.bias)
    x = torch.randn(1, 2, 3, 3)
    assert (x < 0).any()
    assert torch.equal(Unit(nn.ReLU(), branch, None)(x), x)


def test_a_shortcut_of_its_own_starts_after_the_shared_activation() -> None:
    branch = nn.Conv2d(2, 2, 1)
    nn.init.zeros_(branch.weight)
    nn.init.zeros_(branch.bias)
    x = torch.randn(1, 2, 3, 3)
    assert torch.equal(Unit(nn.ReLU(), branch, nn.Identity())(x), x.clamp(min=0))


def test_only_the_first_unit_and_those_that_change_dimensions_have_a_shortcut_of_their_own() -> None:
    for name in ("preresnet110_cifar", "preresnet164_cifar", "preresnet50"):
        found = units(on_meta(name))
        own = [place.split(".")[1] for place, unit in found.items() if unit.shortcut is not None]
        assert own == [f"conv{stage}_1" for stage in range(2, 2 + len(own))]
        assert len(own) == len(on_meta(name).stages)


def test_projections_are_bare_convolutions_and_110_pads_with_zeros() -> None:
    own = [unit.shortcut for unit in units(on_meta("preresnet50")).values() if unit.shortcut is not None]
    assert {type(shortcut) for shortcut in own} == {nn.Conv2d}
    padded = [unit.shortcut for unit in units(on_meta("preresnet110_cifar")).values() if unit.shortcut is not None]
    assert [type(shortcut) for shortcut in padded] == [nn.Identity, ZeroPadding, ZeroPadding]


def test_the_last_sum_is_activated_within_the_last_stage() -> None:
    network = on_meta("preresnet164_cifar")
    assert list(dict(network.stages.conv4_x.named_children()))[-2:] == ["bn", "relu"]
    assert "bn" not in dict(network.stages.conv3_x.named_children())


def test_imagenet_activates_before_the_pool_and_cifar_within_the_first_unit() -> None:
    assert list(dict(on_meta("preresnet50").stem.named_children())) == ["conv1", "bn1", "relu1"]
    assert isinstance(units(on_meta("preresnet50"))["conv2_x.conv2_1"].activation, nn.Identity)
    assert list(dict(on_meta("preresnet164_cifar").stem.named_children())) == ["conv1"]
    first = units(on_meta("preresnet164_cifar"))["conv2_x.conv2_1"].activation
    assert [type(part) for part in first.children()] == [nn.BatchNorm2d, nn.ReLU]


def test_imagenet_halves_the_map_in_the_3x3_and_cifar_in_the_first_1x1() -> None:
    def strides(name: str) -> list[int]:
        branch = units(on_meta(name))["conv3_x.conv3_1"].branch
        return [part.stride[0] for part in branch.children() if isinstance(part, nn.Conv2d)]

    assert strides("preresnet50") == [1, 2, 1]
    assert strides("preresnet164_cifar") == [2, 1, 1]
    assert strides("preresnet110_cifar") == [2, 1]


def test_images_of_any_size_and_shape_are_taken() -> None:
    for name, size in (("preresnet50", (64, 96)), ("preresnet110_cifar", (33, 47))):
        network = on_meta(name)
        assert network(torch.empty(2, 3, *size, device="meta")).shape == (2, network.num_classes)


@pytest.mark.parametrize("design", [Design("33", (2,) * 3, "A", 1), Design("131", (2,) * 3, "B", 1)])
def test_every_weight_of_a_stage_learns(design: Design) -> None:
    torch.manual_seed(0)
    units = nn.Sequential(stage("conv3", design, 2, 8, 16, 2))
    x = torch.randn(2, 8, 6, 6)
    units(x).square().mean().backward()
    assert units(x).shape[2:] == (3, 3)
    assert all(weight.grad is not None and weight.grad.any() for weight in units.parameters())


def test_the_10_2_million_of_1001_layers_are_convolutions_and_classifier_alone() -> None:
    weights = [
        m.weight.numel() for m in on_meta("preresnet1001_cifar").modules() if isinstance(m, nn.Conv2d | nn.Linear)
    ]
    assert sum(weights) == 10_178_480


ORDERS = {  # Figure 4, read from top to bottom
    "original": "conv1 bn1 relu1 conv2 bn2 + relu",
    "bn-after": "conv1 bn1 relu1 conv2 + bn relu",
    "relu-before": "conv1 bn1 relu1 conv2 bn2 relu2 +",
    "relu-only": "relu1 conv1 bn1 relu2 conv2 bn2 +",
    "full": "bn1 relu1 conv1 bn2 relu2 conv2 +",
}


def layers_of(unit: Unit) -> list[str]:
    parts = [dict(part.named_children()) if part is not None else {} for part in (unit.activation, unit.branch)]
    after = dict(unit.after.named_children()) if unit.after is not None else {}
    return [*parts[0], *parts[1], "+", *after]


def small_stage(unit: str) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(stage("conv3", Design("33", (2,) * 3, "A", 1, unit), 3, 4, 8, 2))


@pytest.mark.parametrize("unit", ORDERS)
def test_a_unit_has_its_layers_in_the_order_of_figure_4(unit: str) -> None:
    assert set(ORDERS) == set(UNITS)
    found = units(on_meta("preresnet110_cifar", unit=unit))["conv3_x.conv3_2"]
    assert layers_of(found) == ORDERS[unit].split()
    deep = units(on_meta("preresnet164_cifar", unit=unit))["conv3_x.conv3_2"]
    kinds = [word.rstrip("123") for word in layers_of(deep)]
    first = ORDERS[unit].split().index("conv2")
    again = [word.rstrip("123") for word in ORDERS[unit].split()]
    between = ["bn", "relu", "conv"]
    assert kinds == [*again[: first + 1], *between, *again[first + 1 :]]


@pytest.mark.parametrize("unit", ORDERS)
def test_all_units_have_the_same_components(unit: str) -> None:
    """Figure 4's caption; projections are normalised where the branch ends in a normalisation."""
    assert parameters(on_meta("preresnet110_cifar", unit=unit)) == 1_727_962
    normed = 2 * (64 + 128 + 256) if unit in ("original", "relu-before", "relu-only") else 0
    assert parameters(on_meta("preresnet164_cifar", unit=unit)) == 1_703_258 + normed


@pytest.mark.parametrize("unit", ORDERS)
def test_the_network_begins_and_ends_as_its_unit_asks(unit: str) -> None:
    network = on_meta("preresnet164_cifar", unit=unit)
    stem = {"relu-only": ["bn1"], "full": []}.get(unit, ["bn1", "relu1"])  # Appendix: the rest is the first unit's
    assert list(dict(network.stem.named_children())) == ["conv1", *stem]
    ends = {"relu-only": ["relu"], "full": ["bn", "relu"]}.get(unit, [])
    assert [word for word in dict(network.stages.conv4_x.named_children()) if "conv" not in word] == ends
    assert network.eval()(torch.empty(2, 3, 33, 47, device="meta")).shape == (2, 10)


def test_relu_before_the_addition_only_adds() -> None:
    units = small_stage("relu-before")
    x = units[0](torch.randn(2, 4, 6, 6))
    assert (units[1](x) >= x).all()


def test_relu_alone_leaves_the_shortcut_its_negative_input() -> None:
    units = small_stage("relu-only").eval()
    x = -torch.rand(2, 8, 3, 3)
    assert torch.equal(units[1](x.clone()), x), "F(ReLU(x)) is 0 here, and x is x"
    assert not torch.equal(units[1](-x), -x)


def test_normalisation_after_the_addition_changes_the_shortcuts_signal() -> None:
    units = small_stage("bn-after")
    x = torch.randn(8, 8, 3, 3)
    with torch.no_grad():
        for part in units[1].branch:
            if isinstance(part, nn.Conv2d):
                part.weight.zero_()
        expected = nn.functional.relu((x - x.mean((0, 2, 3), keepdim=True)) / x.std((0, 2, 3), keepdim=True))
        torch.testing.assert_close(units[1](x), expected, rtol=0.02, atol=0.01)


@pytest.mark.parametrize(
    ("shortcut", "name", "options"),
    [
        ("identity", "resnet110_cifar", {}),
        ("zero", "plain110_cifar", {}),
        ("conv", "resnet110_cifar", {"shortcut": "C"}),
        ("identity", "resnet50", {"stride_in": "3x3"}),
    ],
)
def test_original_units_are_those_of_the_first_paper(shortcut: str, name: str, options: dict[str, str]) -> None:
    torch.manual_seed(0)
    theirs = create_model(name, **options).double().eval()
    like = "preresnet110_cifar" if name.endswith("_cifar") else "preresnet50"
    ours = create_model(like, unit="original", shortcut=shortcut).double().eval()
    source = list(theirs.state_dict().values())
    ours.load_state_dict(dict(zip(ours.state_dict(), source, strict=True)))
    x = torch.randn(1, 3, *((16, 16) if name.endswith("_cifar") else (64, 64)), dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-9, atol=0)


@pytest.mark.parametrize("unit", ["full", "original"])
def test_a_shortcut_that_skips_one_layer(unit: str) -> None:
    """Table 3: 110 layers still, in 108 units of one convolution each."""
    network = on_meta("preresnet110_cifar", unit=unit, skip=1)
    found = units(network)
    assert len(found) == 108
    assert all(sum(isinstance(part, nn.Conv2d) for part in one.branch.modules()) == 1 for one in found.values())
    order = {"full": "bn1 relu1 conv1 +", "original": "conv1 bn1 + relu"}[unit]
    assert layers_of(found["conv3_x.conv3_2"]) == order.split()
    assert [name for name, one in found.items() if isinstance(one.shortcut, ZeroPadding)] == [
        "conv3_x.conv3_1", "conv4_x.conv4_1",
    ]  # fmt: skip
    layers = [part for part in network.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    assert len(layers) == 110
    assert parameters(network) == 1_727_962
    assert network.eval()(torch.empty(2, 3, 33, 47, device="meta")).shape == (2, 10)


def test_normalisation_after_the_addition_was_tried_on_imagenet_too() -> None:
    """5: ResNet-101, whose sums are normalised; its projections are then bare."""
    network = on_meta("preresnet101", unit="bn-after")
    found = units(network)
    assert {tuple(dict(one.after.named_children())) for one in found.values() if one.after is not None} == {
        ("bn", "relu")
    }
    assert len([one for one in found.values() if one.after is not None]) == 3 + 4 + 23 + 3
    normed = 2 * (256 + 512 + 1024 + 2048)
    assert parameters(network) == parameters(on_meta("preresnet101", unit="original")) - normed
    assert list(dict(network.stages.conv5_x.named_children()))[-1] == "conv5_3"


@pytest.mark.parametrize(
    ("shortcut", "more"),
    [
        ("zero", 0),
        ("half", 0),
        ("frozen-gates", 0),
        ("exclusive-gates", 18 * (16 * 16 + 16) + 544 + 17 * (32 * 32 + 32) + 2112 + 17 * (64 * 64 + 64)),
        ("shortcut-gates", 18 * (16 * 16 + 16) + 544 + 17 * (32 * 32 + 32) + 2112 + 17 * (64 * 64 + 64)),
        ("conv", 18 * (16 * 16 + 32) + 576 + 17 * (32 * 32 + 64) + 2176 + 17 * (64 * 64 + 128)),
        ("dropout", 0),
    ],
)
def test_shortcuts_of_table_1_stand_in_every_unit(shortcut: str, more: int) -> None:
    network = on_meta("preresnet110_cifar", unit="original", shortcut=shortcut)
    found = [part for part in network.modules() if isinstance(part, WeighedUnit)]
    assert len(found) == 54
    assert parameters(network) == 1_727_962 + more
    assert network.eval()(torch.empty(2, 3, 32, 32, device="meta")).shape == (2, 10)


def test_dropout_falls_on_the_shortcut_alone() -> None:
    torch.manual_seed(0)
    unit = next(
        part
        for part in create_model("preresnet110_cifar", unit="original", shortcut="dropout").modules()
        if isinstance(part, WeighedUnit)
    )
    nn.init.zeros_(unit.branch.bn2.weight)
    x = torch.rand(4, 16, 8, 8) + 1
    found = unit(x) / x
    assert set(found.unique().tolist()) == {0.0, 2.0}
    assert (found == 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(unit.eval()(x), x)


def test_the_gates_begin_where_they_are_told() -> None:
    for bias in (-6.0, 0, -7):
        network = create_model("preresnet110_cifar", unit="original", shortcut="exclusive-gates", gate_bias=bias)
        gates = [part.bias for part in network.modules() if isinstance(part, Gate)]
        assert len(gates) == 54
        assert {value for gate in gates for value in gate.tolist()} == {float(bias)}


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("preresnet50", {"unit": "relu-only"}, "unit 'relu-only'"),
        ("preresnet50", {"unit": "original", "code": "timm"}, "unit 'original'"),
        ("preresnet164_cifar", {"skip": 1}, "skip 1"),
        ("preresnet110_cifar", {"skip": 3}, "skip 3"),
        ("preresnet110_cifar", {"unit": "original", "shortcut": "half", "skip": 1}, "shortcut 'half'"),
        ("preresnet110_cifar", {"unit": "both"}, "unit 'both'"),
        ("preresnet110_cifar", {"shortcut": "dropout"}, "shortcut 'dropout'"),
        ("preresnet164_cifar", {"unit": "original", "shortcut": "half"}, "shortcut 'half'"),
        ("preresnet110_cifar", {"unit": "original", "shortcut": "closed"}, "shortcut 'closed'"),
        ("preresnet110_cifar", {"gate_bias": "high"}, "gate_bias 'high'"),
    ],
)
def test_what_the_paper_does_not_try_is_refused(name: str, options: dict[str, str], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        create_model(name, **options)


def test_every_result_of_an_ablation_names_options_that_build_it() -> None:
    built = set()
    for name, figures in PUBLISHED.items():
        for result in figures.results:
            words = [word.split() for word in result.protocol.split(", ") if word.count(" ") == 1]
            options = dict(word for word in words if word[0] in ("unit", "shortcut", "gate_bias", "skip"))
            if options:
                bias = float(options.pop("gate_bias", -6))
                skip = int(options.pop("skip")) if "skip" in options else None
                on_meta(name, **options, gate_bias=bias, skip=skip)
                built.add((name, *options.values(), bias, skip))
    assert len(built) == 3 + 6 + 6 + 2 + 2  # Tables 2 and 3; the rest of Table 2; Table 1; a layer skipped; ResNet-101


def test_table_2_is_won_by_full_pre_activation_and_table_1_by_the_identity() -> None:
    for name in ("preresnet110_cifar", "preresnet164_cifar"):
        errors = {r.protocol: r.value for r in PUBLISHED[name].results if r.data == "CIFAR-10 test"}
        assert min(errors, key=errors.__getitem__) == "single view"
        table1 = {protocol: error for protocol, error in errors.items() if "original" in protocol}
        assert min(table1, key=table1.__getitem__) == "single view, unit original"


def test_timm_pools_before_it_normalises_which_is_another_function_where_a_scale_is_negative() -> None:
    torch.manual_seed(0)
    ours = create_model("preresnet50", num_classes=5).eval()
    theirs = create_model("preresnet50", num_classes=5, reading="timm").eval()
    assert list(dict(theirs.stem.named_children())) == ["conv1"]
    assert parameters(theirs) == parameters(ours)
    image = torch.randn(2, 3, 64, 64)

    def answers() -> tuple[torch.Tensor, torch.Tensor]:
        moved = ("stem.bn1", "stages.conv2_x.conv2_1.activation.bn1")
        theirs.load_state_dict({name.replace(*moved): tensor for name, tensor in ours.state_dict().items()})
        with torch.no_grad():
            return ours(image), theirs(image)

    one, other = answers()
    assert torch.allclose(one, other, atol=1e-5)
    gamma = ours.get_parameter("stem.bn1.weight")
    with torch.no_grad():
        gamma[::2] = -1
    one, other = answers()
    assert (one - other).abs().max() > 0.01 * one.abs().max()


def test_only_networks_that_timm_has_are_built_as_timms() -> None:
    assert list(readings("preresnet152")) == ["paper", "timm", "keras"]
    assert list(readings("preresnet200")) == list(readings("preresnet164_cifar")) == ["paper"]
    with pytest.raises(UsageError, match="no code 'timm'"):
        on_meta("preresnet164_cifar", code="timm")


@pytest.mark.parametrize(
    ("depth", "numbers", "macs"),
    [(50, 25_613_800, 3_482_255_360), (101, 44_675_560, 7_194_476_544), (152, 60_380_648, 10_906_697_728)],
)
def test_kerass_form_holds_as_many_numbers_as_its_files(depth: int, numbers: int, macs: int) -> None:
    network = on_meta(f"preresnet{depth}", reading="keras").eval()
    statistics = sum(buffer.numel() for buffer in network.buffers() if buffer.dim())
    assert parameters(network) + statistics == numbers
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.BatchNorm2d, "forward", lambda _, x: x)
        assert multiply_adds(network, (3, 224, 224)) == macs


def test_kerass_form_halves_in_the_last_unit_of_a_stage_where_the_shortcut_takes_every_second_pixel() -> None:
    network = on_meta("preresnet50", reading="keras")
    halving = [name for name, unit in units(network).items() if isinstance(unit.skip, nn.MaxPool2d)]
    assert halving == ["conv2_x.conv2_3", "conv3_x.conv3_4", "conv4_x.conv4_6"]
    strided = [name for name, part in network.stages.named_modules() if getattr(part, "stride", 1) == (2, 2)]
    assert strided == [f"{name}.branch.conv2" for name in halving]
    skip = units(network)["conv2_x.conv2_3"].skip
    assert skip is not None
    x = torch.randn(1, 2, 6, 5)
    assert torch.equal(skip(x), x[:, :, ::2, ::2])
    convolutions = {name: part for name, part in network.named_modules() if isinstance(part, nn.Conv2d)}
    biased = {name for name, part in convolutions.items() if part.bias is not None}
    assert biased == {name for name in convolutions if name.endswith(("stem.conv1", "branch.conv3", "shortcut"))}


def test_kerass_form_pools_with_zeros_around_the_map() -> None:
    pool = on_meta("preresnet50", reading="keras").stages.get_submodule("conv2_x.pool")
    assert pool(torch.full((1, 1, 4, 4), -1.0)).tolist() == [[[[0, 0], [0, -1]]]]


def test_imagenet_is_trained_as_the_first_paper_trains() -> None:
    """Table 5: the same hyper-parameters and implementation; its note: the one that changes the aspect is Torch's."""
    ours, theirs = (model_file(name).RECIPES["*"]["paper"] for name in ("preresnet200", "resnet152"))
    for field in ("batch_size", "optimizer", "augment", "normalise", "view", "init", "exact_statistics"):
        assert getattr(ours, field) == getattr(theirs, field), field
    assert replace(model_file("preresnet200").RECIPES["*"]["aspect"], name="") == replace(FB_RESNET_TORCH, name="")
