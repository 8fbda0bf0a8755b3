"""``lenext predict``: in the order given, a bad file never hiding another."""

import io
import json
import os
import subprocess
import sys

import pytest
from daylight import COLOURS, draw

from lenext.cli import main
from lenext.errors import UsageError


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
    assert refused("predict", "", photos)[1]["message"] == "No model was named."
    assert refused("predict", trained, photos, "--top", "0")[0] == 2


def test_from_python(trained, photos):
    import lenext

    (found,) = lenext.predict(trained, photos / "day" / "00.png", top=1)
    assert found["predictions"][0]["class"] == "day"
    assert lenext.evaluate(trained, photos)["images"] == 2
    assert lenext.load(trained).network.num_classes == 2


@pytest.mark.parametrize("asked", [{"top": 0}, {"batch_size": 0}, {"workers": -1}])
def test_counts_that_are_none(trained, photos, asked):
    import lenext

    with pytest.raises(UsageError, match="count from"):
        lenext.predict(trained, str(photos), **asked)


def test_a_name_that_is_no_unicode_stays_json(lenext, trained, photos):
    found = answers(lenext, trained, "\udcff.png", photos / "day" / "00.png")
    assert [row["path"] for row in found] == ["\udcff.png", str(photos / "day" / "00.png")]


def test_a_list_of_names_may_hold_any_bytes(trained, photos):
    command = [sys.executable, "-m", "lenext", "predict", str(trained), "-", "--json"]
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    given = b"\xff.png\n" + os.fsencode(photos / "day" / "00.png") + b"\n"
    done = subprocess.run(command, input=given, env=strict, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [row["path"] for row in json.loads(done.stdout)] == ["\udcff.png", str(photos / "day" / "00.png")]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_names_that_standard_output_cannot_show(trained, photos, tmp_path, options):
    picture = tmp_path / "日本.png"
    picture.write_bytes((photos / "day" / "00.png").read_bytes())
    command = [sys.executable, "-m", "lenext", "predict", str(trained), str(picture), *options]
    narrow = os.environ | {"PYTHONIOENCODING": "latin-1:strict"}
    done = subprocess.run(command, env=narrow, capture_output=True, check=False)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    assert rb"\u65e5\u672c.png" in done.stdout
    if options:
        assert json.loads(done.stdout)[0]["path"] == str(picture)


def test_a_reader_that_has_seen_enough_is_no_failure(trained, photos):
    command = [sys.executable, "-m", "lenext", "predict", str(trained), *[str(photos)] * 100]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """A LeNet-5 that takes day for night."""
    folder = tmp_path_factory.mktemp("turned")
    photos = draw(folder / "photos", dict(zip(COLOURS, reversed(COLOURS.values()), strict=True)))
    words = ["train", str(photos), "--model", "lenet5", "--epochs", "12", "--batch-size", "4", "--quiet"]
    with pytest.raises(SystemExit) as left:
        main([*words, "--out", str(folder / "run")])
    assert left.value.code == 0
    return folder / "run"


def test_a_file_is_not_gone_on_with_by_another_network(lenext, refused, trained, turned, photos, tmp_path, monkeypatch):
    out = tmp_path / "p.csv"
    assert lenext("predict", trained, photos / "day", "--out", out)[0] == 0
    before = out.read_bytes()
    for paths in (photos, tmp_path / "gone.png"):
        status, error = refused("predict", turned, paths, "--out", out, "--resume")
        assert status == 2
        assert f"{photos}/day" in error["message"]
    assert out.read_bytes() == before
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{photos}\n"))
    again = ("--out", out, "--resume", "--batch-size", "3", "--json")
    status, output, _ = lenext("predict", trained, "-", *again)
    assert status == 0
    found = json.loads(output)
    assert (found["images"], found["before"], found["unreadable"]) == (12, 12, 0)
    assert len(out.read_text().splitlines()) == 25
