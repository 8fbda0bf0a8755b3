"""The loss, the count of right answers and the fitted head of images with any number of labels."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lenext.data.balance import class_weights
from lenext.data.mixing import mixed
from lenext.recipes import BinaryCrossEntropy, ClassWeights, Mixing, Transfer
from lenext.training.goal import AnyLabels, OneClass, activation, goal_of
from lenext.training.label_heads import fit_labels
from lenext.training.loss import loss_of
from lenext.training.objective import Objective

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 0.0, 1.0]], dtype=torch.float64)
LABELS = torch.tensor([[1, 0, 1], [0, 0, 0]])


class TestLoss:
    def test_it_is_the_mean_of_the_yes_and_no_of_every_label(self):
        odds = torch.where(LABELS > 0, LOGITS, -LOGITS)
        assert loss_of(BinaryCrossEntropy(), LOGITS, LABELS).item() == pytest.approx(-F.logsigmoid(odds).mean().item())

    def test_smoothing_draws_every_label_towards_a_half(self):
        even = 0.8 * LABELS + 0.1
        expected = F.binary_cross_entropy_with_logits(LOGITS, even)
        assert loss_of(BinaryCrossEntropy(label_smoothing=0.2), LOGITS, LABELS).item() == pytest.approx(expected.item())

    def test_a_mixture_of_images_has_the_mixture_of_their_losses(self):
        inputs = torch.zeros(2, 3, 4, 4, dtype=torch.float64)
        _, targets = mixed(inputs, LABELS, 3, Mixing(mixup=1.0), (0, 0, 0))
        kept = float(targets[0, 0])
        assert 0 < kept < 1
        assert targets[1].tolist() == pytest.approx([1 - kept, 0, 1 - kept])
        apart = [loss_of(BinaryCrossEntropy(), LOGITS, one).item() for one in (LABELS, LABELS.flip(0))]
        together = loss_of(BinaryCrossEntropy(), LOGITS, targets).item()
        assert together == pytest.approx(kept * apart[0] + (1 - kept) * apart[1])

    def test_a_rare_label_counts_more_where_it_is_there(self):
        weights = torch.from_numpy(class_weights(ClassWeights(), np.array([10, 10, 1])))
        assert weights[2] == pytest.approx(10 * weights[0])
        plain, weighted = (
            Objective(lambda x: (x,), BinaryCrossEntropy(), 0.0, one)((LOGITS,), LABELS) for one in (None, weights)
        )
        odds = F.softplus(-LOGITS.float())
        more = (weights[0] - 1) * odds[0, 0] + (weights[2] - 1) * odds[0, 2]
        assert weighted.item() - plain.item() == pytest.approx(more.item() / 6, rel=1e-5)


class TestGoal:
    def test_an_answer_is_right_where_every_label_is(self):
        assert AnyLabels().hits(LOGITS, LABELS).item() == 1
        assert AnyLabels().hits(LOGITS, (LOGITS >= 0).long()).item() == 2
        assert OneClass().hits(LOGITS, torch.tensor([0, 1])).item() == 1

    def test_the_task_says_what_makes_probabilities(self):
        assert [activation(goal_of(task)) for task in ("multiclass", "multilabel")] == ["softmax", "sigmoid"]

    def test_the_figure_that_chooses_is_among_those_that_are_logged(self):
        labels = (LOGITS >= 0).long()
        loss = loss_of(BinaryCrossEntropy(), LOGITS, labels).item()
        found = AnyLabels().validated(LOGITS.sigmoid().numpy(), labels.numpy())
        assert found == {"val_loss": pytest.approx(loss), "val_map": 1.0, "val_exact": 1.0}


class TestHead:
    @pytest.mark.parametrize("classifier", ["logistic", "svm"])
    def test_each_label_is_told_by_its_own_features(self, classifier):
        numbers = np.random.default_rng(0)
        labels = (numbers.random((120, 4)) < 0.4).astype(np.int64)
        labels[:, 2], labels[:, 3] = 0, 1
        features = numbers.normal(scale=0.1, size=(2, 120, 6))
        features[..., :2] += labels[:, :2]
        linear = fit_labels(features, labels, Transfer(classifier=classifier, views=2))
        logits = linear.logits(features)
        assert ((logits > 0) == labels).all()
        assert (logits[..., 2] < -10).all()
        assert (logits[..., 3] > 10).all()
        loss, right = AnyLabels().judged(logits, labels)
        assert (loss < 0.5, right) == (True, 1.0)
