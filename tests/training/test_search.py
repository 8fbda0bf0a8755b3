"""The search: knobs of a recipe, suggestions as a function of seed and trials, hopeless trials, a friendly error."""

import builtins
import json
import math
import statistics
from dataclasses import replace

import pytest
from everything import EVERYTHING

from lenext.errors import Failed, UsageError
from lenext.recipes import AdamW, RandAugment, RandomResizedCrop
from lenext.training.practical import practical
from lenext.training.search import Trial, best_of, hopeless, knobs_of, loaded, settings, suggest
from lenext.values import assign

KNOBS = knobs_of(practical(32), images=1000)


def test_the_knobs_of_a_recipe():
    assert [knob.field for knob in KNOBS] == [
        "optimizer.lr", "optimizer.weight_decay", "loss.label_smoothing", "augment.1.pad", "batch_size",
    ]  # fmt: skip
    assert [knob.field for knob in knobs_of(practical(224), 1000)][3] == "augment.0.area.0"
    assert KNOBS[0].low == pytest.approx(5e-5)
    assert KNOBS[0].high == pytest.approx(5e-3)


def test_what_a_recipe_does_not_have_is_no_knob():
    plain = replace(EVERYTHING, optimizer=AdamW(lr=1e-3), augment=(RandAugment(), RandomResizedCrop(size=8)))
    fields = [knob.field for knob in knobs_of(plain, images=8)]
    assert "optimizer.weight_decay" not in fields
    assert {"augment.0.magnitude", "augment.1.area.0"} <= set(fields)
    assert next(knob for knob in knobs_of(plain, images=8) if knob.field == "batch_size").choices == (4, 8)


def test_what_starts_is_among_what_is_tried():
    for recipe in (practical(32), practical(224), EVERYTHING):
        for knob in knobs_of(recipe, 1000):
            assert knob.start in knob.choices if knob.choices else knob.low <= knob.start <= knob.high


def test_the_first_trial_is_the_recipe_itself():
    assert assign(practical(32), *settings(KNOBS, suggest(KNOBS, [], seed=0))) == practical(32)


def test_the_best_is_the_one_that_ended_best():
    trials = [
        Trial(0, {}, (0.1, 0.5)),
        Trial(1, {}, (0.9, 0.6)),
        Trial(2, {}, (0.7, 0.7), pruned=True),
        Trial(3, {}, (0.6,)),
    ]
    assert best_of(trials).number == 1
    with pytest.raises(Failed, match="Not one"):
        best_of(trials[2:3])


def test_a_trial_is_read_as_it_was_written():
    trial = Trial(3, {"optimizer.lr": 0.1, "batch_size": 4}, (0.5, 0.25), pruned=True)
    assert Trial.read(json.loads(json.dumps(trial.document()))) == trial


def test_without_optuna_the_remedy_is_said(monkeypatch):
    real = builtins.__import__

    def without(name, *more):
        if name == "optuna":
            raise ImportError
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError) as refused:
        loaded()
    assert "lenext[tune]" in refused.value.remedy


class TestSuggestions:
    @pytest.fixture(autouse=True)
    def there(self):
        pytest.importorskip("optuna", reason="optuna is not installed")

    def trials(self, count, seed=0):
        found = []
        for number in range(count):
            values = suggest(KNOBS, found, seed)
            found.append(Trial(number, values, (0.1, -abs(values["optimizer.lr"] - 1e-3))))
        return found

    def test_they_are_a_function_of_seed_and_trials(self):
        whole = self.trials(8)
        assert whole == self.trials(8)
        assert suggest(KNOBS, whole[:7], 0) == whole[7].values
        assert self.trials(2, seed=1)[1] != whole[1]

    def test_they_are_within_the_bounds_and_fit_the_recipe(self):
        for trial in self.trials(10):
            assert assign(practical(32), *settings(KNOBS, trial.values)).epochs == 30
            assert all(
                trial.values[knob.field] in knob.choices
                if knob.choices
                else knob.low <= trial.values[knob.field] <= knob.high
                for knob in KNOBS
            )

    def test_they_learn(self):
        """With a score of the rate's alone, later rates are nearer the best one than the random ones at first."""
        lone, found = KNOBS[:1], []
        for number in range(25):
            values = suggest(lone, found, 0)
            found.append(Trial(number, values, (-abs(math.log(values["optimizer.lr"] / 2e-3)),)))
        scores = [trial.scores[0] for trial in found]
        assert statistics.fmean(scores[15:]) > statistics.fmean(scores[:6]) + 0.3

    def test_a_trial_below_the_median_is_hopeless(self):
        before = [replace(trial, scores=(0.1, 0.2 + 0.1 * number, 0.9)) for number, trial in enumerate(self.trials(6))]
        worst, best = (Trial(6, before[1].values, (0.1, score)) for score in (0.15, 0.9))
        assert hopeless(KNOBS, before, worst)
        assert not hopeless(KNOBS, before, best)
        assert not hopeless(KNOBS, before[:3], worst)  # too few to judge by

    def test_a_trial_that_diverged_at_once_is_no_obstacle(self):
        before = [*self.trials(6), Trial(6, suggest(KNOBS, self.trials(6), 0), (), pruned=True)]
        assert suggest(KNOBS, before, 0)
