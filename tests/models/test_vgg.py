"""VGG is Table 1: what stands in each column, and why the linear layers are convolutions in disguise."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from weightless import on_meta

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.init import initialise
from lenext.models import entry
from lenext.models.vgg import PUBLISHED, RECIPES, VARIANTS
from lenext.recipes import Glorot, ShortSide
from lenext.training.inherit import inherit_layers


def convolutions(network: nn.Module) -> list[nn.Conv2d]:
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("vgg11", 11),
        ("vgg11_lrn", 11),
        ("vgg13", 13),
        ("vgg16_1x1", 16),
        ("vgg16", 16),
        ("vgg19", 19),
        ("vgg13_5x5", 8),
    ],
)
def test_the_number_of_weight_layers_is_the_networks_name(name: str, depth: int) -> None:
    network = on_meta(name)
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert len(convolutions(network)) + len(linear) == depth


def test_layers_are_named_as_the_authors_name_them() -> None:
    network = on_meta("vgg16")
    assert list(dict(network.stages.conv3.named_children())) == [
        "conv3_1", "relu3_1", "conv3_2", "relu3_2", "conv3_3", "relu3_3", "pool3",
    ]  # fmt: skip
    assert [name for name in dict(network.head.named_children()) if name.startswith("fc")] == ["fc6", "fc7", "fc8"]


def test_c_has_one_1x1_convolution_at_the_end_of_the_last_three_stages() -> None:
    kernels = [[c.kernel_size[0] for c in convolutions(stage)] for stage in on_meta("vgg16_1x1").stages]
    assert kernels == [[3, 3], [3, 3], [3, 3, 1], [3, 3, 1], [3, 3, 1]]
    assert convolutions(on_meta("vgg16_1x1"))[6].padding == (0, 0)


def test_the_shallow_control_has_one_5x5_for_two_3x3() -> None:
    assert [c.kernel_size for c in convolutions(on_meta("vgg13_5x5"))] == [(5, 5)] * 5
    assert [c.padding for c in convolutions(on_meta("vgg13_5x5"))] == [(2, 2)] * 5


def test_lrn_stands_once_after_the_first_relu_and_before_the_pool() -> None:
    first = list(dict(on_meta("vgg11_lrn").stages.conv1.named_children()))
    assert first == ["conv1_1", "relu1_1", "lrn1_1", "pool1"]
    found = [m for m in on_meta("vgg11_lrn").modules() if isinstance(m, nn.LocalResponseNorm)]
    assert len(found) == 1
    assert not [m for m in on_meta("vgg11").modules() if isinstance(m, nn.LocalResponseNorm)]


def test_batch_normalisation_comes_between_convolution_and_relu() -> None:
    first = list(dict(on_meta("vgg11_bn").stages.conv1.named_children()))
    assert first == ["conv1_1", "bn1_1", "relu1_1", "pool1"]


def test_dropout_follows_the_first_two_linear_layers() -> None:
    head = on_meta("vgg11", dropout=0.3).head
    assert list(dict(head.named_children())) == [
        "flatten", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8",
    ]  # fmt: skip
    assert [module.p for module in head if isinstance(module, nn.Dropout)] == [0.3, 0.3]


def test_fc6_is_a_convolution_over_the_last_map() -> None:
    """So the linear layers can slide over a whole picture (3.2): channel, row, column is the order of fc6's inputs."""
    torch.manual_seed(0)
    network = create_model("vgg11", image_size=64, num_classes=3).eval()
    image = torch.randn(2, 3, 64, 64)
    features = network.forward_features(image)
    fc6 = network.head.fc6
    assert isinstance(fc6, nn.Linear)
    slid = F.conv2d(features, fc6.weight.reshape(4096, 512, 2, 2), fc6.bias).flatten(1)
    assert torch.allclose(slid, fc6(features.flatten(1)), atol=1e-5)


@pytest.mark.parametrize(("image_size", "positions"), [(224, 49), (256, 64), (63, 1), (32, 1)])
def test_fc6_follows_the_image_size(image_size: int, positions: int) -> None:
    network = on_meta("vgg11", image_size=image_size)
    assert network.head.fc6.in_features == 512 * positions
    assert network(torch.empty(1, 3, image_size, image_size, device="meta")).shape == (1, 1000)


def test_images_under_32_pixels_are_refused() -> None:
    with pytest.raises(UsageError, match="31 pixels are too few"):
        create_model("vgg11", image_size=31)


def test_the_network_starts_from_glorot_so_that_the_signal_survives_19_layers() -> None:
    torch.manual_seed(0)
    network = create_model("vgg19", image_size=32, num_classes=10).eval()
    with torch.no_grad():
        logits: Tensor = network(60 * torch.randn(2, 3, 32, 32))
    assert 1e-3 < logits.std().item() < 1e3
    assert not network.head.fc8.bias.any()


def test_the_three_training_scales() -> None:
    recipes = RECIPES["vgg1[69]"]
    scales = {name: recipe.augment[0] for name, recipe in recipes.items()}
    assert scales["paper"] == scales["glorot"] == ShortSide(low=256, high=256)
    assert scales["s384"] == ShortSide(low=384, high=384)
    assert scales["multiscale"] == ShortSide(low=256, high=512)
    assert recipes["paper"].optimizer.lr == 10 * recipes["s384"].optimizer.lr
    assert recipes["glorot"].init == Glorot()
    assert set(RECIPES["*"]) == {"paper", "glorot"}


def test_the_deeper_networks_begin_with_layers_of_net_a() -> None:
    """3.1: the first four convolutions and the three linear layers, which fit by stage, not by number."""
    begins = {name: entry(RECIPES, name)["paper"].inherit is not None for name in VARIANTS}
    assert {name for name, inherits in begins.items() if inherits} == {"vgg13", "vgg16_1x1", "vgg16", "vgg19"}
    value = entry(RECIPES, "vgg19")["paper"].inherit
    with torch.device("meta"):
        net_a = create_model(value.network)
        for name in ("vgg13", "vgg16_1x1", "vgg16", "vgg19"):
            assert len(inherit_layers(create_model(name), value, net_a)) == 7
    assert entry(RECIPES, "vgg16")["s384"].inherit is None


def test_the_test_set_has_top_5_errors_alone() -> None:
    """Tables 4, 6 and 7: of E, and of D and E together."""
    sent = [result for result in PUBLISHED["vgg19"].results if result.data == "ILSVRC-2012 test"]
    assert {result.metric for result in sent} == {"top-5 error"}
    assert sorted(result.value for result in sent) == [6.8, 7.0, 7.0, 7.3, 7.3]
    of_d = [result.value for result in PUBLISHED["vgg16"].results if result.data == "ILSVRC-2012 test"]
    assert of_d == [7.3, 7.0, 6.8]


def test_two_networks_beat_the_seven_that_were_submitted() -> None:
    """Table 6: C, D and E were sent in; of B there is no word."""
    fused = {r.protocol: r.value for r in PUBLISHED["vgg19"].results if r.source == "Table 6" and "top-1" in r.metric}
    assert fused["dense, the 7 networks of the submission"] == 24.7 == max(fused.values())
    assert "submission" not in str(PUBLISHED["vgg13"].results)


def test_the_printed_variance_blows_the_signal_up() -> None:
    """3.1, to the letter: of net A, which is the one that is trained from random weights."""
    assert [name for name in VARIANTS if "printed" in entry(RECIPES, name)] == ["vgg11", "vgg11_lrn"]
    spreads = {}
    for variant in ("paper", "printed"):
        torch.manual_seed(0)
        network = create_model("vgg11", image_size=32, num_classes=10).eval()
        initialise(network, entry(RECIPES, "vgg11")[variant].init)
        with torch.no_grad():
            spreads[variant] = network(60 * torch.randn(2, 3, 32, 32)).std().item()
    assert spreads["printed"] > 1e7
    assert spreads["paper"] < 1
    assert spreads["printed"] / spreads["paper"] == pytest.approx(10.0**11, rel=1e-3)  # ten times in every layer


def test_features_for_other_pictures_are_those_of_appendix_b() -> None:
    """Q of 256, 384 and 512 pixels, mirrored, averaged, of length 1, then a linear SVM; nothing else is trained."""
    for name in ("vgg16", "vgg19"):
        recipe = entry(RECIPES, name)["features"]
        value = recipe.transfer
        assert (recipe.epochs, value.freeze, value.classifier, value.unit_length) == (0, "all", "svm", True)
        assert [share * recipe.view.crop for share in value.scales] == [512, 384, 256]
        assert recipe.view.squash
        assert recipe.augment == (recipe.view,)
    assert "features" not in entry(RECIPES, "vgg16_1x1")
    assert "features" not in entry(RECIPES, "vgg16_bn")
    precisions = {r.data: r.value for r in PUBLISHED["vgg16"].results if r.metric == "mean average precision"}
    assert precisions["VOC-2007 test"] == 89.7
    assert {r.metric for r in PUBLISHED["vgg19"].results if r.data == "Caltech-256"} == {"mean class recall"}
