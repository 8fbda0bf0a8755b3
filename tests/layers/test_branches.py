"""Branches see one map and are joined along the channels, in the order in which they are named."""

from __future__ import annotations

import torch
from torch import nn

from lenext.layers.branches import Branches


def test_outputs_are_joined_in_order() -> None:
    joined = Branches({"b": nn.Identity(), "a": nn.MaxPool2d(3, 1, 1)})
    x = torch.randn(2, 3, 5, 5)
    assert torch.equal(joined(x), torch.cat([x, nn.functional.max_pool2d(x, 3, 1, 1)], 1))
    assert list(dict(joined.named_children())) == ["b", "a"]
