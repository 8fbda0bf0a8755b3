"""Calibration: a worked example, an independent fit, and figures that chance cannot fool."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from lenext.data.draws import uniforms
from lenext.evaluation.calibration import BINS, ece, effect, equal_groups, fit_temperature, reliability, tempered


def overconfident(images=4000, classes=5, factor=3.0, seed=0):
    """Logits whose truth is drawn from their own softmax, then multiplied by ``factor``."""
    draws = np.maximum(uniforms((seed, 90), 0, 0, images, classes + 1), 1e-12)
    logits = -4 * np.log(-np.log(draws[:, :classes]))  # Gumbel
    chances = tempered(logits, 1.0).cumsum(axis=1)
    labels = (draws[:, classes:] > chances).sum(axis=1).clip(max=classes - 1)
    return logits * factor, labels


def test_a_worked_example():
    """Two bins: 0.6 on average of which half is right, and 0.9 of which all are: (2 x 0.1 + 2 x 0.1) / 4."""
    confidence, right = np.array([0.5, 0.7, 0.85, 0.95]), np.array([True, False, True, True])
    assert ece(confidence, right, np.array([0, 0, 1, 1])).value == pytest.approx(0.1)


def test_bins_hold_equally_many_images_in_the_order_of_their_confidence():
    confidence = uniforms((1, 90), 0, 0, 100, 1)[:, 0]
    groups = equal_groups(confidence)
    assert set(np.bincount(groups)) == {6, 7}
    assert len(np.bincount(groups)) == BINS
    assert all(np.diff(groups[np.argsort(confidence)]) >= 0)
    assert equal_groups(np.array([0.3, 0.2])).tolist() == [1, 0]


def test_the_temperature_is_that_of_another_optimiser():
    logits, labels = overconfident()

    def loss(exponent):
        chosen = tempered(logits, float(np.exp(exponent[0])))[np.arange(len(labels)), labels]
        return -np.log(chosen).mean()

    theirs = float(np.exp(minimize(loss, [0.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}).x[0]))
    assert fit_temperature(logits, labels) == pytest.approx(theirs, rel=1e-3)
    assert theirs == pytest.approx(3.0, rel=0.05)


def test_answers_stay_and_the_error_goes():
    logits, labels = overconfident()
    held, truth = overconfident(seed=1)
    temperature = fit_temperature(logits, labels)
    after = tempered(held, temperature)
    assert (after.argmax(axis=1) == held.argmax(axis=1)).all()
    found = effect(held, after, truth, temperature, judged="others")
    assert found.before.ece.low > 0.08
    assert found.after.ece.value < 0.02
    assert found.after.nll.high < found.before.nll.low
    assert found.after.brier.value < found.before.brier.value
    document = found.document()
    assert document["ece"]["after"] == document["ece"]["intervals"]["after"]["value"] == found.after.ece.value
    assert [len(document["bins"][when]) for when in ("before", "after")] == [BINS, BINS]


def test_a_few_images_that_are_all_right_do_not_make_it_certain():
    logits = np.eye(3)[np.arange(24) % 3] * 5.0
    assert 0.2 < fit_temperature(logits, np.arange(24) % 3) < 1


def test_the_interval_of_a_perfect_confidence_begins_at_nothing():
    holding = 0
    for seed in range(10):
        logits, labels = overconfident(500, factor=1.0, seed=seed)
        found = reliability(tempered(logits, 1.0), labels).ece
        assert found.low <= found.value <= found.high
        holding += found.low == 0.0
    assert holding >= 9


def test_brier_and_likelihood_are_those_of_scikit_learn():
    from sklearn.metrics import log_loss

    logits, labels = overconfident(500)
    probabilities = tempered(logits, 1.0)
    found = reliability(probabilities, labels)
    assert found.nll.value == pytest.approx(log_loss(labels, np.maximum(probabilities, 1e-30)), rel=1e-6)
    assert found.brier.value == pytest.approx(((probabilities - np.eye(5)[labels]) ** 2).sum(axis=1).mean())
    assert found.nll.low < found.nll.value < found.nll.high
