"""Every recipe's first twenty steps are those that were written down; ``make golden`` writes them anew."""

from __future__ import annotations

import pytest
import torch
from curves import FOLDER, HEADER, STEPS, curve, recipes, text

RECIPES = recipes()
TOLERANCE = 1e-3  # of a loss: processors differ in its last bits, and 20 steps let these grow to 1e-4


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_there_is_a_curve_for_every_recipe_and_for_nothing_else():
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(RECIPES)


@pytest.mark.parametrize("stem", RECIPES)
def test_the_curve_is_as_it_was_written(stem):
    network, recipe = RECIPES[stem]
    rows = curve(network, recipe)
    head, columns, *written = (FOLDER / f"{stem}.txt").read_text(encoding="utf-8").splitlines()
    assert (head, columns) == (text(network, recipe, rows).splitlines()[0], HEADER)
    assert len(rows) == len(written) == STEPS
    for (rate, loss), row in zip(rows, written, strict=True):
        step, written_rate, written_loss = row.split()
        assert f"{rate:.6g}" == written_rate, f"rate of step {step}"
        assert loss == pytest.approx(float(written_loss), rel=TOLERANCE), f"loss of step {step}"


@pytest.mark.parametrize("stem", ["lenet5-distortions", "alexnet_one_gpu-paper", "convnext_tiny-paper"])
def test_run_again_it_is_equal_to_the_bit(stem):
    assert curve(*RECIPES[stem]) == curve(*RECIPES[stem])


def test_another_recipe_is_another_curve():
    assert curve(*RECIPES["vgg11-paper"]) != curve(*RECIPES["vgg11-glorot"])
