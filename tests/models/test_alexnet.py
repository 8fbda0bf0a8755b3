"""AlexNet is two towers: what each tower sees, where the last window hangs, and what later readings made of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lenext import create_model
from lenext.errors import UsageError
from lenext.explanation.summary import summarise
from lenext.layers.init import initialise
from lenext.layers.network import Network
from lenext.models import readings
from lenext.models.alexnet import PUBLISHED, RECIPES
from lenext.models.table import multiply_adds, parameters
from lenext.recipes import PixelMean
from lenext.training.optim import build_optimizer
from lenext.training.schedule import learning_rate


def on_meta(name: str = "alexnet", **options: object) -> Network:
    with torch.device("meta"):
        return create_model(name, **options).eval()  # type: ignore[arg-type]


def counts(network: Network) -> tuple[int, int]:
    return parameters(network), multiply_adds(network, network.input_size)


def names(part: nn.Module) -> list[str]:
    return list(dict(part.named_children()))


OWT_CODE = (61_100_840, 714_188_480)
PAPER = (60_965_224, 724_406_816)


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ("caffe", PAPER), ("caffenet", PAPER), ("authors", OWT_CODE), ("owt-code", OWT_CODE),
        ("torchvision", OWT_CODE), ("owt-paper", (61_838_248, 838_788_800)),
    ],
)  # fmt: skip
def test_readings_count_what_was_counted(reading: str, expected: tuple[int, int]) -> None:
    network = on_meta(reading=reading)
    assert counts(network) == expected
    options = {difference.option: difference.value for difference in readings("alexnet")[reading]}
    assert str(on_meta(**options)) == str(network)


def test_every_layer_counts_and_sees_what_the_paper_gives_it() -> None:
    summary = summarise(on_meta(), (3, 224, 224))
    layers = {layer.name.rpartition(".")[2]: layer for layer in summary.layers}
    found = {
        name: (layers[name].output[1], layers[name].params, layers[name].macs) for name in layers if "conv" in name
    }
    assert found["conv1"] == (55, 34_944, 105_415_200)
    assert found["conv2"] == (27, 307_456, 223_948_800)
    assert found["conv3"] == (13, 885_120, 149_520_384)
    assert found["conv4"] == (13, 663_936, 112_140_288)
    assert found["conv5"] == (13, 442_624, 74_760_192)
    assert [layers[f"fc{n}"].params for n in (6, 7, 8)] == [37_752_832, 16_781_312, 4_097_000]
    fields = {name: layers[name].receptive_field[0] for name in layers if name[:4] in ("conv", "pool")}
    assert fields == {
        "conv1": 11, "pool1": 19, "conv2": 51, "pool2": 67, "conv3": 99, "conv4": 131, "conv5": 163, "pool5": 195,
    }  # fmt: skip
    assert layers["pool5"].stride == (32, 32)


def test_towers_meet_in_conv3_only() -> None:
    groups = {n: on_meta().stages.get_submodule(f"conv{n}.conv{n}").groups for n in (2, 3, 4, 5)}
    assert groups == {2: 2, 3: 1, 4: 2, 5: 2}
    assert {m.groups for m in on_meta("alexnet_one_gpu").modules() if isinstance(m, nn.Conv2d)} == {1}


def test_the_last_window_hangs_three_pixels_over_the_right_and_lower_edge() -> None:
    torch.manual_seed(0)
    stem = create_model("alexnet", image_size=64).stem  # 64 pixels leave three over as 224 do
    image = torch.randn(1, 3, 64, 64)
    conv1 = stem.get_submodule("conv1")
    assert isinstance(conv1, nn.Conv2d)
    padded = F.conv2d(F.pad(image, (0, 3, 0, 3)), conv1.weight, conv1.bias, stride=4)
    assert torch.equal(stem[:2](image), padded)  # type: ignore[index]
    assert padded.shape[2:] == (15, 15)
    assert on_meta().stem[:2](torch.empty(1, 3, 224, 224, device="meta")).shape[2:] == (55, 55)  # type: ignore[index]


def test_caffe_crops_227_pixels_and_needs_no_overhang() -> None:
    network = on_meta(reading="caffe")
    assert network.input_size == (3, 227, 227)
    assert names(network.stem)[0] == "conv1"
    assert network.intermediates(torch.empty(1, 3, 227, 227, device="meta"))["stem"].shape == (1, 96, 27, 27)


def constants(network: Network) -> list[tuple[float, float]]:
    """Of each normalisation: what multiplies the sum of squares, and k."""
    found = [module for module in network.modules() if isinstance(module, nn.LocalResponseNorm)]
    return [(round(module.alpha / module.size, 9), module.k) for module in found]


def test_normalisation_has_the_constants_of_its_reading() -> None:
    assert constants(on_meta()) == [(1e-4, 2)] * 2
    assert constants(on_meta(lrn="authors")) == constants(on_meta(reading="authors")) == [(2e-5, 2)] * 2
    assert constants(on_meta(reading="caffe")) == constants(on_meta(reading="caffenet")) == [(2e-5, 1)] * 2
    assert constants(on_meta(reading="torchvision")) == []


def test_normalisation_is_the_formula_of_3_3() -> None:
    torch.manual_seed(0)
    maps = torch.rand(1, 96, 2, 2) * 50
    layer = create_model("alexnet", image_size=64).stem.get_submodule("lrn1")
    squares = F.pad(maps.square(), (0, 0, 0, 0, 2, 2))
    sums = torch.stack([squares[:, channel : channel + 5].sum(1) for channel in range(96)], 1)
    assert torch.allclose(layer(maps), maps / (2 + 1e-4 * sums) ** 0.75, rtol=1e-5)


def test_what_follows_conv1_is_ordered_as_each_source_orders_it() -> None:
    def after(**options: object) -> str:
        return " ".join(name for name in names(on_meta(**options).stem) if not name.startswith(("pad", "conv")))

    assert after() == after(reading="caffe") == "relu1 lrn1 pool1"
    assert after(reading="caffenet") == "relu1 pool1 lrn1"
    assert after(reading="authors") == "lrn1 pool1 relu1"
    assert after(reading="torchvision") == "relu1 pool1"
    assert names(on_meta(reading="authors").stages.conv2)[1:] == ["relu2", "lrn2", "pool2"]


def test_pooling_without_overlap_has_the_same_maps() -> None:
    assert counts(on_meta(pool=2)) == PAPER
    windows = {m.kernel_size for m in on_meta(pool=2).modules() if isinstance(m, nn.MaxPool2d)}
    assert windows == {2}


def test_dropout_follows_fc6_and_fc7_and_precedes_them_in_torchvision() -> None:
    assert names(on_meta().head) == ["flatten", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]
    later = on_meta(reading="torchvision")
    assert names(later.head) == ["avgpool", "flatten", "drop5", "fc6", "relu6", "drop6", "fc7", "relu7", "fc8"]
    assert later(torch.empty(1, 3, 300, 180, device="meta")).shape == (1, 1000)


def test_five_layers_start_with_biases_of_one() -> None:
    torch.manual_seed(0)
    network = create_model("alexnet", image_size=64, num_classes=3)
    biases = {name: value for name, value in network.named_parameters() if name.endswith("bias")}
    ones = {name.split(".")[-2] for name, bias in biases.items() if bool((bias == 1).all())}
    zeros = {name.split(".")[-2] for name, bias in biases.items() if not bias.any()}
    assert ones == {"conv2", "conv4", "conv5", "fc6", "fc7"}
    assert zeros == {"conv1", "conv3", "fc8"}
    fc7 = network.head.fc7.weight
    assert isinstance(fc7, Tensor)
    assert fc7.std().item() == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize(("size", "positions"), [(224, 36), (227, 36), (64, 1), (256, 49)])
def test_fc6_follows_the_image_size(size: int, positions: int) -> None:
    network = on_meta(image_size=size)
    assert network.head.fc6.in_features == 256 * positions
    assert network(torch.empty(1, 3, size, size, device="meta")).shape == (1, 1000)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="63 pixels are too few"):
        on_meta(image_size=63)
    with pytest.raises(UsageError) as refused:
        on_meta("alexnet_one_gpu", tower="owt-code")
    assert refused.value.remedy == "Leave tower out."
    for option, value in (("lrn", "torch"), ("pool", 4), ("head", "caffe"), ("tower", "two")):
        with pytest.raises(UsageError, match=f"no {option}"):
            on_meta(**{option: value})


def test_the_authors_later_code_gives_biases_a_rate_and_a_time_of_their_own() -> None:
    """cuda-convnet2: dexp[base=0.01;tgtFactor=250;numSteps=4] of weights, dexp[base=0.02;tgtFactor=10;numSteps=2]."""
    recipe = RECIPES["alexnet"]["cuda-convnet2"]
    assert (recipe.normalise, RECIPES["alexnet"]["paper"].normalise.before_crop) == (PixelMean(), True)
    value, steps = recipe.optimizer, (0, 44, 45, 89, 90, 134, 135, 179)  # two an epoch
    rates = [learning_rate(recipe.schedule, value.lr, step, 180, 0, 2) for step in steps]
    of_biases = [value.bias_rate * learning_rate(value.bias_schedule, value.lr, step, 180, 0, 2) for step in steps]
    assert rates == pytest.approx([0.01 * 250 ** (-step / 3) for step in (0, 0, 1, 1, 2, 2, 3, 3)])
    assert rates[-1] == pytest.approx(4e-5)
    assert of_biases == pytest.approx([0.02] * 4 + [0.002] * 4)
    with torch.device("meta"):
        network = create_model("alexnet", reading="authors")
    groups = build_optimizer(value, network).param_groups
    assert sorted((len(g["params"]), g["weight_decay"], g["scale"]) for g in groups) == [(8, 0, 2), (8, 5e-4, 1)]


def test_the_authors_later_code_starts_the_classifier_from_nearly_no_class() -> None:
    torch.manual_seed(0)
    network = create_model("alexnet", image_size=64, num_classes=3, reading="authors")
    initialise(network, RECIPES["alexnet"]["cuda-convnet2"].init)
    biases = {name.split(".")[-2]: set(bias.tolist()) for name, bias in network.named_parameters() if "bias" in name}
    assert biases == {
        "conv1": {0}, "conv2": {1}, "conv3": {0}, "conv4": {1}, "conv5": {1}, "fc6": {1}, "fc7": {1}, "fc8": {-7},
    }  # fmt: skip
    spread = {n.split(".")[-2]: weight.std().item() for n, weight in network.named_parameters() if weight.dim() > 1}
    assert [spread[f"conv{n}"] for n in range(1, 6)] == pytest.approx([0.01, 0.01, 0.03, 0.03, 0.03], rel=0.03)


def test_caffenet_keeps_the_papers_biases() -> None:
    caffe, caffenet = (RECIPES["alexnet"][name] for name in ("caffe", "caffenet"))
    assert replace(caffenet, name=caffe.name, init=caffe.init) == caffe
    assert caffenet.init == replace(caffe.init, bias=1.0)


@pytest.mark.parametrize("reading", ["caffe", "caffenet", "authors"])
def test_the_replications_say_what_they_reached(reading: str) -> None:
    reached = [result for result in PUBLISHED["alexnet"].results if result.protocol == f"single crop, {reading}"]
    assert [result.metric for result in reached] == ["top-1 error", "top-5 error"]
