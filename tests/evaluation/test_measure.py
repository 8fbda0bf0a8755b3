"""A measurement: the document that other programs read, the table that people read, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sample_runs import HOSTILE_FILE, noisy_evaluation

from lenext.errors import DataError, Failed
from lenext.evaluation.intervals import wilson
from lenext.evaluation.measure import WORST, measure, most_confused

CLASSES = ["cat", "dog", "owl"]
PROBABILITIES = np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0], [0.6, 0.4, 0.0], [0.05, 0.95, 0.0]], dtype=np.float32)
LABELS = np.array([0, 1, 1, 0])
UNREADABLE = {"path": "c.jpg", "kind": "truncated", "message": "ends early"}


def measured(**changes):
    given = {
        "names": ["a.jpg", "b.jpg", "c.jpg", "d.jpg"],
        "classes": CLASSES,
        "protocol": "single",
        "views": 1,
        "unreadable": [UNREADABLE],
    }
    return measure(PROBABILITIES, LABELS, **{**given, **changes})


def test_the_document_holds_what_other_programs_read():
    document = measured().document()
    assert document["images"] == 4
    assert document["unreadable"] == [UNREADABLE]
    assert (document["protocol"], document["views"], document["classes"]) == ("single", 1, CLASSES)
    assert document["top1"] == wilson(2, 4).document()
    assert document["top5"]["value"] == 1.0
    assert document["confusion"] == [[1, 1, 0], [1, 1, 0], [0, 0, 0]]
    first = dict(document["per_class"][0])
    assert first.pop("intervals")["precision"] == wilson(1, 2).document()
    assert first == {"class": "cat", "support": 2, "precision": 0.5, "recall": 0.5, "f1": 0.5}
    none = dict.fromkeys(("precision", "recall", "f1"))
    assert document["per_class"][2] == {"class": "owl", "support": 0, **none, "intervals": none}
    assert document["loss"] == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.05]).mean())


def test_the_document_is_plain_json_without_nan():
    document = noisy_evaluation([f"c{number}" for number in range(12)], 100).document()
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_mistakes_are_sorted_by_how_sure_they_were():
    first, second = measured().mistakes
    assert (first.name, first.truth, first.answer, first.index) == ("d.jpg", "cat", "dog", 3)
    assert first.probability == pytest.approx(0.95)
    assert (second.name, second.truth, second.answer) == ("c.jpg", "dog", "cat")
    assert measured().wrong == 2


def test_only_the_worst_mistakes_are_kept():
    evaluation = noisy_evaluation(["a", "b", "c"], 900, sureness=0.0)
    sureness = [mistake.probability for mistake in evaluation.mistakes]
    assert evaluation.wrong > WORST == len(sureness)
    assert sureness == sorted(sureness, reverse=True)


def test_most_confused_counts_pairs_and_their_share():
    evaluation = measured()
    pairs = most_confused(evaluation, 9)
    assert [(pair.truth, pair.answer, pair.count, pair.share) for pair in pairs] == [
        ("cat", "dog", 1, 0.5),
        ("dog", "cat", 1, 0.5),
    ]
    assert most_confused(evaluation, 1) == pairs[:1]


def test_no_image_is_a_data_error():
    with pytest.raises(DataError, match="not one readable image"):
        measure(
            np.zeros((0, 3), np.float32), np.zeros(0, np.int64), names=[], classes=CLASSES, protocol="single", views=1
        )


def test_an_answer_that_is_no_number_is_never_counted():
    spoilt = PROBABILITIES.copy()
    spoilt[2, 0] = np.nan
    with pytest.raises(Failed, match=r"1 of 4 images, first for c\.jpg"):
        measure(spoilt, LABELS, names=list("ab") + ["c.jpg", "d"], classes=CLASSES, protocol="single", views=1)


@pytest.mark.parametrize("changes", [{"names": ["a.jpg"]}, {"classes": ["cat", "dog"]}])
def test_parts_that_do_not_belong_together_are_refused(changes):
    with pytest.raises(ValueError, match="do not belong together"):
        measured(**changes)


def test_labels_outside_the_classes_are_refused():
    with pytest.raises(ValueError, match=r"0\.\.2"):
        measure(PROBABILITIES, LABELS + 2, names=list("abcd"), classes=CLASSES, protocol="single", views=1)


def test_the_table_begins_with_the_figure_and_its_interval():
    text = measured().lines()
    assert text[0] == "top-1    50.0 %   95 % interval 15.0 to 85.0 %"
    assert text[1] == "To answer 'cat' for every image would be right for 50.0 %."
    assert text[2] == "4 images, 2 wrong; protocol single, 1 view an image; loss 1.0601"
    assert text[3] == "1 unreadable file was left out."
    assert text[5:9] == [
        "class  images  precision  recall     F1",
        "cat         2       50.0    50.0   50.0",
        "dog         2       50.0    50.0   50.0",
        "owl         0          -       -      -",
    ]
    assert text[-2:] == ["  1 x cat taken for dog", "  1 x dog taken for cat"]


def test_many_classes_show_the_25_worst():
    evaluation = noisy_evaluation([f"class {number}" for number in range(40)], 4000)
    text = evaluation.lines()
    start = next(at for at, line in enumerate(text) if line.startswith("class  ")) + 1
    stop = text.index("The 25 of 40 classes with the lowest F1, in per cent.")
    shown = [float(line.split()[-1]) for line in text[start:stop]]
    assert shown == sorted(shown)
    assert len(shown) == 25
    assert shown[0] == pytest.approx(100 * min(score.f1 for score in evaluation.per_class), abs=0.06)


def test_columns_stand_under_each_other_whatever_the_names():
    evaluation = measured(classes=["猫", "a rather long name of a class that is cut", "\x1b[31mred"])
    table = evaluation.lines()[5:9]
    assert "\x1b" not in "".join(table)
    assert "\\x1b[31mred" in table[3]
    assert "…" in table[2]
    assert table[1].startswith("猫" + " " * 26)  # two columns wide, in a column of 28
    assert {len(line) for line in (table[0], *table[2:])} == {len(table[1]) + 1}


def test_a_hostile_file_name_stays_on_its_line():
    spoilt = np.full((1, 3), np.nan, np.float32)
    with pytest.raises(Failed) as caught:
        measure(spoilt, LABELS[:1], names=[HOSTILE_FILE], classes=CLASSES, protocol="single", views=1)
    assert "\n" not in caught.value.message
    assert "\u202e" not in caught.value.message
