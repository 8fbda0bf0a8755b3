"""One decoder, five front doors: check, train, evaluate, predict and export say the same of every hostile file."""

import csv
import os

import pytest
from hostile_pictures import pictures
from hostile_trees import SOUND, TREES
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
    """What check, evaluate, predict and export refuse, as path -> reason."""
    predicted = list(lenext.predict(run, str(root)))
    bad = {os.path.relpath(one["path"], root): one["error"]["kind"] for one in predicted if one["error"]}
    given = {"calibrate": str(root), "int8": True, "limit": 1.0, "out": str(run.with_name("onnx"))}
    yield "check", refusals(lenext.check(str(root))["problems"])
    yield "evaluate", refusals(lenext.evaluate(run, str(root), split="all")["unreadable"])
    yield "predict", bad
    yield "export", refusals(lenext.export(run, to="onnx", **given)["unreadable"])


def trained_on(root, run):
    """The paths that the run learnt or validated."""
    with (run / "data.csv").open(encoding="utf-8", newline="") as file:
        return {os.path.relpath(os.path.join(run, row["path"]), root) for row in csv.DictReader(file)}


def test_every_door_says_the_same(corpus, run):
    root, cases = corpus
    doors = dict(at_each_door(root, run))
    for path, case in cases.items():
        said = {door: refused.get(path, "read") for door, refused in doors.items()}
        assert len(set(said.values())) == 1, (path, said)
        reason = said["check"]
        assert reason in case.reasons if reason != "read" else case.pixels is not None, (path, said)
    assert {path for path in trained_on(root, run) if path in cases} == cases.keys() - doors["check"].keys()
    assert all(refused.keys() <= cases.keys() for refused in doors.values())


@pytest.fixture(scope="module")
def forest(tmp_path_factory):
    """All hostile trees in one, but those that hold a file of the same name; what is read, and (path, kind) refused."""
    root = class_folders(tmp_path_factory.mktemp("forest") / "data", {"cat": 2, "dog": 2})
    read, refused = {*SOUND}, set()
    for tree in TREES:
        if tree.name != "picture under another name":
            tree.make(root)
            read |= tree.read
            refused |= tree.named
    return root, read, refused


def test_every_door_says_the_same_of_every_tree(forest, tmp_path):
    root, read, refused = forest
    run = tmp_path / "run"
    lenext.train(str(root), model="lenet5", epochs=1, batch_size=8, channels="3", out=str(run))
    doors = dict(at_each_door(root, run))
    assert doors.pop("check") == dict(refused)
    seldom = {path: kind for path, kind in refused if kind not in ("litter", "class-empty")}  # take no picture away
    assert doors.pop("evaluate") == doors.pop("export") == seldom
    # predict reads what has no class, and passes over what is called like no picture
    assert doors.pop("predict") == {
        path: kind for path, kind in seldom.items() if path not in ("stray.jpg", "cat/a.txt")
    }
    assert trained_on(root, run) == read
