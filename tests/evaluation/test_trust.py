"""Trust: learnt from validation images alone, judged on others or crosswise, shown on report and model card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sample_runs import HOSTILE, noisy_evaluation, record
from test_calibration import overconfident

from lenext.evaluation.model_card import card
from lenext.evaluation.novelty import learn
from lenext.evaluation.report import render
from lenext.evaluation.trust import (
    CROSS_FITTED,
    FOLDS,
    Shown,
    Trust,
    calibrate,
    folds,
    judge,
    judge_crosswise,
    rule_of,
    unfit,
    with_figures,
)
from lenext.evaluation.trust_chart import trust_charts

NAMES = [f"class {number}" for number in range(5)]


def shown(images, seed, shift=0.0):
    logits, labels = overconfident(images, seed=seed)
    features = np.random.default_rng(seed).normal(size=(images, 6)) + shift
    return Shown(logits.astype(np.float32), features.astype(np.float32), labels)


@pytest.fixture(scope="module")
def learnt():
    """A rule for at most a tenth of errors, and what it does for other images."""
    familiar = learn(shown(500, 3).features)
    calibration = calibrate(shown(2000, 0), familiar, 0.1)
    rule = rule_of(calibration, familiar, 0.1)
    return rule, judge(rule, shown(2000, 1), 0.1, judged="others")


def test_other_images_are_answered_as_promised(learnt):
    rule, found = learnt
    assert 0 < rule.level < 1
    assert found.silence.verdict in {"met", "open"}
    assert found.silence.coverage.value > 0.5
    assert found.silence.novel.value < 0.05
    assert found.effect.after.ece.value < 0.04 < found.effect.before.ece.low


def test_strange_images_are_not_answered_however_sure(learnt):
    rule, _ = learnt
    strange = shown(200, 5, shift=9.0)
    assert not rule.answered(strange).any()
    doubts = rule.doubts(strange.logits, strange.features)
    assert all("novelty" in doubt.reasons for doubt in doubts)
    sure = next(doubt for doubt in doubts if doubt.confidence > rule.level)
    assert sure.reasons == ["novelty"]
    assert sure.document()["novelty"] > sure.document()["novelty_limit"]


def test_without_training_images_confidence_alone_decides():
    rule = rule_of(calibrate(shown(2000, 0), None, 0.1), None, 0.1)
    assert rule.calibration.novelty is None
    assert not rule.novel(shown(10, 1).features).any()
    assert {
        reason for doubt in rule.doubts(shown(50, 1).logits, shown(50, 1).features) for reason in doubt.reasons
    } == {"confidence"}


def test_too_few_validation_images_teach_nothing():
    assert "no validation images" in unfit(None)
    assert "only 19 validation images" in unfit(shown(19, 0))
    assert unfit(shown(20, 0)) == ""


def test_parts_are_disjoint_and_together_everything():
    parts = list(folds(23))
    assert len(parts) == FOLDS
    assert sorted(np.concatenate([fold for _, fold in parts])) == list(range(23))
    assert all(not set(others) & set(fold) and len(others) + len(fold) == 23 for others, fold in parts)


def test_validation_images_alone_are_judged_crosswise(learnt):
    rule, _ = learnt
    found = judge_crosswise(rule, shown(2000, 0), 0.1)
    assert found.effect.judged == found.silence.judged == CROSS_FITTED
    assert found.effect.after.ece.value < 0.04
    assert 0.5 < found.silence.coverage.value < 1


def test_the_card_holds_the_figures_without_the_curve(learnt):
    rule, found = learnt
    kept = with_figures(rule.calibration, found)
    assert kept.sound
    assert kept.measured["ece"]["after"] == found.effect.after.ece.value
    assert "curve" not in kept.measured["unknown"]
    assert rule_of(kept, rule.familiar, 0.1).level == rule.level


def test_report_and_model_card_say_it(learnt):
    _, found = learnt
    run = record(NAMES, {"test": noisy_evaluation(NAMES, 300)}, trust=found)
    page, text = render(run), card(run)
    assert '<section id="trust">' in page
    assert '<a href="#trust">' in page
    assert f"{found.effect.before.ece.value:.4f}" in page
    assert "at most 10 % of the answers are wrong" in page
    assert page.count("<svg") == 4
    assert "## Confidence" in text
    assert f"{found.effect.after.ece.value:.4f} ({found.effect.after.ece.low:.4f} to" in text
    assert "--unknown 0.1" in text
    assert any("10 % wrong" in line for line in found.lines())


def test_where_every_confidence_is_enough_none_is_named(learnt):
    _, found = learnt
    assert "below a confidence of" in found.lines()[-1]
    enough = replace(found, silence=replace(found.silence, level=0.0))
    assert "10 % wrong: only where an image looks new" in enough.lines()[-1]
    page = render(record(NAMES, {"test": noisy_evaluation(NAMES, 300)}, trust=enough))
    assert "at <b>any</b> confidence, but not where an image looks unlike" in page


def test_what_cannot_be_promised_is_said_everywhere():
    rule = rule_of(calibrate(shown(60, 0), None, 0.001), None, 0.001)
    found = judge(rule, shown(200, 1), 0.001, judged="others")
    assert found.silence.verdict == "not promised"
    assert found.silence.coverage.value == 0
    run = record(NAMES, {"test": noisy_evaluation(NAMES, 300)}, trust=found)
    assert "cannot be promised" in render(run)
    assert "cannot be promised" in card(run)
    assert "cannot be promised" in found.lines()[-1]
    assert trust_charts(found)[1].mark is None


def test_an_uncalibrated_run_says_why_and_names_stay_text():
    found = Trust(reason=f"There are only 3 of {HOSTILE}.")
    run = record(NAMES, {"test": noisy_evaluation(NAMES, 300)}, trust=found)
    assert "was not calibrated" in render(run)
    assert HOSTILE not in render(run)
    assert "Not calibrated." in card(run)
    assert (trust_charts(found), found.lines()) == ([], [])
    assert found.document() == {"calibration": None, "unknown": None, "uncalibrated": found.reason}


def test_drawings_stay_inside(learnt):
    for chart in trust_charts(learnt[1]):
        for x, y in [point for line in chart.lines for point in line.path] + list(chart.guide):
            assert chart.left <= x <= chart.right
            assert chart.top <= y <= chart.bottom
