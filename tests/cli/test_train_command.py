"""``lenext train``: what it leaves, what it says, and every way to use it wrongly."""

import json
import shutil

import pytest
from daylight import COLOURS, draw

from lenext.api.run.folder import RunFolder
from lenext.weights.card import load

QUICK = ("--model", "lenet5", "--epochs", "1")


def test_a_run_folder_holds_what_one_needs_to_resume_and_to_read_it(trained):
    names = {path.name for path in trained.iterdir()}
    assert {"recipe.json", "metrics.jsonl", "checkpoints", "model.safetensors", "report.html", "README.md"} <= names
    assert (trained / "data.csv").read_text().startswith("path,label,split\n")
    assert len((trained / "metrics.jsonl").read_text().splitlines()) == 12


def test_the_card_says_all_that_prediction_needs(trained):
    card = load(trained).card
    assert card.classes == ("day", "night")
    assert card.preprocessing.channels == 1
    assert card.metrics["val"]["top1"].keys() == {"value", "low", "high"}
    assert card.data["counts"]["train"] == {"day": 11, "night": 11}
    assert sorted(card.recipe["deviations"]) == ["batch_size: 128 -> 4", "epochs: 20 -> 12"]


def test_the_document(lenext, photos, tmp_path):
    status, output, said = lenext("train", photos, *QUICK, "--out", tmp_path / "run", "--json")
    document = json.loads(output)
    assert status == 0
    assert document["run"] == str(tmp_path / "run")
    assert (document["model"], document["epochs"], document["steps"]) == ("lenet5", 1, 1)
    assert document["recipe"]["loss"] == {"kind": "RubbishClass", "j": 1.0}
    assert 0 <= document["best"]["top1"]["low"] <= document["best"]["top1"]["value"]
    assert "epoch   1" in said


def test_quiet_is_quiet(lenext, photos, tmp_path):
    assert lenext("train", photos, *QUICK, "--out", tmp_path / "run", "--quiet") == (0, f"{tmp_path / 'run'}\n", "")


def test_the_same_seed_gives_the_same_weights(lenext, photos, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        lenext("train", photos, *QUICK, "--seed", seed, "--workers", len(name), "--out", tmp_path / name)
    first, second, other = ((tmp_path / name / "metrics.jsonl").read_text() for name in "abc")
    assert first == second != other


def test_a_finished_run_is_measured_again_when_it_is_resumed(lenext, trained, photos):
    before = (trained / "model.safetensors").read_bytes()
    status, output, said = lenext("train", photos, "--model", "lenet5", "--out", trained, "--resume", "--json")
    assert status == 0
    assert json.loads(output)["epochs"] == 12
    assert "Training ended with step" in said
    assert "in epoch 13" not in said
    assert (trained / "model.safetensors").read_bytes() == before


def test_resume_needs_no_more_than_the_folder(lenext, trained):
    assert lenext("train", "--resume", "--out", trained)[0] == 0


def test_a_folder_above_splits_is_understood(lenext, tmp_path):
    for split in ("train", "val", "test"):
        draw(tmp_path / "data" / split, COLOURS, count=3)
    status, output, said = lenext("train", tmp_path / "data", *QUICK, "--out", tmp_path / "run", "--json")
    assert status == 0
    assert "6 images in 2 classes" not in said
    assert "18 images in 2 classes" in said
    assert json.loads(output)["best"]["split"] == "test"
    assert load(tmp_path / "run").card.classes == ("day", "night")


class TestWrongUse:
    """One sentence what, one sentence remedy, the right status, nothing left behind."""

    @pytest.fixture(autouse=True)
    def somewhere(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        yield
        assert not (tmp_path / "runs").exists()
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        ("words", "status", "message", "remedy"),
        [
            (("--model", "resnet5"), 2, "no network called 'resnet5'", "resnet50"),
            (("--weights", "a/run"), 2, "no model at a/run", "weight file"),
            (("--weights", "timm:in1k"), 2, "No network was named", "--model"),
            ((*QUICK, "--recipe", "papre"), 2, "no recipe 'papre'", "paper"),
            ((*QUICK, "--set", "optimizer.rl=1"), 2, "no field 'rl'", "lr"),
            ((*QUICK, "--set", "optimizer.lr=fast"), 2, "'fast'", "number"),
            ((*QUICK, "--epochs", "0"), 2, "--epochs is 0", "above zero"),
            ((*QUICK, "--reading", "slim"), 2, "no reading 'slim'", "paper"),
            ((*QUICK, "--option", "shortcut=A"), 2, "no option 'shortcut'", "in_channels"),
            ((*QUICK, "--device", "abacus"), 2, "no device 'abacus'", "--device"),
            (("--model", "vgg11", "--image-size", "8"), 2, "8", "32"),
            ((*QUICK, "--no-such-option"), 2, "--no-such-option", "--help"),
            ((*QUICK, "--seed", "-1"), 2, "seed is -1", "0"),
        ],
    )
    def test_options(self, refused, photos, words, status, message, remedy):
        found, error = refused("train", photos, *words)
        assert found == status
        assert message in error["message"]
        assert remedy in error["remedy"]

    def test_missing_data(self, refused):
        assert refused("train", "nowhere/photos", *QUICK)[0] == 2
        assert "digits" in refused("train", "digts", *QUICK)[1]["remedy"]
        assert refused("train", *QUICK)[0] == 2

    def test_one_class_only(self, refused, tmp_path):
        status, error = refused("train", draw(tmp_path / "data", {"day": (9, 9, 9)}), *QUICK)
        assert (status, error["kind"]) == (3, "data")
        assert "'day'" in error["message"]

    def test_an_empty_folder(self, refused, tmp_path):
        (tmp_path / "data").mkdir()
        assert refused("train", tmp_path / "data", *QUICK)[0] == 3

    def test_a_run_folder_as_data(self, refused, trained):
        status, error = refused("train", trained, *QUICK)
        assert status == 2
        assert f"lenext train DATA --weights {trained}" in error["remedy"]

    def test_a_folder_that_is_in_use(self, refused, photos, tmp_path):
        (tmp_path / "letters").mkdir()
        (tmp_path / "letters" / "mum.txt").write_text("Dear Mum")
        status, error = refused("train", photos, *QUICK, "--out", tmp_path / "letters")
        assert (status, "something else" in error["message"]) == (2, True)
        assert "--resume" not in error["remedy"]
        status, error = refused("train", photos, *QUICK, "--out", tmp_path / "letters", "--resume")
        assert (status, "not a run folder" in error["message"]) == (2, True)
        assert [path.name for path in (tmp_path / "letters").iterdir()] == ["mum.txt"]

    def test_a_run_that_is_there_already(self, refused, trained, photos):
        assert "--resume" in refused("train", photos, *QUICK, "--out", trained)[1]["remedy"]

    def test_resuming_with_another_class_list(self, refused, trained, photos, tmp_path):
        shutil.copytree(photos, tmp_path / "data")
        (tmp_path / "data" / "night").rename(tmp_path / "data" / "dusk")
        status, error = refused("train", tmp_path / "data", "--model", "lenet5", "--out", trained, "--resume")
        assert (status, error["kind"]) == (3, "data")
        assert "night" in error["message"]
        assert "dusk" in error["message"]

    def test_resuming_with_other_pictures(self, refused, trained, photos, tmp_path):
        shutil.copytree(photos, tmp_path / "data")
        (tmp_path / "data" / "night" / "00.png").unlink()
        assert refused("train", tmp_path / "data", "--out", trained, "--resume")[0] == 3

    @pytest.mark.parametrize(("option", "value"), [("--seed", 9), ("--model", "resnet18"), ("--epochs", 3)])
    def test_resuming_with_other_options(self, refused, trained, photos, option, value):
        status, error = refused("train", photos, option, value, "--out", trained, "--resume")
        assert status == 2
        assert "was started with" in error["message"]


class TestBadFiles:
    """Named with their reasons before training starts."""

    @pytest.fixture
    def mixed(self, tmp_path):
        folder = draw(tmp_path / "mixed", COLOURS)
        whole = (folder / "day" / "00.png").read_bytes()
        (folder / "day" / "half.png").write_bytes(whole[: len(whole) // 2])
        (folder / "day" / "letter.png").write_text("Dear Mum")
        (folder / "dusk").mkdir()
        (folder / "day" / ".DS_Store").write_bytes(b"\0")
        return folder

    def test_stop(self, refused, mixed, tmp_path):
        status, error = refused("train", mixed, *QUICK, "--out", tmp_path / "run", "--on-bad", "stop")
        assert (status, error["kind"]) == (3, "data")
        assert error["message"].startswith("2 of the files")
        assert not (tmp_path / "run").exists()

    def test_skip(self, lenext, mixed, tmp_path):
        status, _, said = lenext("train", mixed, *QUICK, "--out", tmp_path / "run", "--on-bad", "skip")
        assert status == 0
        before, _, _ = said.partition("epoch   1")
        for line in ("day/half.png", "[truncated]", "day/letter.png", "[not-an-image]", "dusk", "[class-empty]"):
            assert line in before
        assert load(tmp_path / "run").card.classes == ("day", "night")
        assert "half.png" in (tmp_path / "run" / "report.html").read_text()

    def test_litter_alone_does_not_stop(self, lenext, mixed, tmp_path):
        for name in ("half.png", "letter.png"):
            (mixed / "day" / name).unlink()
        assert lenext("train", mixed, *QUICK, "--out", tmp_path / "run", "--on-bad", "stop")[0] == 0


def test_the_card_says_how_to_repeat_and_to_use_the_run(trained):
    card = (trained / "README.md").read_text(encoding="utf-8")
    assert f"--model lenet5 --recipe {trained / 'recipe.json'}\n" in card
    assert f"lenext predict {trained} image.jpg" in card


@pytest.mark.parametrize("resume", [(), ("--resume",)])
def test_a_file_is_no_run_folder(resume, refused, photos, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert refused("train", photos, *QUICK, "--out", tmp_path / "file", *resume)[0] == 2
    assert refused("train", photos, *QUICK, "--out", tmp_path / ("x" * 300))[0] == 1


@pytest.mark.parametrize(
    "words",
    [("--threads", -1), ("--option", "reading=x"), ("--model", "resnet18", "--image-size", 32, "--batch-size", 1)],
)
def test_what_would_fail_in_the_first_step_is_refused(words, refused, photos, tmp_path):
    assert refused("train", photos, *QUICK, *words, "--out", tmp_path / "run")[0] == 2
    assert not (tmp_path / "run").exists()


def test_a_run_never_replaces_one_that_began_meanwhile(refused, photos, trained, tmp_path, monkeypatch):
    shutil.copytree(trained, tmp_path / "run")
    before = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    folder = RunFolder(tmp_path / "run")
    monkeypatch.setattr("lenext.api.run.prepare.choose_folder", lambda *_: folder)
    assert refused("train", photos, *QUICK, "--out", tmp_path / "run")[0] == 1
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == before


def test_no_color_means_no_colour(lenext, monkeypatch):
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda *_: False)
    assert "\x1b[" in lenext("train")[2].splitlines()[-2]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in lenext("train")[2]


def test_runs_beside_the_classes_are_no_class(lenext, photos, tmp_path, monkeypatch):
    shutil.copytree(photos, tmp_path / "data")
    monkeypatch.chdir(tmp_path / "data")
    assert lenext("train", ".", *QUICK)[0] == 0
    status, output, said = lenext("train", ".", *QUICK, "--on-bad", "stop", "--json")
    assert status == 0
    assert json.loads(output)["run"] == "runs/data-lenet5-2"
    assert "24 images in 2 classes" in said


def test_weights_that_are_lost_are_never_saved_as_a_result(refused, lenext, photos, tmp_path):
    words = ("train", photos, "--model", "resnet20_cifar", "--epochs", "1", "--set", "optimizer.lr=1e30")
    status, error = refused(*words, "--out", tmp_path / "run", "--resume")
    assert (status, error["kind"]) == (1, "failed")
    assert "not a number" in error["message"]
    assert not list((tmp_path / "run" / "checkpoints").glob("epoch-*"))
