"""TensorFlow's SAME: ceil(size / stride) outputs, an odd pixel at the far edge, whatever the size of the map."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lenext.errors import UsageError
from lenext.layers.padding import FarConv2d, SameConv2d, SameMaxPool2d, convolution, margins, max_pool, same


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pixels"),
    [
        (224, 3, 2, (0, 1)), (56, 5, 2, (1, 2)), (15, 3, 2, (1, 1)), (15, 5, 2, (2, 2)), (14, 3, 1, (1, 1)),
        (14, 5, 1, (2, 2)), (74, 3, 2, (0, 1)), (75, 1, 2, (0, 0)), (74, 1, 2, (0, 0)), (1, 3, 2, (1, 1)),
    ],
)  # fmt: skip
def test_the_odd_pixel_comes_after(size: int, kernel: int, stride: int, pixels: tuple[int, int]) -> None:
    assert same(size, kernel, stride) == pixels


def test_width_comes_first_as_in_torch() -> None:
    assert margins(torch.empty(1, 1, 8, 7), 3, 2) == (1, 1, 0, 1)


@pytest.mark.parametrize("size", [(8, 8), (7, 7), (8, 7), (1, 2)])
@pytest.mark.parametrize("kernel", [3, 5])
def test_a_same_convolution_gives_the_ceiling(size: tuple[int, int], kernel: int) -> None:
    layer = SameConv2d(2, 3, kernel, 2)
    assert layer(torch.randn(1, 2, *size)).shape[2:] == tuple(-(-side // 2) for side in size)


def test_on_odd_maps_same_is_symmetric_and_on_even_maps_shifted_by_a_pixel() -> None:
    layer = SameConv2d(2, 4, 3, 2, groups=2)
    odd, even = torch.randn(1, 2, 7, 7), torch.randn(1, 2, 8, 8)
    assert torch.allclose(layer(odd), F.conv2d(odd, layer.weight, layer.bias, 2, 1, groups=2), atol=1e-6)
    shifted = F.conv2d(F.pad(even, (0, 1, 0, 1)), layer.weight, layer.bias, 2, groups=2)
    assert torch.allclose(layer(even), shifted, atol=1e-6)
    assert not torch.allclose(layer(even), F.conv2d(even, layer.weight, layer.bias, 2, 1, groups=2), atol=1e-3)


def test_keras_pads_the_far_edges_of_odd_maps_too() -> None:
    torch.manual_seed(0)
    far = FarConv2d(2, 3, 3, 2, bias=False)
    near = SameConv2d(2, 3, 3, 2, bias=False)
    near.load_state_dict(far.state_dict())
    even, odd = torch.randn(1, 2, 8, 8), torch.randn(1, 2, 7, 7)
    assert torch.allclose(far(even), near(even), atol=1e-6)
    assert far(odd).shape == (1, 3, 3, 3)
    assert near(odd).shape == (1, 3, 4, 4)


def test_the_border_of_a_pool_never_wins() -> None:
    negative = -1 - torch.rand(1, 2, 6, 6)
    pooled = SameMaxPool2d(3, 2)(negative)
    assert pooled.shape == (1, 2, 3, 3)
    assert torch.equal(pooled[:, :, -1, -1], negative[:, :, 4:, 4:].amax((2, 3)))
    assert torch.equal(pooled[:, :, 0, 0], negative[:, :, :3, :3].amax((2, 3)))


def test_on_odd_maps_the_two_pools_are_one() -> None:
    x = torch.randn(1, 2, 7, 9)
    assert torch.equal(max_pool(3, 2)(x), max_pool(3, 2, padding="symmetric")(x))


def test_a_plain_convolution_is_used_where_nothing_can_differ() -> None:
    assert type(convolution(2, 3, 3)) is type(convolution(2, 3, 1, 2)) is nn.Conv2d
    assert type(convolution(2, 3, 3, 2)) is SameConv2d
    assert type(convolution(2, 3, 3, 2, padding="far")) is FarConv2d
    symmetric = convolution(4, 4, 5, 2, groups=4, padding="symmetric")
    assert (type(symmetric), symmetric.padding, symmetric.groups, symmetric.bias) == (nn.Conv2d, (2, 2), 4, None)


def test_other_paddings_are_refused() -> None:
    with pytest.raises(UsageError, match="no padding 'valid'") as refused:
        convolution(2, 3, 3, padding="valid")
    assert refused.value.remedy == "Choose one of same, symmetric, far."
    with pytest.raises(UsageError, match="no padding 'far'"):
        max_pool(3, 2, padding="far")
