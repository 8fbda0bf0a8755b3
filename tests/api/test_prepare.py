"""What is refused before a run begins, with the remedy for it."""

import pytest
import torch
from torch import nn

import lenext
from lenext.api.run.job import check_input
from lenext.errors import UsageError


class Hungry(nn.Module):
    name, input_size = "hungry", (3, 32, 32)

    def forward(self, x):
        raise RuntimeError(f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {len(x) << 40} bytes.")


def test_an_input_that_does_not_fit_is_not_advised_again():
    with pytest.raises(UsageError, match="not enough memory for one image of 9000 x 9000 pixels") as refused:
        check_input(Hungry(), (9000, 9000))
    assert refused.value.remedy == "Give a smaller --image-size."


@pytest.mark.parametrize(("recipe", "advice"), [(None, "--set transfer"), ("lenet5:practical", "Leave --recipe out")])
def test_what_was_not_given_cannot_be_left_out(tmp_path, recipe, advice):
    asked = {"model": "lenet5", "out": tmp_path / "run", "freeze": "c3", "weights": tmp_path / "none.safetensors"}
    torch.save({}, asked["weights"])
    with pytest.raises(UsageError, match="not one for transfer") as refused:
        lenext.train("digits", **asked, **({} if recipe is None else {"recipe": "practical"}))
    assert advice in refused.value.remedy
