"""Two classifiers on the same images: McNemar's exact test, the paired bootstrap, and what a person is told."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest

from lenext.errors import DataError
from lenext.evaluation.compare import RESAMPLES, compare, lines, mcnemar, paired_difference

CLASSES = ("cat", "dog", "owl")


def compared(a, b, truth, **changes):
    given = {"names": [f"{row}.jpg" for row in range(len(truth))], "classes": CLASSES}
    return compare(*(np.array(one, dtype=np.int64) for one in (a, b, truth)), **{**given, **changes})


class TestMcNemar:
    def test_a_hand_computed_example(self):
        """10 against 2: twice (1 + 12 + 66) / 4096."""
        assert mcnemar(10, 2) == mcnemar(2, 10) == pytest.approx(0.03857421875, abs=1e-15)

    @pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (0, 1), (5, 0), (3, 3), (4, 3), (6, 1), (2, 7)])
    def test_every_outcome_counted(self, only_a, only_b):
        """Of all ways in which the changed images could have fallen, those at least as uneven."""
        changed = only_a + only_b
        uneven = abs(only_a - only_b)
        fell = [abs(2 * sum(sides) - changed) >= uneven for sides in product((0, 1), repeat=changed)]
        assert mcnemar(only_a, only_b) == pytest.approx(sum(fell) / len(fell), abs=1e-12)

    def test_many_images(self):
        assert 0 < mcnemar(2600, 2000) < 1e-15
        assert 0 <= mcnemar(50_000, 0) < 1e-300


class TestDifference:
    @pytest.mark.parametrize(("only_a", "only_b", "images"), [(10, 2, 50), (0, 3, 40), (30, 30, 400), (7, 0, 7)])
    def test_the_interval_is_that_of_resampled_images(self, only_a, only_b, images):
        sides = np.array([1] * only_a + [-1] * only_b + [0] * (images - only_a - only_b))
        rows = np.random.default_rng(0).integers(0, images, (RESAMPLES, images))
        low, high = np.quantile(sides[rows].mean(axis=1), (0.025, 0.975))
        found = paired_difference(only_a, only_b, images)
        assert found.value == pytest.approx((only_a - only_b) / images)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1.01 / images)

    def test_it_is_the_same_at_every_call(self):
        assert paired_difference(10, 2, 50) == paired_difference(10, 2, 50)

    def test_two_equals_differ_by_nothing(self):
        found = paired_difference(0, 0, 20)
        assert (found.value, found.low, found.high) == (0, 0, 0)

    def test_changing_sides_changes_the_sign(self):
        one, other = paired_difference(40, 10, 500), paired_difference(10, 40, 500)
        assert other.value == -one.value
        assert (other.low, other.high) == pytest.approx((-one.high, -one.low), abs=2 / 500)


class TestComparison:
    def test_the_document(self):
        truth = [0, 0, 0, 1, 1, 2]
        found = compared([0, 0, 1, 1, 2, 2], [0, 1, 0, 1, 2, 0], truth).document()
        assert found["images"] == 6
        assert found["mcnemar"] == {"both": 2, "only_a": 2, "only_b": 1, "neither": 1, "p": 1.0}
        assert found["top1"]["a"]["value"] == pytest.approx(4 / 6)
        assert found["top1"]["b"]["value"] == pytest.approx(3 / 6)
        assert found["difference"]["value"] == pytest.approx(1 / 6)
        assert found["difference"]["low"] < 0 < found["difference"]["high"]
        assert found["better"] is None
        assert found["per_class"] == [
            {"class": "cat", "support": 3, "a": 2, "b": 2, "only_a": 1, "only_b": 1},
            {"class": "dog", "support": 2, "a": 1, "b": 1, "only_a": 0, "only_b": 0},
            {"class": "owl", "support": 1, "a": 1, "b": 0, "only_a": 1, "only_b": 0},
        ]
        assert found["changed"] == [
            {"name": "1.jpg", "truth": "cat", "a": "cat", "b": "dog"},
            {"name": "2.jpg", "truth": "cat", "a": "dog", "b": "cat"},
            {"name": "5.jpg", "truth": "owl", "a": "owl", "b": "cat"},
        ]
        assert json.loads(json.dumps(found, allow_nan=False)) == found

    @pytest.mark.parametrize(("wins_a", "wins_b", "better"), [(10, 2, "a"), (2, 10, "b"), (9, 3, None), (4, 4, None)])
    def test_the_verdict(self, wins_a, wins_b, better):
        truth = [0] * 60
        right, wrong = [0] * 60, [1] * 60
        a = right[:20] + right[:wins_a] + wrong[:wins_b] + right[: 40 - wins_a - wins_b]
        b = right[:20] + wrong[:wins_a] + right[:wins_b] + right[: 40 - wins_a - wins_b]
        found = compared(a, b, truth)
        assert found.better == better
        if better is None:
            assert found.verdict.startswith("No difference found (")
        else:
            assert found.verdict.startswith(f"{better.upper()} is better by 13.33 points, 95 % interval ")
            low, high = found.verdict.split("interval ")[1].split(" (")[0].split(" to ")
            assert 0 < float(low) < 13.33 < float(high.removesuffix("."))
            assert "p = 0.039" in found.verdict

    def test_words_for_a_person(self):
        truth = [0] * 40
        text = "\n".join(lines(compared([0] * 40, [1] * 30 + [0] * 10, truth)))
        assert text.startswith("A is better")
        assert "0.jpg: cat; A says cat, B dog" in text
        assert "and 10 more" in text
        same = lines(compared(truth, truth, truth))
        assert same[0].startswith("No difference found")
        assert not any("changed sides" in line for line in same)

    def test_nothing_to_compare_on(self):
        with pytest.raises(DataError, match="not one readable image"):
            compared([], [], [])
