"""What somebody meets who has just come: help, mistakes in paths, a folder full of other files, a full disk, Ctrl-C."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

FULL = Path("/dev/full")


@pytest.fixture
def cluttered(tmp_path):
    """Two classes that share one picture, among thirty letters."""
    root = tmp_path / "my photos"
    for number, name in enumerate(("cats", "dogs")):
        (root / name).mkdir(parents=True)
        for place in range(3):
            pixels = np.random.default_rng([number, place]).integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{place}.png")
    Image.open(root / "cats" / "0.png").save(root / "dogs" / "again.png")
    for number in range(30):
        (root / "cats" / f"letter {number:02}.txt").write_text("Dear Mum")
    return root


def test_the_command_alone_says_what_there_is(lenext):
    status, output, said = lenext()
    assert (status, said) == (0, "")
    assert output == lenext("--help")[1]
    assert "\n  train " in output


def test_many_files_of_one_kind_hide_no_other_problem(lenext, cluttered):
    status, output, _ = lenext("check", cluttered)
    assert status == 0
    assert output.count("[not-an-image]") == 20
    assert "and 10 more not-an-image" in output
    assert output.count("[two-classes]") == 2
    heads = next(line for line in output.splitlines() if line.startswith("class "))
    assert heads.split() == ["class", "images"], "no split was made"


def test_a_remark_on_a_format_is_said_a_few_times(lenext, cluttered):
    for number in range(5):
        picture = Image.new("RGBA", (16, 16), (200, 40 * number, 0, 128))
        picture.save(cluttered / "dogs" / f"clear {number}.png")
    _, output, _ = lenext("check", cluttered)
    assert output.count("[transparency]") == 3
    assert "and 2 more transparency" in output


@pytest.mark.parametrize("verb", ["train", "evaluate", "predict", "bench"])
def test_every_option_stands_in_a_group(lenext, verb):
    rest = lenext(verb, "--help")[1].partition("\nOptions:\n")[2]
    assert [line.split()[0].rstrip(",") for line in rest.splitlines()] == ["--quiet", "--json", "-h"]


def test_where_nothing_can_be_written_is_said_before_the_work(refused, cluttered, monkeypatch):
    monkeypatch.setattr("lenext.api.check.checked", None)  # which is not reached
    for option in ("--html", "--fix-list"):
        assert "there is no folder" in refused("check", cluttered, option, cluttered / "none" / "x")[1]["message"]
        assert "is a folder" in refused("check", cluttered, option, cluttered)[1]["message"]


def test_a_path_that_leads_to_no_image_is_named(refused, trained, tmp_path):
    (tmp_path / "empty").mkdir()
    for verb in ("predict", "explain"):
        assert "empty" in refused(verb, trained, tmp_path / "empty")[1]["message"]
        assert "*.tif" in refused(verb, trained, tmp_path / "*.tif")[1]["message"]


def test_a_commands_words_are_quoted(refused, cluttered):
    picture = cluttered / "cats" / "0.png"
    assert f"predict MODEL '{picture}'" in refused("check", picture)[1]["remedy"]


def test_a_name_that_is_nearly_there_is_offered(refused, cluttered):
    assert str(cluttered) in refused("check", f"{cluttered}s")[1]["remedy"]
    assert "mnist" not in refused("check", "nonexist")[1]["remedy"].split("one of")[0]


def test_of_model_and_data_one_is_missing(refused, trained):
    status, error = refused("evaluate", trained)
    assert (status, "MODEL DATA" in error["remedy"]) == (2, True)


def test_a_list_that_windows_wrote(lenext, trained, photos, monkeypatch):
    monkeypatch.setattr(
        "sys.stdin", io.StringIO(f"\ufeff{photos}/day/00.png\r\n\r\n{photos}/night/00.png\r\n", newline="\n")
    )
    status, output, _ = lenext("predict", trained, "-", "--json")
    assert status == 0
    assert [row["error"] for row in json.loads(output)] == [None, None]


def stopping(answers):
    """The first answer, then Ctrl-C."""
    yield next(iter(answers))
    raise KeyboardInterrupt


@pytest.fixture
def staying(monkeypatch):
    """A stopped command ends its process, whatever other threads do; here it is that of the tests."""
    monkeypatch.setattr("lenext.cli.leave", sys.exit)


@pytest.mark.usefixtures("staying")
def test_what_is_stopped_leaves_one_whole_document(lenext, trained, photos, monkeypatch):
    from lenext.api import predict

    whole = predict.answers
    monkeypatch.setattr(predict, "answers", lambda *words: stopping(whole(*words)))
    status, output, said = lenext("predict", trained, photos, "--json")
    assert status == 130
    assert len(json.loads(output)) == 1
    assert "Stopped" in said
    assert "--resume" not in said, "there is no file to go on with"
    status, _, said = lenext("predict", trained, photos, "--out", photos.parent / "answers.csv")
    assert (status, "--resume" in said) == (130, True)


@pytest.mark.usefixtures("staying")
def test_explanations_that_are_stopped_have_their_page(lenext, trained, photos, tmp_path, monkeypatch):
    from lenext.api import explain

    whole = explain.read_ahead
    monkeypatch.setattr(explain, "read_ahead", lambda *words: stopping(whole(*words)))
    status, _, _ = lenext("explain", trained, photos, "--trials", "0", "--out", tmp_path / "why")
    assert status == 130
    assert len(list((tmp_path / "why").glob("*.png"))) == 1
    assert (tmp_path / "why" / "index.html").is_file()


def test_without_an_explanation_there_is_no_page(lenext, trained, tmp_path):
    status, _, said = lenext("explain", trained, tmp_path / "gone.png", "--out", tmp_path / "why")
    assert status == 3
    assert "Look at" not in said
    assert not (tmp_path / "why").exists()


@pytest.mark.skipif(not FULL.exists(), reason="a device of Linux")
def test_standard_output_that_takes_nothing(photos):
    with FULL.open("w") as nowhere:
        done = subprocess.run(
            [sys.executable, "-m", "lenext", "check", photos, "--json"],
            stdout=nowhere, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "No space left" in done.stderr


def test_one_answer_for_all_is_no_skill(lenext, trained, photos, tmp_path):
    """A folder where every picture is of the class that the network answers, but for those of a wrong label."""
    for name in ("day", "night"):
        (tmp_path / "set" / name).mkdir(parents=True)
    for number in range(4):
        picture = photos / "day" / f"{number:02}.png"
        (tmp_path / "set" / ("night" if number == 3 else "day") / f"{number}.png").write_bytes(picture.read_bytes())
    status, output, _ = lenext("evaluate", trained, tmp_path / "set", "--split", "all")
    assert status == 0
    assert "75.0 %" in output.splitlines()[0]
    assert output.splitlines()[1] == "To answer 'day' for every image would be right for 75.0 %."
    assert "for every image" not in lenext("evaluate", trained, photos, "--split", "all")[1]
