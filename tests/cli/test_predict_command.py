"""``lenext predict``: in the order given, a bad file never hiding another."""

import io
import json
import subprocess
import sys

import pytest


def answers(lenext, *words):
    status, output, _ = lenext("predict", *words, "--json")
    assert status == 0
    return json.loads(output)


def test_files_in_the_order_given(lenext, trained, photos):
    paths = [str(photos / place) for place in ("night/03.png", "day/01.png", "night/00.png")]
    found = answers(lenext, trained, *paths, "--top", "1", "--batch-size", "2")
    assert [row["path"] for row in found] == paths
    assert [row["predictions"][0]["class"] for row in found] == ["night", "day", "night"]
    assert all(row["error"] is None for row in found)


def test_folders_globs_and_a_list(lenext, trained, photos, monkeypatch):
    assert len(answers(lenext, trained, photos)) == 24
    assert len(answers(lenext, trained, f"{photos}/day/0*.png")) == 10
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{photos}/day/00.png\n{photos}/night/00.png\n"))
    assert len(answers(lenext, trained, "-")) == 2


def test_probabilities_are_those_of_all_classes(lenext, trained, photos):
    (found,) = answers(lenext, trained, photos / "day" / "00.png")
    assert {row["class"] for row in found["predictions"]} == {"day", "night"}
    assert sum(row["probability"] for row in found["predictions"]) == pytest.approx(1)


def test_a_bad_file_is_named_and_hides_no_other(lenext, trained, photos, tmp_path):
    (tmp_path / "letter.png").write_text("Dear Mum")
    found = answers(lenext, trained, tmp_path / "letter.png", photos / "day" / "00.png", tmp_path / "gone.png")
    assert [row["error"] and row["error"]["kind"] for row in found] == ["not-an-image", None, "unreadable"]
    assert found[0]["predictions"] == []


def test_nothing_readable_is_bad_data(lenext, trained, tmp_path):
    (tmp_path / "letter.png").write_text("Dear Mum")
    status, _, said = lenext("predict", trained, tmp_path / "letter.png")
    assert status == 3
    assert "letter.png" in said
    status, output, _ = lenext("predict", trained, tmp_path / "letter.png", "--json")
    assert status == 3
    assert [row["error"]["kind"] for row in json.loads(output)] == ["not-an-image"]


def test_lines_for_a_person(lenext, trained, photos):
    status, output, _ = lenext("predict", trained, photos / "day" / "00.png", "--top", "2")
    assert status == 0
    path, first, second = output.rstrip("\n").split("\t")
    assert path.endswith("00.png")
    assert first.startswith("day ")
    assert second.startswith("night ")


def test_wrong_uses(refused, trained, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    assert refused("predict", trained, tmp_path / "empty")[0] == 2
    assert refused("predict", photos, photos / "day" / "00.png")[0] == 4
    assert refused("predict", trained)[0] == 2
    assert refused("predict", trained, photos, "--top", "0")[0] == 2


def test_from_python(trained, photos):
    import lenext

    (found,) = lenext.predict(trained, photos / "day" / "00.png", top=1)
    assert found["predictions"][0]["class"] == "day"
    assert lenext.evaluate(trained, photos)["images"] == 2
    assert lenext.load(trained).network.num_classes == 2


def test_a_name_that_is_no_unicode_stays_json(lenext, trained, photos):
    found = answers(lenext, trained, "\udcff.png", photos / "day" / "00.png")
    assert [row["path"] for row in found] == ["\udcff.png", str(photos / "day" / "00.png")]


def test_a_reader_that_has_seen_enough_is_no_failure(trained, photos):
    command = [sys.executable, "-m", "lenext", "predict", str(trained), *[str(photos)] * 100]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
