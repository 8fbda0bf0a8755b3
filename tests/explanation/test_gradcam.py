"""Grad-CAM: equal to what its equations give by hand, and at the place of what the units see."""

import pytest
import torch
from small_networks import Distances, linear_network
from torch import nn

from lenext.errors import UsageError
from lenext.explanation.gradcam import gradcam, weighted_maps
from lenext.explanation.stages import chosen_stage, onwards, spread, stages, upto
from lenext.layers.network import Network
from lenext.models import create_model


def test_of_means_and_a_linear_layer_it_is_the_class_activation_map():
    """There the gradient of a map is its weight over the number of its units: CAM (1512.04150) up to that factor."""
    network, x = linear_network(), torch.randn(2, 1, 6, 6)
    stage = chosen_stage(network, 6, 6, None)
    assert stage.name == "same"
    classes = torch.tensor([1, 0])
    maps = network.stem(x)
    by_hand = torch.einsum("nk,nkhw->nhw", network.head.fc.weight[classes], maps)
    found = weighted_maps(network, x, classes, stage)
    torch.testing.assert_close(found * 36, by_hand)
    torch.testing.assert_close(gradcam(network, x, classes, stage) * 36, by_hand.relu())


def test_by_hand_to_the_digit():
    network = linear_network(side=2, maps=1)
    with torch.no_grad():
        network.stem.weight.zero_()[0, 0, 1, 1] = 2
        network.stem.bias.zero_()
        network.head.fc.weight.copy_(torch.tensor([[1.0], [-3.0]]))
    x = torch.tensor([[[[1.0, -2.0], [0.5, 4.0]]]])
    stage = chosen_stage(network, 2, 2, "stem")
    found = gradcam(network, x.repeat(2, 1, 1, 1), torch.tensor([0, 1]), stage)
    # maps 2x; weights 1/4 and -3/4
    assert found[0].tolist() == [[0.5, 0.0], [0.25, 2.0]]
    assert found[1].tolist() == [[0.0, 3.0], [0.0, 0.0]]


def test_a_mirrored_picture_has_a_mirrored_map():
    network, x = linear_network(), torch.randn(1, 1, 6, 6)
    with torch.no_grad():  # kernels that are their own mirror images
        network.stem.weight.copy_((network.stem.weight + network.stem.weight.flip(3)) / 2)
    stage, one = chosen_stage(network, 6, 6, None), torch.tensor([1])
    torch.testing.assert_close(gradcam(network, x.flip(3), one, stage), gradcam(network, x, one, stage).flip(2))


def test_distances_to_codes_still_point_where_the_answer_is_perfect():
    """At a perfect answer the gradient of the distance itself is 0 everywhere."""
    codes = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    network = Network(
        input_size=(2, 2, 2),
        stem=nn.Identity(),
        stages={"same": nn.Identity()},
        head={"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "output": Distances(codes)},
    )
    network.stem.weight = nn.Parameter(torch.zeros(1))  # a network has parameters
    x = torch.tensor([[[[4.0, 0.0], [0.0, 0.0]], [[0.0, -4.0], [0.0, 0.0]]]])  # means 1 and -1: the code of class 0
    found = gradcam(network, x, torch.tensor([0]), chosen_stage(network, 2, 2, None))
    # y0 - mean(y) = 2 (f0 - f1) of the means f; each unit's gradient is half of that or minus half
    assert found[0].tolist() == [[2.0, 2.0], [0.0, 0.0]]


def test_parameters_and_mode_stay_as_they_are():
    network = linear_network()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    gradcam(network, torch.randn(1, 1, 6, 6), torch.tensor([0]), chosen_stage(network, 6, 6, None))
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in network.parameters())
    assert not network.training


NETWORKS = [("lenet5", 32, "s4", 5), ("resnet20_cifar", 32, "conv4_x", 8), ("nin_cifar", 32, None, None)]
NETWORKS += [("googlenet", 64, None, None), ("mobilenet_v1_025", 64, None, None), ("convnext_tiny", 64, None, None)]
NETWORKS += [("densenet40_k12_cifar", 32, None, None), ("efficientnet_b0", 64, None, None)]


@pytest.mark.parametrize(("name", "side", "stage", "units"), NETWORKS, ids=[row[0] for row in NETWORKS])
def test_every_kind_of_network_has_maps(name, side, stage, units):
    torch.manual_seed(0)
    network = create_model(name, num_classes=5).eval()
    channels = network.input_size[0]
    found = chosen_stage(network, side, side, None)
    assert stage is None or (found.name, found.height) == (stage, units)
    assert found.height > 1
    x = torch.randn(2, channels, side, side)
    with torch.no_grad():
        torch.testing.assert_close(onwards(network, upto(network, x, found.name), found.name), network(x))
    for one in (found.name, "stem"):
        maps = gradcam(network, x, torch.tensor([1, 3]), chosen_stage(network, side, side, one))
        assert maps.shape == (2, side, side)
        assert torch.isfinite(maps).all()
        assert maps.min() >= 0


def test_units_of_lenet_stand_where_their_windows_are():
    """S4's units see 13 pixels each, 4 apart (Figure 2); the first one's middle is pixel 7.5."""
    network = create_model("lenet5")
    s4 = chosen_stage(network, 32, 32, "s4")
    maps = torch.zeros(1, 5, 5)
    maps[0, 1, 3] = 1  # row 1: 11.5, column 3: 19.5
    heat = spread(maps, s4, 32, 32)[0]
    assert heat.sum(1).nonzero().flatten().tolist() == list(range(8, 16))
    assert heat.sum(0).nonzero().flatten().tolist() == list(range(16, 24))
    weights = torch.arange(32.0)
    assert (heat.sum(1) * weights).sum() / heat.sum() == pytest.approx(11.5)
    assert (heat.sum(0) * weights).sum() / heat.sum() == pytest.approx(19.5)


def test_units_that_also_see_the_whole_are_stretched_evenly():
    network = create_model("efficientnet_b0", num_classes=2).eval()
    last = stages(network, 64, 64)[-1]
    x = torch.zeros(1, last.height, last.width)
    x[0, 0, 0] = 1
    assert spread(x, last, 64, 64)[0, :8, :8].min() == 1


def test_a_stage_of_one_unit_and_one_that_is_not_there_are_refused():
    network = create_model("lenet5")
    with pytest.raises(UsageError, match="c5 of lenet5 has maps of one unit") as refused:
        chosen_stage(network, 32, 32, "c5")
    assert "s4" in refused.value.remedy
    with pytest.raises(UsageError, match="no stage 's44'") as refused:
        chosen_stage(network, 32, 32, "s44")
    assert "s4" in refused.value.remedy
    one = Network(
        input_size=(1, 4, 4), stem=nn.Conv2d(1, 2, 4), stages={"a": nn.Identity()},
        head={"flatten": nn.Flatten(), "fc": nn.Linear(2, 2)},
    )  # fmt: skip
    with pytest.raises(UsageError, match="Every stage") as refused:
        chosen_stage(one, 4, 4, None)
    assert "occlusion" in refused.value.remedy
