"""Losses against their formulas, written out in float64."""

import math

import pytest
import torch

from lenext.recipes import CrossEntropy, Logistic, RubbishClass, TruePenalty
from lenext.training.loss import loss_of

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(6, 10, generator=GENERATOR, dtype=torch.float64) * 3
LABELS = torch.tensor([0, 3, 9, 3, 5, 1])


def shares(logits):
    powers = [math.exp(logit) for logit in logits]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_cross_entropy_with_the_uniform_distribution_mixed_in(smoothing):
    expected = 0.0
    for logits, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        for index, share in enumerate(shares(logits)):
            target = (1 - smoothing) * (index == label) + smoothing / 10
            expected -= target * math.log(share) / 6
    found = loss_of(CrossEntropy(label_smoothing=smoothing), LOGITS, LABELS)
    assert found.shape == ()
    assert found.item() == pytest.approx(expected, rel=1e-12)


class TestRubbishClass:
    @pytest.mark.parametrize("j", [0.5, 1.0, 4.0])
    def test_it_is_equation_9(self, j):
        """E = mean [ y_D + log( exp(-j) + sum_i exp(-y_i) ) ], y the penalties."""
        penalties = LOGITS.abs()
        expected = 0.0
        for row, label in zip(penalties.tolist(), LABELS.tolist(), strict=True):
            expected += row[label] + math.log(math.exp(-j) + sum(math.exp(-penalty) for penalty in row))
        found = loss_of(RubbishClass(j=j), -penalties, LABELS)
        assert found.item() == pytest.approx(expected / 6, rel=1e-12)

    def test_the_largest_penalties_of_84_units_are_finite_and_push_the_right_class(self):
        penalties = torch.full((2, 10), 336.0, requires_grad=True)  # 84 units, each 2 away
        loss = loss_of(RubbishClass(j=1.0), -penalties, torch.tensor([2, 7]))
        assert loss.item() == pytest.approx(336 - 1)
        loss.backward()
        assert penalties.grad.isfinite().all()
        assert penalties.grad[0, 2].item() == penalties.grad[1, 7].item() == pytest.approx(0.5)
        assert penalties.grad.sum().item() == pytest.approx(1.0), "the others are far away: nothing pushes them"

    def test_it_goes_on_pushing_wrong_classes_away_when_cross_entropy_is_content(self):
        """Without the rubbish class a common shift of all penalties costs nothing."""
        near, far = -torch.tensor([[0.0, 1.0]]), -torch.tensor([[20.0, 21.0]])
        label = torch.tensor([0])
        assert loss_of(CrossEntropy(), near, label).item() == pytest.approx(loss_of(CrossEntropy(), far, label).item())
        assert loss_of(RubbishClass(j=1.0), near, label) < loss_of(RubbishClass(j=1.0), far, label) - 10


def test_logistic_units_are_independent_and_summed():
    """Each class has its own yes or no (arXiv 1404.5997)."""
    expected = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        for index, logit in enumerate(row):
            yes = 1 / (1 + math.exp(-logit))
            expected -= math.log(yes if index == label else 1 - yes) / 6
    assert loss_of(Logistic(), LOGITS, LABELS).item() == pytest.approx(expected, rel=1e-12)


def test_the_penalty_of_the_true_class_is_equation_8():
    penalties = LOGITS.abs()
    expected = sum(row[label] for row, label in zip(penalties.tolist(), LABELS.tolist(), strict=True)) / 6
    assert loss_of(TruePenalty(), -penalties, LABELS).item() == pytest.approx(expected, rel=1e-12)


ALL = [CrossEntropy(), CrossEntropy(label_smoothing=0.1), Logistic(), TruePenalty(), RubbishClass(j=1.0)]


class TestShares:
    """Targets of mixed images."""

    HARD = torch.nn.functional.one_hot(LABELS, 10).double()

    @pytest.mark.parametrize("value", ALL)
    def test_whole_shares_are_labels(self, value):
        assert loss_of(value, LOGITS, self.HARD).item() == pytest.approx(loss_of(value, LOGITS, LABELS).item())

    @pytest.mark.parametrize("value", ALL)
    def test_the_loss_of_a_mixed_target_is_the_mixture_of_the_losses(self, value):
        mixed = 0.3 * self.HARD + 0.7 * self.HARD.flip(0)
        apart = 0.3 * loss_of(value, LOGITS, LABELS) + 0.7 * loss_of(value, LOGITS, LABELS.flip(0))
        assert loss_of(value, LOGITS, mixed).item() == pytest.approx(apart.item())


@pytest.mark.parametrize("value", ALL)
def test_it_is_the_mean_over_the_batch(value):
    alone = [loss_of(value, LOGITS[row : row + 1], LABELS[row : row + 1]).item() for row in range(6)]
    assert loss_of(value, LOGITS, LABELS).item() == pytest.approx(sum(alone) / 6)
