"""Wilson's interval: published figures, an independent implementation, and the promise it makes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from lenext.data.draws import uniforms
from lenext.evaluation.intervals import Interval, wilson


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 10, 0.0000, 0.2775),
        (10, 10, 0.7225, 1.0000),
    ],
)
def test_the_published_examples_come_out(successes, total, low, high):
    found = wilson(successes, total)
    assert found.value == pytest.approx(successes / total)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize(("successes", "total"), [(0, 1), (1, 1), (3, 7), (9_905, 10_000), (50_000, 50_000)])
def test_it_agrees_with_scipy(successes, total, confidence):
    theirs = binomtest(successes, total).proportion_ci(confidence, method="wilson")
    ours = wilson(successes, total, confidence)
    assert (ours.low, ours.high) == (pytest.approx(theirs.low, abs=1e-12), pytest.approx(theirs.high, abs=1e-12))


def test_the_ends_are_exact_where_all_or_nothing_was_right():
    assert all(wilson(0, total).low == 0.0 and wilson(total, total).high == 1.0 for total in range(1, 200))


def test_of_no_image_nothing_is_known():
    assert wilson(0, 0) == Interval(0.0, 0.0, 1.0)


@pytest.mark.parametrize("truth", [0.02, 0.5, 0.9, 0.985])
def test_about_95_of_100_intervals_hold_the_truth(truth):
    total = 360
    drawn = np.random.default_rng(7).binomial(total, truth, size=4000)
    intervals = {int(successes): wilson(int(successes), total) for successes in np.unique(drawn)}
    holding = np.mean([intervals[int(successes)].low <= truth <= intervals[int(successes)].high for successes in drawn])
    assert 0.93 <= holding <= 0.98


@pytest.mark.parametrize(("successes", "total", "confidence"), [(-1, 3, 0.95), (4, 3, 0.95), (1, 3, 0.0), (1, 3, 1.0)])
def test_impossible_questions_are_refused(successes, total, confidence):
    with pytest.raises(ValueError, match=r"impossible|confidence"):
        wilson(successes, total, confidence)


@pytest.mark.parametrize("images", [100, 360, 2000, 10_000])
@pytest.mark.parametrize("truth", [0.7, 0.9, 0.95])
def test_of_a_thousand_evaluations_930_to_970_hold_the_true_accuracy(images, truth):
    """Every image of every evaluation is drawn, by its place; the measurement is the one that users get."""
    holding = 0
    for number in range(1000):
        right = uniforms((11, 93), number, 0, -(-images // 4), 4).ravel()[:images] < truth
        found = wilson(int(right.sum()), images)
        holding += found.low <= truth <= found.high
    assert 930 <= holding <= 970
