"""Shortcuts A, B and C: zeros and subsampling, a projection where it is needed, a projection everywhere."""

from __future__ import annotations

import torch
from torch import nn

from lenext.layers.residual import ZeroPadding, connect


def projection(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 1, stride)


def test_option_a_takes_every_second_pixel_and_appends_channels_of_zeros() -> None:
    x = torch.randn(2, 3, 8, 6)
    y = ZeroPadding(3, 7, 2)(x)
    assert y.shape == (2, 7, 4, 3)
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert not y[:, 3:].any()


def test_option_a_can_widen_fourfold_without_a_stride() -> None:
    x = torch.randn(1, 64, 4, 4)
    y = ZeroPadding(64, 256, 1)(x)
    assert torch.equal(y[:, :64], x)
    assert y.shape == (1, 256, 4, 4)


def test_option_a_halves_odd_maps_as_a_convolution_of_stride_two_does() -> None:
    x = torch.randn(1, 2, 7, 5)
    assert ZeroPadding(2, 4, 2)(x).shape == nn.Conv2d(2, 4, 3, 2, 1)(x).shape


def test_option_a_has_no_parameters() -> None:
    assert not list(ZeroPadding(16, 32, 2).parameters())


def test_a_and_b_leave_equal_dimensions_alone() -> None:
    for option in ("A", "B"):
        assert isinstance(connect(option, 8, 8, 1, projection), nn.Identity)


def test_where_dimensions_change_a_pads_and_b_projects() -> None:
    for inputs, outputs, stride in ((8, 16, 2), (8, 16, 1), (8, 8, 2)):
        assert isinstance(connect("A", inputs, outputs, stride, projection), ZeroPadding)
        made = connect("B", inputs, outputs, stride, projection)
        assert isinstance(made, nn.Conv2d)
        assert (made.in_channels, made.out_channels, made.stride) == (inputs, outputs, (stride, stride))


def test_c_projects_everywhere() -> None:
    assert isinstance(connect("C", 8, 8, 1, projection), nn.Conv2d)


def test_training_leaves_gradients_in_the_order_of_the_map() -> None:
    x = torch.randn(2, 3, 6, 6).to(memory_format=torch.channels_last).requires_grad_()
    weights = torch.randn(2, 7, 3, 3)
    shortcut = ZeroPadding(3, 7, 2)
    plain = shortcut.eval()(x)
    (expected,) = torch.autograd.grad((plain * weights).sum(), x)
    trained = shortcut.train()(x)
    (gradient,) = torch.autograd.grad((trained * weights).sum(), x)
    assert torch.equal(trained, plain)
    assert torch.equal(gradient, expected)
    assert gradient.is_contiguous(memory_format=torch.channels_last)
    assert trained.is_contiguous(memory_format=torch.channels_last)
