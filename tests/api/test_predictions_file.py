"""A file of predictions goes on where it was stopped, and says no more than it holds."""

import csv
import fcntl
import json
import os
from itertools import product

import pytest

from lenext.api.predictions_file import PredictionsFile
from lenext.errors import Failed, UsageError

PATHS = ["a\r.jpg", 'b "two"\nlines.jpg', "\udcff.jpg", "d,e.jpg"]


def answer(path, classes=("day", "night")):
    predictions = [{"class": name, "probability": 0.5} for name in classes]
    return {"path": path, "predictions": predictions, "error": None}


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl"])
@pytest.mark.parametrize("cut", [1, 9, 30])
def test_a_file_that_was_cut_goes_on(tmp_path, name, cut):
    path = tmp_path / name
    with PredictionsFile(path, top=2) as file:
        for one in PATHS:
            file.write(answer(one))
        file.finish()
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with PredictionsFile(path, top=2, resume=True) as file:
        missing = [one for one in PATHS if one not in file]
        assert 1 <= len(missing) <= 2
        for one in missing:
            file.write(answer(one))
    assert path.read_bytes() == whole


def test_csv_and_lines_can_be_read_by_others(tmp_path):
    bad = {"path": "x", "predictions": [], "error": {"kind": "empty", "message": "The file is empty."}}
    for name in ("p.csv", "p.jsonl"):
        with PredictionsFile(tmp_path / name, top=1) as file:
            file.write(answer('say "cheese".png', ("day",)))
            file.write(bad)
    with (tmp_path / "p.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [row["path"] for row in rows] == ['say "cheese".png', "x"]
    assert [(row["class"], row["error"]) for row in rows] == [("day", ""), ("", "empty")]
    assert [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()][1] == bad


def test_wrong_files_are_refused(tmp_path):
    (tmp_path / "p.csv").write_text("name,age\nAnna,30\n")
    (tmp_path / "p.jsonl").write_text("[]\n")
    with pytest.raises(UsageError, match="already there"):
        PredictionsFile(tmp_path / "p.csv", top=1)
    with pytest.raises(UsageError, match="does not hold predictions"):
        PredictionsFile(tmp_path / "p.csv", top=1, resume=True)
    with pytest.raises(UsageError, match="does not hold predictions"):
        PredictionsFile(tmp_path / "p.jsonl", top=1, resume=True)
    with pytest.raises(UsageError, match="neither"):
        PredictionsFile(tmp_path / "p.txt", top=1)
    with pytest.raises(Failed):
        PredictionsFile(tmp_path / "no" / "p.csv", top=1)
    assert (tmp_path / "p.csv").read_text() == "name,age\nAnna,30\n"


def test_what_is_no_file_is_not_gone_on_with(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to("/dev/full")
    (tmp_path / "folder.csv").mkdir()
    for name, resume in product(("pipe.csv", "link.csv", "folder.csv"), (True, False)):
        with pytest.raises(UsageError, match="folder, device or pipe"):
            PredictionsFile(tmp_path / name, top=1, resume=resume)


def test_a_header_that_was_cut_is_written_whole(tmp_path):
    (tmp_path / "p.csv").write_text("path,err")
    with PredictionsFile(tmp_path / "p.csv", top=1, resume=True) as file:
        file.write(answer("a.jpg", ("day",)))
    assert (tmp_path / "p.csv").read_text().splitlines() == ["path,error,class,probability", "a.jpg,,day,0.5"]


def test_two_do_not_write_one_file(tmp_path):
    with PredictionsFile(tmp_path / "p.csv", top=1) as file:
        file.write(answer("a.jpg", ("day",)))
        with pytest.raises(Failed, match="Another process is writing"):
            PredictionsFile(tmp_path / "p.csv", top=1, resume=True)
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 2


def test_what_was_begun_in_vain_is_not_there(tmp_path):
    with pytest.raises(OSError, match="stopped"), PredictionsFile(tmp_path / "p.csv", top=1):
        raise OSError("stopped")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "q.csv").touch()
    with PredictionsFile(tmp_path / "q.csv", top=1, resume=True):
        pass
    assert (tmp_path / "q.csv").exists()


def test_what_another_removes_meanwhile_is_not_written_to(tmp_path, monkeypatch):
    """Its answers would be nowhere."""
    real = fcntl.flock

    def late(file, how):
        (tmp_path / "p.csv").unlink()  # as another does, which began in vain
        real(file, how)

    monkeypatch.setattr("fcntl.flock", late)
    with pytest.raises(Failed, match="Another process is writing"):
        PredictionsFile(tmp_path / "p.csv", top=1)


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl"])
@pytest.mark.parametrize(
    "words", [b"a note without an end", b"x" * 200_000 + b"\n", b'{"paths": 1}'], ids=["note", "long", "keys"]
)
def test_a_file_of_something_else_stays_as_it_is(tmp_path, name, words):
    (tmp_path / name).write_bytes(words)
    with pytest.raises(UsageError, match="does not hold predictions"):
        PredictionsFile(tmp_path / name, top=1, resume=True)
    assert (tmp_path / name).read_bytes() == words
