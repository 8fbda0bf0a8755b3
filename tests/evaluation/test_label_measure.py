"""Figures of answers that name any number of labels, against scikit-learn's and against what can be counted by hand."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from lenext.errors import DataError, Failed
from lenext.evaluation import thresholds
from lenext.evaluation.calibration import equal_groups
from lenext.evaluation.label_measure import LabelEvaluation, measure_labels, measure_of
from lenext.evaluation.label_metrics import average_precisions, figures, mean_average_precision
from lenext.evaluation.label_trust import fit_temperature, reliability, sigmoid
from lenext.evaluation.measure import Evaluation

HAND = np.array([[0.9, 0.2], [0.6, 0.7], [0.4, 0.1], [0.1, 0.8]])
TRUTH = np.array([[1, 0], [0, 1], [1, 0], [0, 1]])
NAMES = ("a.png", "b.png", "c.png", "d.png")


@pytest.fixture(scope="module")
def drawn():
    """600 images, 4 labels of very different frequency, scores in steps so that many are equal."""
    numbers = np.random.default_rng(0)
    labels = (numbers.random((600, 4)) < (0.5, 0.3, 0.1, 0.02)).astype(np.int64)
    return np.round(sigmoid(numbers.normal(size=labels.shape) + 3 * labels - 1.5), 2), labels


def by_hand(probabilities=HAND, cuts=(0.5, 0.5), labels=TRUTH):
    return measure_labels(
        probabilities, labels, names=NAMES, classes=("cat", "dog"), protocol="single", views=1, cuts=cuts
    )


class TestFigures:
    def test_average_precision_is_scikit_learns_also_of_equal_scores(self, drawn):
        scores, labels = drawn
        expected = [average_precision_score(labels[:, k], scores[:, k]) for k in range(4)]
        assert average_precisions(scores, labels) == pytest.approx(expected, rel=1e-12)
        assert mean_average_precision(scores, labels) == pytest.approx(np.mean(expected))

    def test_f1_is_scikit_learns(self, drawn):
        scores, labels = drawn
        found = figures(scores, scores >= 0.5, labels)
        assert found.f1_macro.value == pytest.approx(f1_score(labels, scores >= 0.5, average="macro"))
        assert found.f1_micro.value == pytest.approx(f1_score(labels, scores >= 0.5, average="micro"))

    def test_a_label_that_no_image_has_is_not_ranked_and_counts_in_no_mean(self):
        labels = TRUTH * (1, 0)
        assert np.isnan(average_precisions(HAND, labels)[1])
        found = by_hand(labels=labels)
        assert found.per_class[1].average_precision is None
        assert found.document()["per_class"][1]["average_precision"] is None
        assert found.map.value == pytest.approx(average_precision_score(TRUTH[:, 0], HAND[:, 0]))

    def test_a_perfect_ranking_of_few_images_is_not_certain(self):
        found = figures(TRUTH.astype(float), TRUTH > 0, TRUTH)
        assert found.mean_average_precision.value == 1
        assert found.mean_average_precision.low < 0.7
        assert found.f1_macro.low < 0.8

    def test_intervals_hold_the_true_average_precision(self):
        """Near 1 the bootstrap alone holds it in 80 of 100 (docs/log.md)."""
        numbers, held = np.random.default_rng(2), 0
        large = (numbers.random(200_000) < 0.2).astype(np.int64)[:, None]
        true = average_precisions(numbers.normal(size=large.shape) + 3 * large, large)[0]
        for _ in range(40):
            labels = (numbers.random((60, 1)) < 0.2).astype(np.int64)
            scores = numbers.normal(size=labels.shape) + 3 * labels
            found = figures(sigmoid(scores), scores > 0, labels).average_precision[0]
            held += found is not None and found.low <= true <= found.high
        assert held >= 36

    def test_calibration_errors_are_those_of_equal_bins(self, drawn):
        scores, labels = drawn
        gaps, groups = scores[:, 0] - labels[:, 0], equal_groups(scores[:, 0])
        expected = np.abs(np.bincount(groups, weights=gaps)).sum() / len(gaps)
        assert figures(scores, scores > 0.5, labels).ece[0].value == pytest.approx(expected)


class TestMeasurement:
    def test_what_can_be_counted_by_hand(self):
        found = by_hand()
        cat, dog = found.per_class
        assert (cat.support, cat.answered, cat.precision, cat.recall, cat.f1) == (2, 2, 0.5, 0.5, 0.5)
        assert (dog.precision, dog.recall, dog.f1) == (1, 1, 1)
        assert (found.exact.value, found.wrong) == (0.5, 2)
        assert [(one.name, one.label, one.verdict) for one in found.mistakes] == [
            ("b.png", "cat", "wrongly found"),
            ("c.png", "cat", "missed"),
        ]
        assert found.mistakes[1].answer == "none of them"

    def test_thresholds_decide_from_their_own_value_on(self):
        assert by_hand(cuts=(0.4, 0.7)).per_class[0].recall == 1
        assert by_hand(cuts=(0.4 + 1e-9, 0.7)).per_class[0].recall == 0.5

    def test_the_document_has_no_figure_of_single_classes_and_says_so(self):
        document = by_hand().document()
        assert not {"top1", "top5", "confusion"} & document.keys()
        assert "top-1" in document["left_out"]
        assert document["per_class"][0]["intervals"].keys() == {"precision", "recall", "f1", "average_precision", "ece"}

    def test_one_function_is_chosen_for_a_network(self):
        assert isinstance(measure_of((0.5, 0.5))(**arguments(TRUTH)), LabelEvaluation)
        assert isinstance(measure_of(None)(**arguments(np.array([0, 1, 0, 1]))), Evaluation)

    def test_no_image_and_no_number_are_refused(self):
        with pytest.raises(DataError):
            measure_labels(
                np.empty((0, 2)), np.empty((0, 2)), names=(), classes=("a", "b"), protocol="", views=1, cuts=(0.5,) * 2
            )
        with pytest.raises(Failed, match=r"1 of 4 images, first for b\.png"):
            by_hand(np.where(HAND == 0.7, np.nan, HAND))


def arguments(labels):
    return {
        "probabilities": HAND,
        "labels": labels,
        "names": NAMES,
        "classes": ("cat", "dog"),
        "protocol": "single",
        "views": 1,
    }


class TestThresholds:
    def test_no_other_cut_has_a_higher_f1(self, drawn):
        scores, labels = drawn
        cuts = thresholds.chosen(scores, labels)
        for k in range(4):
            best = f1_score(labels[:, k], scores[:, k] >= cuts[k])
            others = [f1_score(labels[:, k], scores[:, k] >= cut) for cut in np.linspace(0.005, 0.995, 199)]
            assert best >= max(others) - 1e-12
            assert not np.isin(cuts[k], scores[:, k]), "between two images, not at one"

    def test_where_few_images_say_anything_it_is_a_half(self):
        labels = np.zeros((30, 2), dtype=np.int64)
        labels[:4, 0] = 1
        labels[:26, 1] = 1
        assert thresholds.chosen(np.random.default_rng(0).random((30, 2)), labels) == (0.5, 0.5)


class TestTemperature:
    def test_it_undoes_a_factor_that_makes_a_network_too_sure(self):
        numbers = np.random.default_rng(1)
        logits = numbers.normal(size=(4000, 3)) * 2
        labels = (numbers.random(logits.shape) < sigmoid(logits)).astype(np.int64)
        temperature = fit_temperature(4 * logits, labels)
        assert temperature == pytest.approx(4, rel=0.1)
        before, after = (reliability(sigmoid(4 * logits, one), labels) for one in (1.0, temperature))
        assert after.ece < 0.03 < before.ece
        assert after.nll.high < before.nll.low
