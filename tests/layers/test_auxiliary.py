"""Auxiliary heads look at stages on the way and change nothing of what ``forward`` says."""

from __future__ import annotations

import torch
from torch import nn

from lenext.layers.auxiliary import AuxiliaryNetwork


def network(*stages: str) -> AuxiliaryNetwork:
    torch.manual_seed(0)
    return AuxiliaryNetwork(
        stem=nn.Identity(),
        stages={"low": nn.Conv2d(3, 4, 1), "high": nn.Conv2d(4, 4, 1)},
        head={"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": nn.Linear(4, 5)},
        input_size=(3, 2, 2),
        auxiliary={stage: nn.Sequential(nn.Flatten(), nn.Linear(16, 5)) for stage in stages},
    )


def test_forward_is_the_same_with_and_without_them() -> None:
    x = torch.randn(2, 3, 2, 2)
    bare, full = network(), network("low", "high")
    full.load_state_dict(bare.state_dict(), strict=False)
    assert torch.equal(full(x), bare(x))
    assert bare.auxiliary_logits(x) == ()


def test_each_sees_the_map_of_its_stage() -> None:
    x = torch.randn(2, 3, 2, 2)
    full = network("low", "high")
    low, high = full.auxiliary_logits(x)
    maps = full.intermediates(x)
    assert torch.equal(low, full.auxiliary["low"](maps["low"]))
    assert torch.equal(high, full.auxiliary["high"](maps["high"]))
    assert all(map(torch.equal, full.forward_auxiliary(maps), (low, high)))


def test_a_new_classifier_is_new_in_every_head() -> None:
    full = network("low")
    full.reset_classifier(7)
    x = torch.randn(2, 3, 2, 2)
    assert [logits.shape for logits in (full(x), *full.auxiliary_logits(x))] == [(2, 7), (2, 7)]
    full.reset_classifier(0)
    assert [logits.shape for logits in (full(x), *full.auxiliary_logits(x))] == [(2, 4), (2, 16)]
    full.reset_classifier(3)
    assert full.auxiliary_logits(x)[0].shape == (2, 3)
