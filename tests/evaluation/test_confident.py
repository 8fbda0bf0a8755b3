"""Labels that a network confidently disagrees with."""

import numpy as np

from lenext.evaluation.confident import doubtful_labels


def test_the_one_wrong_label_is_found_with_both_probabilities():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.05, 0.95], [0.1, 0.9], [0.02, 0.98]], dtype=np.float32)
    (doubt,) = doubtful_labels(probabilities, np.array([0, 0, 1, 1, 0]))
    assert (doubt.row, doubt.answer) == (4, 1)
    assert round(doubt.probability, 2) == 0.98
    assert round(doubt.given, 2) == 0.02


def test_an_unsure_answer_is_no_doubt():
    probabilities = np.array([[0.9, 0.1], [0.45, 0.55], [0.05, 0.95]], dtype=np.float32)
    assert doubtful_labels(probabilities, np.array([0, 0, 1])) == []


def test_the_surest_comes_first_and_an_unseen_class_is_never_answered():
    probabilities = np.array(
        [[0.9, 0.1, 0], [0.1, 0.9, 0], [0.2, 0.8, 0], [0.1, 0.9, 0], [0, 0.1, 0.9], [0.0, 1.0, 0]], dtype=np.float32
    )
    found = doubtful_labels(probabilities, np.array([0, 1, 1, 0, 0, 0]))
    assert [doubt.row for doubt in found] == [5, 3]
