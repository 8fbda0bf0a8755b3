"""The figures of a classifier, against examples worked by hand and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from lenext.evaluation.metrics import LEAST, answers, class_scores, confusion_matrix, cross_entropy, top_k_correct

# Three classes, five images. Answers: 0, 1, 1, 0, 2.
PROBABILITIES = np.array(
    [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.3, 0.5, 0.2], [0.8, 0.15, 0.05], [0.2, 0.3, 0.5]], dtype=np.float32
)
LABELS = np.array([0, 1, 0, 1, 2])


@pytest.fixture(scope="module")
def drawn():
    """200 images of 7 classes; no class is certain."""
    rng = np.random.default_rng(3)
    probabilities = rng.dirichlet(np.ones(7), size=200).astype(np.float32)
    return probabilities, rng.integers(0, 7, 200)


def test_confusion_has_the_truth_in_rows_and_the_answer_in_columns():
    assert confusion_matrix(PROBABILITIES, LABELS).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_confusion_equals_scikit_learn(drawn):
    probabilities, labels = drawn
    theirs = sklearn_metrics.confusion_matrix(labels, probabilities.argmax(axis=1), labels=range(7))
    assert np.array_equal(confusion_matrix(probabilities, labels), theirs)


def test_top_k_by_hand():
    assert top_k_correct(PROBABILITIES, LABELS, 1).tolist() == [True, True, False, False, True]
    assert top_k_correct(PROBABILITIES, LABELS, 2).tolist() == [True] * 5
    assert not top_k_correct(np.array([[0.5, 0.3, 0.2]]), np.array([2]), 2).any()


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_equals_scikit_learn(drawn, k):
    probabilities, labels = drawn
    theirs = sklearn_metrics.top_k_accuracy_score(labels, probabilities, k=k, labels=range(7))
    assert top_k_correct(probabilities, labels, k).mean() == pytest.approx(theirs)


def test_more_places_than_classes_are_all_classes():
    assert top_k_correct(PROBABILITIES, LABELS, 5).all()


def test_of_equals_the_lower_class_is_first():
    flat = np.full((3, 3), 1 / 3, dtype=np.float32)
    everything = np.arange(3)
    assert answers(flat).tolist() == [0, 0, 0]
    assert [int(top_k_correct(flat, everything, k).sum()) for k in (1, 2, 3)] == [1, 2, 3]


def test_top_1_is_the_diagonal_of_the_confusion_even_with_ties():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 3, (500, 4)).astype(np.float32)  # full of equals
    labels = rng.integers(0, 4, 500)
    assert top_k_correct(coarse, labels, 1).sum() == np.trace(confusion_matrix(coarse, labels))


def test_class_scores_by_hand():
    confusion = np.array([[8, 2, 0, 0], [1, 9, 0, 0], [5, 0, 0, 0], [0, 0, 0, 0]])
    first, _, missed, absent = class_scores(confusion, ["a", "b", "never answered", "absent"])
    assert (first.name, first.support, first.hits) == ("a", 10, 8)
    assert first.precision == pytest.approx(8 / 14)
    assert first.recall == pytest.approx(0.8)
    assert first.f1 == pytest.approx(16 / 24)
    assert (missed.precision, missed.recall, missed.f1) == (None, 0.0, 0.0)
    assert (absent.support, absent.precision, absent.recall, absent.f1) == (0, None, None, None)


def test_class_scores_equal_scikit_learn(drawn):
    probabilities, labels = drawn
    ours = class_scores(confusion_matrix(probabilities, labels), [str(number) for number in range(7)])
    theirs = sklearn_metrics.precision_recall_fscore_support(labels, probabilities.argmax(axis=1), labels=range(7))
    assert [(s.precision, s.recall, s.f1, s.support) for s in ours] == [pytest.approx(row) for row in zip(*theirs)]  # noqa: B905


def test_cross_entropy_by_hand():
    assert cross_entropy(PROBABILITIES[:2], LABELS[:2]) == pytest.approx(-(math.log(0.7) + math.log(0.6)) / 2)


def test_cross_entropy_equals_scikit_learn(drawn):
    probabilities, labels = drawn
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    assert cross_entropy(exact, labels) == pytest.approx(sklearn_metrics.log_loss(labels, exact, labels=range(7)))


def test_a_truth_of_probability_zero_costs_much_but_not_everything():
    loss = cross_entropy(np.array([[1.0, 0.0]], dtype=np.float32), np.array([1]))
    assert loss == pytest.approx(-math.log(LEAST))
    assert 80 < loss < 100
