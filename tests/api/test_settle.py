"""What a run finds out first is kept: in its folder, over a kill in between, and in what it says."""

import json
import sys
from types import SimpleNamespace

import pytest

import lenext
from lenext.api.run.folder import RunFolder
from lenext.api.run.settle import merged, shortened
from lenext.errors import DataError, UsageError
from lenext.training.practical import practical
from lenext.training.probe import Speed
from lenext.weights.durable import MANIFEST, write_folder

DIGITS = {"model": "lenet5", "epochs": 2, "threads": 1, "workers": 0}


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """A run of digits with a rate that was found and a limit of time in which it fits."""
    out = tmp_path_factory.mktemp("settled") / "run"
    return out, lenext.train("digits", out=out, find_rate=True, time_limit="30m", **DIGITS)


def test_changes_that_follow_each_other_are_one():
    before = ("optimizer.lr: 0.1 -> 0.2", "epochs: 5 -> 9", "clip: None -> 1.0")
    after = ("optimizer.lr: 0.2 -> 0.3", "epochs: 9 -> 5", "batch_size: 8 -> 4")
    assert sorted(merged(before, after)) == ["batch_size: 8 -> 4", "clip: None -> 1.0", "optimizer.lr: 0.1 -> 0.3"]


def test_the_rate_is_used_recorded_and_its_curve_kept(settled):
    out, document = settled
    sweep = json.loads((out / "rates.json").read_text())
    assert document["recipe"]["optimizer"]["lr"] == sweep["found"]
    assert document["sweep"] == sweep
    assert any(rule.startswith("rate found: ") for rule in document["rules"])
    assert any(line.startswith("optimizer.lr: ") and line.endswith(f"-> {sweep['found']!r}")
               for line in document["deviations"])  # fmt: skip
    assert "Found out first" in (out / "report.html").read_text()


def test_a_limit_in_which_all_fits_changes_nothing(settled):
    _, document = settled
    assert (document["epochs"], document["stopped"]) == (2, None)
    assert any(rule.startswith("time limit 30 min") and "all of the recipe fits" in rule for rule in document["rules"])


def test_the_folder_says_what_was_asked_and_what_was_found(settled):
    run, recipe = RunFolder(settled[0]).read()
    assert (run["settled"], run["time_limit"], run["find_rate"]) == (True, 1800.0, True)
    assert 1000 < run["end"] < 1800
    assert run["base"]["optimizer"]["lr"] != recipe.optimizer.lr


def test_the_same_command_resumes_it_and_another_is_refused(settled):
    out, document = settled
    again = lenext.train("digits", out=out, resume=True, find_rate=True, time_limit="1800", **DIGITS)
    assert again["best"] == document["best"]
    with pytest.raises(UsageError, match="time_limit"):
        lenext.train(out=out, resume=True, time_limit="2h")


def test_a_kill_while_it_is_written_down_leaves_the_old_or_the_new(settled):
    folder = RunFolder(settled[0])
    run, recipe = folder.read()
    files = {
        name: (folder.path / name).read_bytes() for name in json.loads((folder.path / MANIFEST).read_text())["files"]
    }
    changed = json.dumps({**run, "end": 99.0}).encode()
    write_folder(folder.path / "settled", {**files, "run.json": changed})
    (folder.path / "run.json").write_bytes(changed)  # killed here: the manifest is still the old one
    assert folder.read()[0]["end"] == 99.0
    assert not (folder.path / "settled").exists()
    folder.settle(run, recipe)
    assert folder.read() == (run, recipe)


def test_no_time_at_all_is_said(tmp_path):
    with pytest.raises(UsageError, match="no time for a single step") as refused:
        lenext.train("digits", out=tmp_path / "run", time_limit="5s", **DIGITS)
    assert "--time-limit" in refused.value.remedy
    assert not (tmp_path / "run").exists()  # so that the same command with a longer one can begin


def test_a_search_without_its_package_or_validation_leaves_nothing(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="compares by validation images"):
        lenext.train("digits", out=tmp_path / "run", tune=2, validation=0.0, **DIGITS)
    assert not (tmp_path / "run").exists()
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match="needs the package optuna"):
        lenext.train(tmp_path / "nowhere", out=tmp_path / "run", tune=2, **DIGITS)


@pytest.mark.parametrize(("seconds", "steps"), [(2000.0, 1230), (420.0, 410), (30.0, 30)])
def test_what_fits_is_whole_epochs_or_the_steps_of_less_than_one(seconds, steps):
    job = SimpleNamespace(recipe=practical(32), steps_per_epoch=41, steps=1230, validation=None)
    recipe, rule = shortened(job, Speed(per_step=1.0, per_test_image=0.0), seconds)
    assert (recipe.iterations or recipe.epochs * 41) == steps
    assert "a step takes 1 s" in rule


def test_less_than_a_step_is_none():
    job = SimpleNamespace(recipe=practical(32), steps_per_epoch=41, steps=1230, validation=None)
    assert shortened(job, Speed(per_step=1.0, per_test_image=0.0), 0.5)[0] is None


def test_a_schedule_that_prints_its_rates_takes_none(tmp_path):
    with pytest.raises(UsageError, match="prints every rate itself"):
        lenext.train("digits", model="lenet5", recipe="paper", out=tmp_path / "run", find_rate=True, epochs=1)


def test_a_network_that_no_step_would_call_is_not_compiled(tmp_path, monkeypatch):
    """LeNet-5's steps on single images are written out: a program beside them would be one that nobody asks."""
    monkeypatch.setattr("lenext.api.run.prepare.compiler_missing", lambda _: None)
    paper = {**DIGITS, "recipe": "paper", "epochs": 1}
    with pytest.raises(UsageError, match="nothing to compile: steps on single images") as refused:
        lenext.train("digits", out=tmp_path / "run", compile="on", **paper)
    assert refused.value.remedy
    assert not (tmp_path / "run").exists()
    document = lenext.train("digits", out=tmp_path / "run", compile="auto", **paper)
    assert "not compiled: steps on single images are written out for this network" in document["rules"]
