"""Weights of torchvision and timm in our networks: the same logits, at test and in training."""

from __future__ import annotations

import pytest
import torch
from pairs import Pair, error, images, logits, training

from lenext.weights.adapters import export_state

SIZES = (64, 96)
OWN_SIZES = {
    "vgg": (224, 239),  # two sizes of one 7x7 map: any other the libraries make 7x7 by pooling, the paper does not
    "inception_v3": (107, 139),  # 75 pixels are the least
}


def sizes(pair: Pair) -> tuple[int, ...]:
    return next((found for start, found in OWN_SIZES.items() if pair.ours.name.startswith(start)), SIZES)


def compare(pair: Pair, dtype: torch.dtype) -> float:
    """The worst of the sizes."""
    pair.to(dtype)
    batches = [images(size, dtype) for size in sizes(pair)]
    return max(error(logits(pair.ours, batch), logits(pair.theirs, batch)) for batch in batches)


def test_the_logits_are_theirs(pair: Pair) -> None:
    assert compare(pair, torch.float32) < 1e-5


def test_the_way_back_is_exact(pair: Pair) -> None:
    wanted = pair.theirs.state_dict()
    exported = export_state(pair.ours, pair.source)
    assert exported.keys() == wanted.keys()
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in exported.items())


def test_they_are_in_double_precision(pair: Pair) -> None:
    assert compare(pair, torch.float64) < 1e-10


def test_batch_statistics_are_theirs(pair: Pair) -> None:
    """Two steps in training: the logits, and what the steps leave in the running statistics."""
    if not any("running_mean" in name for name in pair.theirs.state_dict()):
        pytest.skip("nothing in it depends on the batch")
    pair.to(torch.float64)
    theirs, ours = training(pair.theirs), training(pair.ours)
    for size in sizes(pair):
        batch = images(size, torch.float64)
        assert error(logits(ours, batch), logits(theirs, batch)) < 1e-10
    for parameter in ours.parameters():
        parameter.data = parameter.data.half()  # no longer looked at: an export copies them, gigabytes of the largest
    wanted = theirs.state_dict()
    exported = export_state(pair.ours, pair.source)
    statistics = [name for name in exported if "running_" in name]
    assert statistics
    assert max(error(exported[name], wanted[name]) for name in statistics) < 1e-10
    assert {int(count) for name, count in exported.items() if name.endswith("num_batches_tracked")} == {2}
