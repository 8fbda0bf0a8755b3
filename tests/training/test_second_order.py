"""LeCun's second derivatives against brute force: every layer's own Jacobian, squared, in float64."""

import itertools

import pytest
import torch
from torch import nn
from torch.func import functional_call

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.chain import chain
from lenext.layers.network import Network
from lenext.layers.table_conv import TableConv
from lenext.models.lenet import EuclideanRBF, ScaledTanh, Subsampling
from lenext.recipes import CrossEntropy, RubbishClass, TruePenalty
from lenext.training.loss import loss_of
from lenext.training.second_order import curvature


def small_lenet():
    """LeNet's kinds of layers on 8x8 pixels."""
    torch.manual_seed(3)
    network = Network(
        input_size=(1, 8, 8),
        stem=nn.Sequential(nn.Conv2d(1, 2, 3), ScaledTanh()),
        stages={
            "s2": nn.Sequential(Subsampling(2), ScaledTanh()),
            "c3": nn.Sequential(TableConv(((0,), (0, 1), (1,)), 2), ScaledTanh()),
            "c5": nn.Sequential(nn.Conv2d(3, 4, 2), ScaledTanh()),
        },
        head={"flatten": nn.Flatten(), "f6": nn.Linear(4, 5), "tanh": ScaledTanh(), "output": EuclideanRBF(5, 3)},
    ).double()
    for parameter in network.parameters():
        nn.init.uniform_(parameter, -1, 1)
    return network, torch.randn(2, 1, 8, 8).double(), torch.tensor([2, 0])


def squared_jacobian(function, x, h):
    """sum over outputs j of (d f_j / d x_k)^2 h_j, one entry of x at a time."""
    jacobian = torch.autograd.functional.jacobian(function, x).reshape(h.numel(), x.numel())
    return (jacobian.square() * h.reshape(-1, 1)).sum(0).reshape(x.shape)


def transcribed(network, image, label, loss):
    """Appendix C for one image, layer by layer down from the Hessian of the loss at the last hidden layer."""
    layers, states = list(chain(network)), [image]
    for layer in layers[:-1]:
        states.append(layer(states[-1]).detach())
    hessian = torch.autograd.functional.hessian(lambda x: loss_of(loss, layers[-1](x), label), states[-1])
    h = hessian.reshape(states[-1].numel(), -1).diagonal()
    found = {}
    for layer, x in zip(layers[-2::-1], states[-2::-1], strict=True):
        for name, parameter in layer.named_parameters():
            if isinstance(layer, Subsampling) and name == "weight":  # four connections share it: each alone
                squares = nn.functional.avg_pool2d(x.square(), 2) * 4
                found[parameter] = (squares * h.reshape(squares.shape)).sum((0, 2, 3))
            else:
                found[parameter] = squared_jacobian(
                    lambda value, layer=layer, name=name, x=x: functional_call(layer, {name: value}, x),
                    parameter.detach(),
                    h,
                )
        h = squared_jacobian(layer, x, h)
    return [found[parameter] for parameter in network.parameters()]


@pytest.mark.parametrize("loss", [TruePenalty(), RubbishClass(j=2.0), RubbishClass(j=40.0)])
def test_curvature_is_appendix_c_layer_by_layer(loss):
    network, images, labels = small_lenet()
    each = [transcribed(network, images[i : i + 1], labels[i : i + 1], loss) for i in range(2)]
    for found, *expected in zip(curvature(network, images, labels, loss), *each, strict=True):
        mean = sum(expected) / 2
        assert (found - mean).abs().max() < 1e-12 * mean.abs().max()


def test_above_the_last_hidden_layer_it_is_the_exact_gauss_newton_diagonal():
    network, images, labels = small_lenet()
    weight = network.head.f6.weight
    rows = []
    for image in images:
        code = network.head[:-1](network.forward_features(image[None]))[0]
        slopes = [torch.autograd.grad(unit, weight, retain_graph=True)[0] for unit in code]
        rows.append(sum(2 * slope.square() for slope in slopes))  # d2y/dx2 = 2
    places = {id(parameter): number for number, parameter in enumerate(network.parameters())}
    found = curvature(network, images, labels, TruePenalty())[places[id(weight)]]
    assert (found - sum(rows) / 2).abs().max() < 1e-12


def test_shared_weights_sum_over_their_connections():
    layer = nn.Conv2d(1, 1, 3).double()
    network = Network(
        input_size=(1, 5, 5), stem=layer, stages={}, head={"flatten": nn.Flatten(), "output": EuclideanRBF(9, 2)}
    ).double()
    image = torch.randn(1, 1, 5, 5).double()
    weight, bias = curvature(network, image, torch.tensor([1]), TruePenalty())
    for row, column in itertools.product(range(3), range(3)):
        expected = 2 * image[0, 0, row : row + 3, column : column + 3].square().sum()
        assert weight[0, 0, row, column] == pytest.approx(float(expected), rel=1e-12)
    assert bias.item() == pytest.approx(2 * 9)


def test_lenet_itself_gets_a_second_derivative_for_every_weight_and_none_is_negative():
    network = create_model("lenet5")
    before = {name: parameter.clone() for name, parameter in network.named_parameters()}
    found = curvature(network, torch.rand(4, 1, 32, 32), torch.tensor([1, 2, 3, 4]), RubbishClass(j=1.0))
    assert [h.shape for h in found] == [parameter.shape for parameter in network.parameters()]
    assert all(h.isfinite().all() and h.min() >= 0 for h in found)
    assert all(torch.equal(before[name], parameter) for name, parameter in network.named_parameters())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_a_network_that_is_no_chain_of_sums_is_refused():
    network = create_model("resnet20_cifar")
    with pytest.raises(UsageError, match=r"resnet20_cifar has a BatchNorm2d") as caught:
        curvature(network, torch.zeros(1, 3, 32, 32), torch.tensor([0]), CrossEntropy())
    assert "optimizer" in caught.value.remedy
