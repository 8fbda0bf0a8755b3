"""A file of predictions is gone on with by the network that wrote it, in whatever batches or precision, by no other."""

import pytest

from lenext.api.earlier import SOME, Said, compare
from lenext.api.predictions_file import PredictionsFile
from lenext.errors import UsageError

SURE = {"confidence": 0.9, "threshold": 0.5, "novelty": 1.0, "novelty_limit": 2.0}


def now(*probabilities, **more):
    """What a network says now of a.jpg."""
    classes = sorted(zip(("day", "night", "dusk"), probabilities, strict=True), key=lambda one: -one[1])
    predictions = [{"class": name, "probability": each} for name, each in classes]
    return {"path": "a.jpg", "predictions": predictions, "error": None, **more}


def check(said, found, top=1):
    compare("p.csv", [said], [found], top)


@pytest.mark.parametrize(
    ("best", "probability", "found"),
    [
        ("day", 0.86, (0.89, 0.08, 0.03)),  # as bf16 changes it
        ("day", 0.46, (0.44, 0.45, 0.11)),  # two that tie
        ("day", 1.0, (0.9995, 0.0005, 0.0)),
        ("night", 0.05, (0.04, 0.048, 0.03)),  # labels
    ],
)
def test_the_same_network_is_known_again(best, probability, found):
    check(Said("a.jpg", best, probability, 1), now(*found))


@pytest.mark.parametrize(
    ("best", "probability", "found"),
    [
        ("day", 0.9, (0.1, 0.85, 0.05)),
        ("day", 0.99, (0.95, 0.03, 0.02)),
        ("day", 0.4, (0.38, 0.6, 0.02)),
        ("cat", 0.9, (0.9, 0.05, 0.05)),
    ],
)
def test_another_network_is_told_apart(best, probability, found):
    words = rf"p.csv .* of a.jpg it says {best} {probability:.4f}, this network (day|night) {max(found):.4f}"
    with pytest.raises(UsageError, match=words) as said:
        check(Said("a.jpg", best, probability, 1), now(*found))
    assert "take its line out of p.csv" in said.value.remedy


def test_what_cannot_be_read_any_more_is_passed_over():
    gone = {"path": "a.jpg", "predictions": [], "error": {"kind": "unreadable", "message": "There is no such file."}}
    check(Said("a.jpg", "day", 0.9, 1), gone)


def test_other_columns_are_told_apart():
    check(Said("a.jpg", "day", 0.9, 3), now(0.9, 0.06, 0.04), top=5)
    with pytest.raises(UsageError, match="other columns"):
        check(Said("a.jpg", "day", 0.9, 2), now(0.9, 0.06, 0.04), top=5)


@pytest.mark.parametrize(
    ("answer", "level", "doubt", "same"),
    [
        ("day", 0.5, {}, True),
        ("day", 0.6, {}, False),
        ("day", None, {}, True),
        ("unknown", None, {}, False),
        ("unknown", None, {"threshold": 0.89}, True),  # at the edge
        ("unknown", None, {"novelty": 1.9}, True),
    ],
)
def test_another_rule_for_unknown_is_told_apart(answer, level, doubt, same):
    said, found = Said("a.jpg", "day", 0.9, 1, answer, level), now(0.9, 0.06, 0.04, answer="day", doubt=SURE | doubt)
    if same:
        check(said, found)
    else:
        with pytest.raises(UsageError, match="another --unknown"):
            check(said, found)


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl"])
@pytest.mark.parametrize("unknown", [False, True])
def test_a_file_asks_for_its_last_answers(tmp_path, name, unknown):
    """Of what could be read, and no more than a few however long the file is."""
    rule = {"answer": "day", "doubt": SURE} if unknown else {}
    bad = {"path": "z", "predictions": [], "error": {"kind": "empty", "message": "The file is empty."}}
    answers = [now(0.9, 0.06, 0.04, **rule) | {"path": f"{number},\n.jpg"} for number in range(20)]
    with PredictionsFile(tmp_path / name, top=3, unknown=unknown) as file:
        for one in [*answers, bad | dict.fromkeys(rule)]:
            file.write(one)
    with PredictionsFile(tmp_path / name, top=3, unknown=unknown, resume=True) as file:
        assert file.last == [one["path"] for one in answers[-SOME:]]
        file.compare(answers[-SOME:])
        with pytest.raises(UsageError, match="another network"):
            file.compare([now(0.2, 0.7, 0.1, **rule)] * SOME)
