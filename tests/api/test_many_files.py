"""Whether many files are meant decides if an exported network is shown them in fours."""

import io

import pytest

from lenext.api.predict import are_many
from lenext.cli.options import paths_of


@pytest.mark.parametrize(
    ("given", "many"), [(["a.jpg"], False), (["a.jpg"] * 3, False), (["a.jpg"] * 4, True), (["pictures/*.jpg"], True)]
)
def test_files_are_counted_and_globs_are_many(given, many):
    assert are_many(given) == many


def test_a_folder_is_many(tmp_path):
    assert are_many([tmp_path])


def test_what_comes_one_by_one_is_left_to_come(tmp_path):
    waiting = iter([str(tmp_path)])
    assert not are_many(waiting)
    assert next(waiting) == str(tmp_path)


def test_only_standard_input_comes_one_by_one(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("b.jpg\n\nc.jpg\n"))
    assert paths_of(["a.jpg", ""]) == ["a.jpg"]
    assert list(paths_of(["a.jpg", "-", "d.jpg"])) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
