"""State dicts of anybody's are read for their tensors, whatever lies around them, and nothing in them is run."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lenext.errors import WeightFileError
from lenext.weights.state_dict import read_state, shapes


@pytest.fixture
def saved(tmp_path):
    def save(content):
        torch.save(content, tmp_path / "weights.pth")
        return tmp_path / "weights.pth"

    return save


@pytest.mark.parametrize(
    "wrap",
    [
        dict,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {"state_dict_ema": state, "arch": "mine"},
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {"model": {f"module._orig_mod.{name}": tensor for name, tensor in state.items()}},
    ],
)
def test_the_tensors_are_found_under_their_own_names(saved, wrap):
    state = nn.Linear(2, 3).state_dict()
    file = saved(wrap(state))
    assert shapes(file) == {"weight": (3, 2), "bias": (3,)}
    read = read_state(file)
    assert all(torch.equal(read[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize(
    ("content", "message"),
    [({"epoch": 3}, "holds no tensors by name"), (nn.ReLU(), "holds more than tensors"), ([1, 2], "holds no tensors")],
)
def test_what_is_no_state_dict_is_refused(saved, content, message):
    with pytest.raises(WeightFileError, match=message) as raised:
        read_state(saved(content))
    assert "torch.save(network.state_dict()" in raised.value.remedy
