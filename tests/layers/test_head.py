"""The mean of every map and one linear layer on the means; or three linear layers on all positions."""

from __future__ import annotations

import torch
from torch import nn

from lenext.layers.head import mean_and_linear, three_layers


def test_the_parts_have_their_names_in_their_order() -> None:
    assert list(mean_and_linear(4, 3)) == ["pool", "flatten", "fc"]
    assert list(mean_and_linear(4, 3, drop=nn.Dropout(0.5))) == ["pool", "flatten", "drop", "fc"]


def test_it_is_the_linear_layer_of_the_means_for_maps_of_any_size() -> None:
    head = mean_and_linear(4, 3)
    maps = torch.randn(2, 4, 5, 7)
    expected = head["fc"](maps.mean((2, 3)))
    assert torch.allclose(nn.Sequential(*head.values())(maps), expected, atol=1e-6)


def test_three_layers_drop_what_the_first_two_give() -> None:
    head = three_layers(12, 3, hidden=5, dropout=0.25)
    assert list(head) == ["flatten", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]
    assert [head[name].p for name in ("drop6", "drop7")] == [0.25, 0.25]
    assert nn.Sequential(*head.values())(torch.randn(2, 3, 2, 2)).shape == (2, 3)
