"""What is kept stays within its limit: what was used longest ago goes first, what was used within a day never."""

import errno
import os
import time

import pytest

from lenext.data.cache_folder import cache_folder, keep, refusal, thin, used

MIB = 2**20


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four things of 1 MiB, used 5, 4, 3 days and 1 hour ago; the second is a folder. There is room for 2.5 MiB."""
    monkeypatch.setenv("LENEXT_CACHE_GIB", str(2.5 / 1024))
    folder = tmp_path / "kept"
    for name in ("five", "four/graph", "three", "now"):
        keep(folder / name, bytes(MIB))
    for name, days in (("five", 5), ("four", 4), ("three", 3), ("now", 1 / 24)):
        aged(folder / name, days)
    return folder


def aged(path, days):
    then = time.time() - days * 24 * 3600
    os.utime(path, (then, then))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_was_used_longest_ago_goes_first(folder):
    thin([folder])
    assert names(folder) == ["now", "three"]
    thin([folder])
    assert names(folder) == ["now", "three"]


def test_what_is_used_stays(folder):
    used(folder / "five")
    thin([folder])
    assert names(folder) == ["five", "now"]


def test_what_was_used_within_a_day_stays_however_much_it_is(folder, monkeypatch):
    monkeypatch.setenv("LENEXT_CACHE_GIB", "0")
    thin([folder])
    assert names(folder) == ["now"]


def test_what_is_needed_now_is_spared(folder):
    thin([folder], spared={"five"})
    assert names(folder) == ["five", "now"]


def test_what_a_killed_process_left_goes_in_any_case(folder, monkeypatch):
    monkeypatch.setenv("LENEXT_CACHE_GIB", "4")
    keep(folder / "export.part" / ".unfinished-onnx" / "graph", bytes(MIB))
    keep(folder / "writing.part", bytes(MIB))
    aged(folder / "export.part", 2)
    thin([folder])
    assert names(folder) == ["five", "four", "now", "three", "writing.part"]


@pytest.mark.parametrize("said", ["", "much", "4", "nan"])
def test_an_odd_limit_takes_nothing_away(folder, monkeypatch, said):
    monkeypatch.setenv("LENEXT_CACHE_GIB", said)
    thin([folder])
    assert len(names(folder)) == 4


def test_what_cannot_be_taken_away_disturbs_nobody(folder, tmp_path, monkeypatch):
    thin([tmp_path / "nowhere"])
    used(tmp_path / "nowhere")

    def refuse(*_, **__):
        raise PermissionError

    monkeypatch.setattr("os.unlink", refuse)
    thin([folder])
    assert len(names(folder)) == 4


def test_what_could_not_be_kept_is_said_once_with_the_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path / "file"))
    refusal()
    keep(cache_folder() / "first", b"kept")
    assert refusal() == ""
    (tmp_path / "file" / "first").unlink()
    (tmp_path / "file").rmdir()
    (tmp_path / "file").touch()
    keep(cache_folder() / "engines" / "first", b"kept")
    keep(cache_folder() / "engines" / "second", b"kept")
    said = refusal()
    assert str(tmp_path / "file") in said
    assert "Not a directory" in said
    assert "see that you may write there, or name another folder in $LENEXT_CACHE" in said
    assert refusal() == ""


def test_a_full_disk_needs_room(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    refusal()
    keep(tmp_path / "first", b"kept")
    assert "(No space left on device)" in (said := refusal())
    assert "make room there" in said


def test_a_user_without_a_home_has_a_cache_that_keeps_nothing(monkeypatch):
    for name in ("LENEXT_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(*_):
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    refusal()
    keep(cache_folder() / "first", b"kept")
    assert "Not a directory" in refusal()
