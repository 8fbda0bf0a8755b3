"""Mixup and CutMix: shares, rectangles and targets as in the code that ConvNeXt was trained with."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lenext.data.mixing import beta, mixed, pasted
from lenext.recipes import Mixing

LABELS = torch.tensor([0, 1, 2, 3])


def inputs(height=8, width=8):
    return torch.randn(4, 3, height, width, generator=torch.Generator().manual_seed(0))


def of(value, position=0, batch=None):
    return mixed(inputs() if batch is None else batch, LABELS, 5, value, (7, 3, position))


def test_without_mixing_targets_are_one_hot():
    for value in (Mixing(), Mixing(mixup=0.8, p=0.0)):
        found, targets = of(value)
        assert torch.equal(found, inputs())
        assert torch.equal(targets, F.one_hot(LABELS, 5).float())


def test_mixup_is_one_share_of_the_batch_and_of_its_reverse():
    found, targets = of(Mixing(mixup=0.8))
    kept = float(targets[0, 0])
    assert 0 < kept < 1
    assert torch.equal(found, inputs() * kept + inputs().flip(0) * (1 - kept))
    assert targets[:, :4].diagonal().tolist() == pytest.approx([kept] * 4)
    assert targets.sum(1).tolist() == pytest.approx([1.0] * 4)


def test_cutmix_keeps_the_share_of_the_pixels_that_stayed():
    for position in range(40):
        found, targets = of(Mixing(cutmix=1.0), position)
        stayed = (found == inputs()).all(1).float().mean((1, 2))
        assert targets[0, 0].item() == pytest.approx(stayed[0].item())
        other = (found == inputs().flip(0)).all(1)
        assert ((found == inputs()).all(1) | other).all()


def test_the_rectangle_is_cut_off_at_the_border():
    found, kept = pasted(torch.zeros(2, 1, 10, 20) + torch.tensor([0.0, 1.0])[:, None, None, None], 0.75, 0.0, 0.999)
    assert kept == 1 - (2 * 6) / 200  # 5 x 10 about the corner: rows 0 to 1, columns 14 to 19
    assert found[0, 0, :2, 14:].eq(1).all()
    assert found[0].sum() == 12


def test_the_same_place_in_a_run_mixes_alike_and_another_differs():
    once, twice, later = of(Mixing(mixup=0.8)), of(Mixing(mixup=0.8)), of(Mixing(mixup=0.8), position=4)
    assert torch.equal(once[0], twice[0])
    assert not torch.equal(once[1], later[1])


def test_both_take_turns():
    value = Mixing(mixup=0.8, cutmix=1.0)
    cut = sum(torch.isin(of(value, position)[0], inputs()).all().item() for position in range(300))
    assert 105 < cut < 195  # 5 deviations of 8.7 about a half


@pytest.mark.parametrize("a", [0.8, 1.0, 0.2])
def test_shares_follow_beta(a):
    quantiles = [beta(level, a) for level in np.linspace(0.005, 0.995, 100)]
    assert np.mean(quantiles) == pytest.approx(0.5, abs=1e-6)
    assert np.var(quantiles) == pytest.approx(1 / (4 * (2 * a + 1)), rel=0.05)


def test_an_odd_batch_mixes_its_middle_with_itself():
    batch = inputs()[:3]
    found, targets = mixed(batch, LABELS[:3], 5, Mixing(mixup=0.8), (7, 3, 0))
    assert torch.allclose(found[1], batch[1])
    assert targets[1, 1] == pytest.approx(1)
