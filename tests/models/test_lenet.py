"""LeNet-5 is the 1998 network: its connection table, its sub-sampling, its output that measures distances."""

from __future__ import annotations

import runpy

import pytest
import torch
from torch import nn

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.table_conv import TableConv
from lenext.models import lenet
from lenext.models.lenet import C3_TABLE, RECIPES, EuclideanRBF, ScaledTanh, Subsampling, output_codes
from lenext.models.table import multiply_adds, parameters
from lenext.recipes import DiagonalLM, EpochRates, FanIn, FixedScale


def test_c3_sees_the_connections_of_table_one() -> None:
    assert [len(row) for row in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    assert sum(map(len, C3_TABLE)) == 60
    assert len(set(C3_TABLE)) == 16
    assert all(sum(column in row for row in C3_TABLE) == 10 for column in range(6))


def test_c3_is_a_convolution_with_holes() -> None:
    convolution = TableConv(C3_TABLE, 5)
    nn.init.normal_(convolution.weight)
    nn.init.zeros_(convolution.bias)
    image = torch.zeros(1, 6, 14, 14)
    image[:, 3] = torch.randn(14, 14)
    seen = convolution(image).abs().sum((0, 2, 3)) > 0
    assert seen.tolist() == [3 in row for row in C3_TABLE]


def test_subsampling_sums_four_pixels_and_scales_them_per_map() -> None:
    layer = Subsampling(2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 0.5]))
        layer.bias.copy_(torch.tensor([0.0, 3.0]))
    out = layer(torch.ones(1, 2, 2, 2))
    assert out.flatten().tolist() == [4.0, 5.0]


def test_the_squashing_function_keeps_one_and_minus_one() -> None:
    out = ScaledTanh()(torch.tensor([1.0, -1.0]))
    assert torch.allclose(out, torch.tensor([1.0, -1.0]), atol=1e-4)


def test_the_smallest_penalty_is_the_largest_logit() -> None:
    output = EuclideanRBF(84, 10)
    near_seven = 0.8 * output.codes[7:8]
    logits = output(near_seven)
    penalties = (near_seven[:, None] - output.codes).square().sum(2)
    assert logits.argmax() == penalties.argmin() == 7
    assert torch.equal(logits, -penalties)


def test_the_ten_codes_are_drawn_and_other_numbers_of_classes_get_fixed_random_ones() -> None:
    digits = output_codes(84, 10)
    assert digits.abs().unique().tolist() == [1.0]
    assert len(torch.unique(digits, dim=0)) == 10
    assert output_codes(84, 26).shape == (26, 84)
    assert torch.equal(output_codes(84, 26), output_codes(84, 26))


def test_initial_weights_lie_within_the_bound_of_appendix_a() -> None:
    network = create_model("lenet5")
    f6 = network.head.f6
    assert isinstance(f6, nn.Linear)
    assert 0.9 < f6.weight.abs().max().item() / (2.4 / 120) <= 1.0
    third = network.stages.c3[0].weight  # type: ignore[index]
    assert third[:3].abs().max() <= 2.4 / 75 < third.abs().max() + 2.4 / 150


def test_the_output_codes_are_neither_trained_nor_forgotten() -> None:
    network = create_model("lenet5")
    assert "head.output.codes" in network.state_dict()
    assert "head.output.codes" not in dict(network.named_parameters())


def test_its_squash_has_numbers_wherever_the_file_is_read_first() -> None:
    """Networks are counted without memory, and their files may be read for the first time there."""
    with torch.device("meta"):
        names = runpy.run_path(lenet.__file__)
    x = torch.linspace(-2, 2, 5)
    torch.testing.assert_close(names["ScaledTanh"]().train()(x), 1.7159 * torch.tanh(x * 2 / 3))


def test_caffes_network_counts_what_its_example_has() -> None:
    with torch.device("meta"):
        network = create_model("lenet5", reading="caffe")
    assert (parameters(network), multiply_adds(network, network.input_size)) == (431_080, 2_293_000)
    kinds = [type(module).__name__ for module in network.modules() if not list(module.children())]
    assert kinds == ["Conv2d", "MaxPool2d", "Conv2d", "MaxPool2d", "Flatten", "Linear", "ReLU", "Linear"]
    assert network(torch.empty(2, 1, 28, 28, device="meta")).shape == (2, 10)
    with pytest.raises(UsageError, match="no code 'torch'"):
        create_model("lenet5", code="torch")


def test_caffes_network_starts_as_its_fillers_say() -> None:
    """xavier: uniform within the root of 3 over the inputs, whatever the outputs."""
    torch.manual_seed(0)
    network = create_model("lenet5", reading="caffe")
    for path, inputs in (("stem.conv1", 25), ("stages.conv2.conv2", 500), ("head.ip1", 800), ("head.ip2", 500)):
        layer = network.get_submodule(path)
        bound = (3 / inputs) ** 0.5
        assert 0.95 * bound < layer.get_parameter("weight").abs().max() <= bound
        assert not layer.get_parameter("bias").any()


def test_caffes_pixels_are_divided_by_256() -> None:
    scale = RECIPES["*"]["caffe"].normalise
    assert isinstance(scale, FixedScale)
    assert (1.0 - scale.mean) / scale.std == 255 / 256


def test_the_printed_rates_are_five_times_those_that_train() -> None:
    printed, paper = RECIPES["*"]["printed"], RECIPES["*"]["paper"]
    assert isinstance(printed.schedule, EpochRates)
    assert isinstance(paper.schedule, EpochRates)
    assert printed.schedule.rates == (5e-4, 2e-4, 1e-4, 5e-5, 1e-5)
    assert printed.schedule.rates == pytest.approx([5 * rate for rate in paper.schedule.rates])
    assert printed.init == FanIn(gain=2.4)
    assert isinstance(printed.optimizer, DiagonalLM)
    assert printed.optimizer.lr == printed.schedule.rates[0]
