"""Unknown: the promise holds in simulation, the lowest level that keeps it is found, the impossible is refused."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from lenext.data.draws import uniforms
from lenext.errors import UsageError
from lenext.evaluation.selective import DOUBT, LEVELS, aurc, certified, curve, given, judge, least_images, tally


def world(images, number, sharpness=1.0):
    """Confidence between 0.3 and 1, and whether the answer is right: with a probability of confidence**sharpness."""
    draws = uniforms((3, 91), number, 0, images, 2)
    confidence = 1 - 0.7 * draws[:, 0] ** 3
    return confidence, draws[:, 1] < confidence**sharpness


def risk(level, sharpness):
    """The true error rate of the answers from a level upwards, by integration."""
    confidence = 1 - 0.7 * ((np.arange(200_000) + 0.5) / 200_000) ** 3
    return float((1 - confidence[confidence >= level] ** sharpness).mean())


@pytest.mark.parametrize(("images", "target", "sharpness"), [(300, 0.1, 1.0), (2000, 0.05, 1.0), (2000, 0.05, 2.5)])
def test_the_promise_is_broken_in_at_most_one_of_twenty_runs(images, target, sharpness):
    true = {level: risk(level, sharpness) for level in LEVELS}
    broken = answered = 0
    for number in range(400):
        level = certified(*tally(*world(images, number, sharpness)), target)
        answered += level is not None
        broken += level is not None and true[level] > target
    assert binomtest(broken, 400, DOUBT, alternative="greater").pvalue > 0.01
    assert answered > 200  # not kept by silence


def test_more_images_allow_more_answers():
    levels = [certified(*tally(*world(images, 0)), 0.05) for images in (2000, 60_000)]
    assert None not in levels
    assert levels[1] < levels[0]
    assert risk(levels[1], 1.0) == pytest.approx(0.05, abs=0.006)


def test_a_network_that_is_always_right_always_answers():
    assert certified(*tally(np.full(500, 0.99), np.ones(500, dtype=bool)), 0.05) == 0


def test_too_few_images_promise_nothing():
    least = least_images(0.05)
    assert certified(*tally(np.full(least - 1, 0.999), np.ones(least - 1, dtype=bool)), 0.05) is None
    assert certified(*tally(np.full(least, 0.999), np.ones(least, dtype=bool)), 0.05) == 0


@pytest.mark.parametrize("target", [0.0, 1.0, -0.1, 5.0, float("nan")])
def test_what_is_no_error_rate_is_refused(target):
    with pytest.raises(UsageError, match="cannot be aimed at"):
        certified(*tally(*world(100, 0)), target)


def test_counts_at_every_level():
    answered, wrong = tally(np.array([0.2, 0.5, 0.95, 1.0]), np.array([False, True, False, True]))
    at = {level: place for place, level in enumerate(LEVELS)}
    assert (answered[0], wrong[0]) == (4, 2)
    assert (answered[at[0.5]], wrong[at[0.5]]) == (3, 1)
    assert (answered[-1], wrong[-1]) == (1, 0)
    assert list(LEVELS) == sorted(set(LEVELS))


def test_risk_against_coverage_by_hand():
    """Surest first: right, right, wrong, right: risks 0, 0, 1/3, 1/4."""
    confidence, right = np.array([0.6, 0.9, 0.8, 0.95]), np.array([True, True, False, True])
    right = np.array([True, True, False, True])
    assert [round(point.risk, 4) for point in curve(confidence, right)] == [0.0, 0.0, 0.3333, 0.25]
    found = aurc(confidence, right)
    assert found.value == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)
    assert found.low <= found.value <= found.high


def test_new_and_unsure_images_are_not_answered():
    confidence, novel = np.array([0.9, 0.4, 0.9, 0.9]), np.array([False, False, True, False])
    right = np.array([True, False, False, False])
    answered = given(confidence, novel, 0.5)
    found = judge(confidence, right, novel, answered, level=0.5, target=0.05, judged="four")
    assert (found.coverage.value, found.error.value, found.novel.value) == (0.5, 0.5, 0.25)
    assert found.verdict == "missed" if found.error.low > 0.05 else "open"
    assert not given(confidence, novel, None).any()
