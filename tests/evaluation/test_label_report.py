"""Report and model card of a network that gives any number of labels: whole, and names stay names."""

from dataclasses import replace

import numpy as np
import pytest
from sample_runs import HOSTILE, record
from test_report import Page

from lenext.evaluation.label_measure import measure_labels
from lenext.evaluation.label_trust import fit_temperature, judge, settled, sigmoid
from lenext.evaluation.model_card import card
from lenext.evaluation.record import DataFacts, PicturedMistake
from lenext.evaluation.report import render
from lenext.evaluation.trust import Shown

NAMES = ("cat", HOSTILE, "never there")


@pytest.fixture(scope="module")
def run():
    numbers = np.random.default_rng(0)
    labels = (numbers.random((200, 3)) < (0.5, 0.2, 0.0)).astype(np.int64)
    logits = (3 * labels - 2 + numbers.normal(size=labels.shape)).astype(np.float32)
    shown = Shown(logits, logits, labels)
    calibration, cuts, reason = settled(shown, 3)
    assert calibration is not None
    measured = measure_labels(
        sigmoid(logits, calibration.temperature),
        labels,
        names=[f"{number}.png" for number in range(200)],
        classes=NAMES,
        protocol="single",
        views=1,
        cuts=cuts,
    )
    assert calibration.temperature == fit_temperature(logits, labels)
    one = measured.mistakes[0]
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    facts = {field: getattr(one, field) for field in ("name", "truth", "answer", "probability", "label", "verdict")}
    return record(
        NAMES,
        {"val": measured},
        chosen_on="val",
        trust=judge(calibration, shown, judged="the validation images", reason=reason),
        data=DataFacts(name="pets", classes=NAMES, counts={"val": dict.fromkeys(NAMES, 20)}),
        mistakes=[PicturedMistake(**facts, picture=pixels)],
        curves=[{"epoch": 1, "loss": 1.0, "train_exact": 0.5, "val_loss": 1.0, "val_map": 0.5, "val_exact": 0.4}],
    )


def test_the_page_is_whole_and_tells_label_by_label(run):
    page = Page(render(run))
    assert (page.open, page.unbalanced) == ([], [])
    sections = [one["id"] for one in page.all("section")]
    assert sections == ["accuracy", "curves", "classes", "trust", "mistakes", "data", "recipe", "cost", "use"]
    (cat, *_) = run.headline[1].per_class
    for figure in (f"{cat.threshold:.3f}", f"{cat.ece.value:.3f}", f"{100 * cat.precision:.1f}"):
        assert figure in page.text
    assert "find any of the 3 labels" in page.text
    assert run.mistakes[0].verdict in page.text


def test_a_name_is_a_name_on_every_page(run):
    assert HOSTILE not in render(run)
    assert not any("onerror" in attributes for attributes in Page(render(run)).all("img"))
    assert HOSTILE not in card(run)


def test_the_model_card_says_what_it_can_and_what_would_mean_nothing(run):
    text = card(run)
    assert "mean average precision" in text
    assert "top-1, top-5 and a confusion matrix would mean nothing" in text
    assert "Never measured, for want of images: never there" in text
    assert f"Temperature {run.trust.temperature:.3f}" in text


def test_a_network_that_was_not_calibrated_says_why(run):
    few = judge(None, Shown(*(np.zeros((1, 3)),) * 3), judged="", reason="There are only 3 validation images.")
    changed = replace(run, trust=few)
    assert "only 3 validation images" in Page(render(changed)).text
    assert "Not calibrated. There are only 3 validation images." in card(changed)
    assert few.document() == {"calibration": None, "uncalibrated": "There are only 3 validation images."}
