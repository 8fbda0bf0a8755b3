"""ResNeXt is one function in three forms, and a row of networks of equal cost."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from weightless import counts, on_meta

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.network import Network
from lenext.layers.residual import Residual
from lenext.models.resnext import PUBLISHED, RECIPES, VARIANTS, Design, Paths, branch, other_form
from lenext.models.table import multiply_adds, parameters
from lenext.recipes.standard import SCALE_AND_ASPECT

SMALL = "resnext29_8x64d_cifar"


def test_the_classifier_is_drawn_as_torch_draws_it_whatever_the_form(shallow: str) -> None:
    for form in ("a", "c"):
        classifier = create_model(shallow, form=form).get_classifier()
        assert float(classifier.weight.detach().abs().max()) <= classifier.in_features**-0.5  # type: ignore[union-attr]


@pytest.fixture
def shallow(monkeypatch: pytest.MonkeyPatch) -> str:
    """One block a stage, four paths of two channels."""
    monkeypatch.setitem(VARIANTS, SMALL, Design((1, 1, 1), 4, 2))
    return SMALL


@torch.no_grad()
def shaken(network: Network) -> Network:
    """With normalisation as after some training: none of its values is 0 or 1."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.weight, module.bias, module.running_mean, module.running_var):
                value.uniform_(0.5, 1.5)
    return network


@pytest.mark.parametrize("form", ["a", "b"])
@pytest.mark.parametrize("training", [False, True])
def test_the_three_forms_are_one_function(shallow: str, form: str, training: bool) -> None:
    torch.manual_seed(0)
    grouped = shaken(create_model(shallow).double()).train(training)
    other = create_model(shallow, form=form).double().train(training)
    other.load_state_dict(other_form(grouped.state_dict(), form, 4))
    x = torch.randn(3, 3, 16, 16, dtype=torch.float64)
    torch.testing.assert_close(other(x), grouped(x), rtol=1e-11, atol=1e-11)


def test_a_seed_builds_the_same_function_in_every_form(shallow: str) -> None:
    x = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    outputs = []
    for form in "abc":
        torch.manual_seed(7)
        outputs.append(create_model(shallow, form=form).double().eval()(x))
    torch.testing.assert_close(outputs[0], outputs[2], rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(outputs[1], outputs[2], rtol=1e-11, atol=1e-11)


def test_form_c_is_its_own_other_form(shallow: str) -> None:
    state = create_model(shallow).state_dict()
    assert list(other_form(state, "c", 4)) == list(state)


def test_a_adds_its_paths_before_it_normalises_and_b_concatenates_them() -> None:
    a, b, c = (branch(form, 8, 2, 4, 16, 1) for form in "abc")
    assert [list(dict(form.named_children())) for form in (a, b)] == [["split", "bn3"], ["split", "conv3", "bn3"]]
    assert [form.split.merge for form in (a, b)] == ["sum", "concatenate"]
    assert [len(form.split.paths) for form in (a, b)] == [4, 4]
    assert list(dict(a.split.paths[0].named_children()))[-1] == "conv3"
    assert c.conv2.groups == 4
    x = torch.randn(1, 8, 3, 3)
    assert torch.allclose(a.split(x), sum(path(x) for path in a.split.paths))
    assert b.split(x).shape == (1, 8, 3, 3)


@pytest.mark.parametrize("form", ["a", "b"])
def test_every_form_counts_the_same(form: str) -> None:
    assert counts(on_meta("resnext50_4x24d", form=form)) == counts(on_meta("resnext50_4x24d"))
    assert not any(isinstance(module, Paths) for module in on_meta("resnext50_4x24d").modules())


@pytest.mark.parametrize(
    ("cardinality", "width", "params", "macs"),
    [
        (1, 64, 44_549_160, 7_801_405_440),
        (2, 40, 44_456_296, 7_843_553_280),
        (4, 24, 44_363_432, 7_885_701_120),
        (8, 14, 45_104_328, 8_076_871_680),
        (2, 64, 84_198_184, 15_123_087_360),
        (1, 100, 85_611_336, 15_272_862_720),
    ],
)
def test_cardinality_and_width_count_what_was_counted(cardinality: int, width: int, params: int, macs: int) -> None:
    assert counts(on_meta("resnext101_32x4d", cardinality=cardinality, width=width)) == (params, macs)


@pytest.mark.parametrize(
    ("cardinality", "ten", "hundred"),
    [(1, 4_914_250, 5_006_500), (8, 34_426_698, 34_518_948), (16, 68_155_210, 68_247_460)],
)
def test_cifar_networks_count_what_was_counted(cardinality: int, ten: int, hundred: int) -> None:
    assert parameters(on_meta(SMALL, cardinality=cardinality)) == ten
    assert parameters(on_meta(SMALL, cardinality=cardinality, num_classes=100)) == hundred


def test_one_path_of_64_on_cifar_costs_what_was_counted() -> None:
    assert multiply_adds(on_meta(SMALL, cardinality=1), (3, 32, 32)) == 748_365_824


@pytest.mark.parametrize(("cardinality", "width"), [(1, 64), (2, 40), (4, 24), (8, 14), (32, 4)])
def test_the_row_of_table_2_is_equation_4(cardinality: int, width: int) -> None:
    convolutions = [m for m in branch("c", 256, width, cardinality, 256, 1) if isinstance(m, nn.Conv2d)]
    found = sum(convolution.weight.numel() for convolution in convolutions)
    assert found == cardinality * (256 * width + 9 * width**2 + 256 * width)
    assert 69_632 <= found <= 71_456


def test_widths_double_cardinality_stays_and_the_3x3_halves_the_map() -> None:
    network = on_meta("resnext50_8x14d")
    blocks = [m for m in network.modules() if isinstance(m, Residual)]
    first = [block.branch.conv2 for block in blocks if not isinstance(block.shortcut, nn.Identity)]
    assert [(c.in_channels, c.groups, c.stride[0]) for c in first] == [
        (112, 8, 1), (224, 8, 2), (448, 8, 2), (896, 8, 2),
    ]  # fmt: skip
    assert {block.branch.conv1.stride for block in blocks} == {(1, 1)}


def test_1x64d_has_every_weight_of_resnet_50() -> None:
    ours = sorted(tuple(value.shape) for value in on_meta("resnext50_1x64d").state_dict().values())
    assert ours == sorted(tuple(value.shape) for value in on_meta("resnet50").state_dict().values())
    assert counts(on_meta("resnext50_1x64d")) == counts(on_meta("resnet50", reading="v1.5"))


def test_images_of_any_size_are_taken() -> None:
    for name, size in (("resnext50_32x4d", (64, 96)), (SMALL, (33, 47))):
        network = on_meta(name)
        assert network(torch.empty(2, 3, *size, device="meta")).shape == (2, network.num_classes)


@pytest.mark.parametrize("form", ["a", "b", "c"])
def test_every_weight_learns(shallow: str, form: str) -> None:
    torch.manual_seed(0)
    network = create_model(shallow, form=form)
    network(torch.randn(2, 3, 16, 16)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())


def test_options_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="There is no form 'd' here") as refused:
        create_model(SMALL, form="d")
    assert refused.value.remedy == "Choose one of a, b, c."
    with pytest.raises(UsageError, match="cannot have the cardinality 0"):
        create_model(SMALL, cardinality=0)
    with pytest.raises(UsageError, match=r"cannot have the width 1\.5"):
        create_model(SMALL, width=1.5)


def test_the_rate_falls_three_times_on_imagenet_and_twice_on_cifar() -> None:
    drops = {glob: recipes["paper"].schedule.at for glob, recipes in RECIPES.items()}
    assert drops == {"*_cifar": (150, 225), "*": (30, 60, 90)}
    assert RECIPES["*"]["paper"].augment == SCALE_AND_ASPECT


def test_both_depths_of_table_3_fall_from_one_path_to_32() -> None:
    """Of 101 layers the others than 32x4d are had by options, which their results name."""
    fifty = [PUBLISHED[f"resnext50_{row}"].results[0].value for row in ("1x64d", "2x40d", "4x24d", "8x14d", "32x4d")]
    top1 = {r.protocol: r.value for r in PUBLISHED["resnext101_32x4d"].results if r.metric == "top-1 error"}
    rows = [(1, 64), (2, 40), (4, 24), (8, 14)]
    deep = [top1[f"1-crop, cardinality {c}, width {d}"] for c, d in rows] + [top1["1-crop"]]
    assert deep == [22.0, 21.7, 21.4, 21.3, 21.2]
    assert fifty == sorted(fifty, reverse=True)
    assert top1["1-crop, cardinality 2, width 64"] < top1["1-crop, cardinality 1, width 100"]  # Table 4


def test_without_shortcuts_a_network_is_plain_in_every_form() -> None:
    """5.1: ResNeXt-50 and ResNet-50 without shortcuts; what is left out are the projections."""
    projections = 64 * 256 + 256 * 512 + 512 * 1024 + 1024 * 2048 + 2 * (256 + 512 + 1024 + 2048)
    with torch.device("meta"):
        plain = create_model("resnext50_32x4d", residual=False)
        assert not any(isinstance(module, Residual) for module in plain.modules())
        assert parameters(plain) == parameters(create_model("resnext50_32x4d")) - projections
    torch.manual_seed(0)
    grouped, image = create_model("resnext29_8x64d_cifar", residual=False, width=2).eval(), torch.randn(1, 3, 32, 32)
    torch.manual_seed(0)
    summed = create_model("resnext29_8x64d_cifar", residual=False, width=2, form="a").eval()
    assert torch.allclose(grouped(image), summed(image), atol=1e-4)
    top1 = {name: {r.protocol: r.value for r in PUBLISHED[name].results} for name in VARIANTS}
    lost = {
        name: top1[name]["1-crop, without shortcuts"] - top1[name]["1-crop"]
        for name in ("resnext50_32x4d", "resnext50_1x64d")
    }
    assert lost == pytest.approx({"resnext50_32x4d": 3.9, "resnext50_1x64d": 7.3})
