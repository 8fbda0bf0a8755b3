"""One decoder, every front door: check, train, evaluate and predict say the same of every hostile picture."""

import csv
import os

import pytest
from hostile_pictures import pictures
from pictures import class_folders

import lenext


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The whole corpus, in turn in two classes, with a few sound pictures; path -> the case."""
    root = class_folders(tmp_path_factory.mktemp("corpus") / "data", {"cat": 8, "dog": 8})
    cases = {}
    for number, case in enumerate(pictures()):
        path = f"{('cat', 'dog')[number % 2]}/{case.name}"
        (root / path).write_bytes(case.data)
        cases[path] = case
    return root, cases


@pytest.fixture(scope="module")
def run(corpus, tmp_path_factory):
    """LeNet-5 after one epoch on what of the corpus can be read."""
    out = tmp_path_factory.mktemp("run") / "run"
    lenext.train(str(corpus[0]), model="lenet5", epochs=1, batch_size=32, channels="3", out=str(out))
    return out


def refusals(problems):
    return {problem["path"]: problem["kind"] for problem in problems if problem.get("action", "left out") == "left out"}


def at_each_door(root, run):
    """What check, evaluate and predict refuse, as path -> reason."""
    predicted = list(lenext.predict(run, str(root)))
    bad = {os.path.relpath(one["path"], root): one["error"]["kind"] for one in predicted if one["error"]}
    yield "check", refusals(lenext.check(str(root))["problems"])
    yield "evaluate", refusals(lenext.evaluate(run, str(root), split="all")["unreadable"])
    yield "predict", bad


def test_every_door_says_the_same(corpus, run):
    root, cases = corpus
    doors = dict(at_each_door(root, run))
    for path, case in cases.items():
        said = {door: refused.get(path, "read") for door, refused in doors.items()}
        assert len(set(said.values())) == 1, (path, said)
        reason = said["check"]
        assert reason in case.reasons if reason != "read" else case.pixels is not None, (path, said)
    with (run / "data.csv").open(encoding="utf-8", newline="") as file:
        trained = {os.path.relpath(os.path.join(run, row["path"]), root) for row in csv.DictReader(file)}
    assert {path for path in trained if path in cases} == cases.keys() - doors["check"].keys()
    assert all(refused.keys() <= cases.keys() for refused in doors.values())
