"""A search in a run folder: killed in the middle of a trial it goes on with the same suggestions to the same end."""

import json

import numpy as np
import pytest
from PIL import Image

import lenext
from lenext.training import loop

pytest.importorskip("optuna", reason="optuna is not installed")

TRIALS = 3


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Two classes of 12 pictures that differ in brightness."""
    folder, numbers = tmp_path_factory.mktemp("data") / "photos", np.random.default_rng(0)
    for label, level in {"dark": 80, "light": 150}.items():
        (folder / label).mkdir(parents=True)
        for index in range(12):
            pixels = np.clip(level + numbers.integers(-70, 70, (32, 32)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / label / f"{index:02}.png")
    return folder


def tune(photos, out, **more):
    asked = {"model": "lenet5", "epochs": 10, "batch_size": 8, "seed": 3, "validation": 0.3, "threads": 1, "workers": 0}
    return lenext.train(photos, out=out, tune=TRIALS, save_every=0.0, **asked, **more)


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    return out, tune(photos, out)


def trials(out):
    return [json.loads(path.read_text()) for path in sorted((out / "tuning").glob("trial-*.json"))]


def test_every_trial_is_kept_and_the_best_one_trained(whole):
    out, document = whole
    found = trials(out)
    assert [trial["number"] for trial in found] == [0, 1, 2]
    assert all(len(trial["scores"]) == 2 for trial in found)  # a fifth of the length
    best = max(found, key=lambda trial: trial["scores"][-1])
    assert document["recipe"]["optimizer"]["lr"] == best["values"]["optimizer.lr"]
    assert document["epochs"] == 10
    assert document["trials"] == found
    assert any(rule.startswith(f"tuned: trial {best['number'] + 1} of 3") for rule in document["rules"])
    assert json.loads((out / "recipe.json").read_text()) == document["recipe"]
    assert not [path for path in (out / "tuning").iterdir() if path.is_dir()]


def test_killed_in_a_trial_and_in_the_training_it_ends_the_same(whole, photos, tmp_path, monkeypatch):
    out, steps, kills = tmp_path / "run", 0, 0
    learn = loop._Session.step

    def dying(session, *batch):
        nonlocal steps
        steps += 1
        if steps % 9 == 0:
            raise KeyboardInterrupt
        learn(session, *batch)

    monkeypatch.setattr(loop._Session, "step", dying)
    while True:
        try:
            document = tune(photos, out, resume=True)
        except KeyboardInterrupt:
            kills += 1
            continue
        break
    assert kills >= 3
    assert trials(out) == trials(whole[0])
    for name in ("metrics.jsonl", "recipe.json", "run.json"):
        assert (out / name).read_text() == (whole[0] / name).read_text()
    assert document["best"] == whole[1]["best"]


def test_a_tuned_run_is_resumed_by_the_same_command_and_by_none(whole, photos):
    out, document = whole
    assert tune(photos, out, resume=True)["best"] == document["best"]
    assert lenext.train(out=out, resume=True)["trials"] == document["trials"]


def test_another_number_of_trials_is_refused(whole):
    with pytest.raises(lenext.errors.UsageError, match="tune"):
        lenext.train(out=whole[0], resume=True, tune=9)


def test_without_validation_there_is_nothing_to_choose_by(photos, tmp_path):
    with pytest.raises(lenext.errors.DataError, match="validation"):
        lenext.train(photos, model="lenet5", out=tmp_path / "run", tune=2, validation=0.0)
