"""A second look at the same bytes: quick, true to the first, and never in the way."""

import sqlite3
import threading
import time

import numpy as np
import pytest
from pictures import class_folders, encoded, noise, tiny_photo

from lenext.data import scan as scanning
from lenext.data.cache import Cache, Finding, packed, unpacked
from lenext.data.cache_folder import cache_folder, refusal
from lenext.data.listing import find
from lenext.data.scan import scan
from lenext.data.sketch import sketch


@pytest.fixture
def finding():
    return Finding("PNG", 60, 40, "RGB", (3, 1, 4), ("transparency",), sketch(noise()))


def base(folder):
    return next(folder.glob("*.sqlite"))


def test_what_was_put_is_got_in_the_next_process(tmp_path, finding):
    with Cache(tmp_path) as cache:
        cache.put("a" * 64, finding)
    with Cache(tmp_path) as cache:
        assert cache.get("a" * 64) == finding
        assert cache.get("b" * 64) is None


def test_a_row_with_one_wrong_bit_is_absent(finding):
    data = packed(finding)
    assert unpacked(data) == finding
    for at in range(0, len(data), 7):
        assert unpacked(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]) is None
    assert unpacked(data[:10]) is None
    assert unpacked("text") is None


def test_a_damaged_file_is_begun_anew(tmp_path, finding):
    with Cache(tmp_path) as cache:
        cache.put("a" * 64, finding)
    base(tmp_path).write_bytes(b"this is no database " * 100)
    with Cache(tmp_path) as cache:
        assert cache.get("a" * 64) is None
        cache.put("a" * 64, finding)
    with Cache(tmp_path) as cache:
        assert cache.get("a" * 64) == finding


def test_a_folder_that_cannot_be_made_stops_nobody(tmp_path, finding):
    (tmp_path / "file").write_text("in the way")
    with Cache(tmp_path / "file") as cache:
        cache.put("a" * 64, finding)
        assert cache.get("a" * 64) is None


def test_a_table_of_another_shape_stops_nobody(tmp_path, finding):
    with Cache(tmp_path):
        pass
    with sqlite3.connect(base(tmp_path)) as other:
        other.execute("DROP TABLE pictures")
        other.execute("CREATE TABLE pictures (x)")
    with Cache(tmp_path) as cache:
        cache.put("a" * 64, finding)
        assert cache.get("a" * 64) is None


@pytest.mark.parametrize("when", ["before", "while"])
def test_one_that_another_process_locks_is_called_so_and_waited_for_once(tmp_path, finding, monkeypatch, when):
    monkeypatch.setattr("lenext.data.cache.PATIENCE", 0.3)
    refusal()
    with Cache(tmp_path) as cache:
        cache.put("a" * 64, finding)
    other = sqlite3.connect(base(tmp_path), isolation_level=None)
    if when == "before":
        other.execute("BEGIN EXCLUSIVE")
    with Cache(tmp_path) as cache:
        if when == "while":
            other.execute("BEGIN EXCLUSIVE")
        start = time.monotonic()
        assert [cache.get(f"{number:064}") for number in range(20)] == [None] * 20
        cache.put("b" * 64, finding)
        assert time.monotonic() - start < 20 * 0.3 / 2
    other.close()
    assert "another process has it locked" in (said := refusal())
    assert base(tmp_path).name in said
    assert "make room" not in said
    with Cache(tmp_path) as cache:
        assert cache.get("a" * 64) == finding


def test_two_write_at_once(tmp_path, finding):
    def write(start):
        with Cache(tmp_path) as cache:
            for number in range(start, start + 50):
                cache.put(f"{number:064}", finding)

    threads = [threading.Thread(target=write, args=(start,)) for start in (0, 25, 50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Cache(tmp_path) as cache:
        assert all(cache.get(f"{number:064}") == finding for number in range(100))


def test_the_place_is_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("LENEXT_CACHE", raising=False)
    assert cache_folder() == tmp_path / "xdg" / "lenext"
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


class TestScan:
    @pytest.fixture
    def photos(self, tmp_path):
        root = class_folders(tmp_path / "photos", {"cat": 3, "dog": 2})
        (root / "cat" / "misnamed.png").write_bytes(tiny_photo(99))
        (root / "dog" / "clear.png").write_bytes(encoded(np.full((30, 30, 4), 90, np.uint8)))
        return root

    def test_a_second_scan_decodes_nothing_and_says_the_same(self, photos, tmp_path, monkeypatch):
        with Cache(tmp_path / "cache") as cache:
            first = scan(find(str(photos)), cache=cache)
        monkeypatch.setattr(scanning, "decode", None)
        with Cache(tmp_path / "cache") as cache:
            assert scan(find(str(photos)), cache=cache) == first
        assert {problem.kind for problem in first.problems} == {"wrong-extension", "transparency"}

    def test_a_changed_file_is_seen(self, photos, tmp_path):
        with Cache(tmp_path / "cache") as cache:
            scan(find(str(photos)), cache=cache)
        (photos / "cat" / "000.jpg").write_bytes(tiny_photo(0)[:-40])
        with Cache(tmp_path / "cache") as cache:
            again = scan(find(str(photos)), cache=cache)
        assert ("cat/000.jpg", "truncated") in {(problem.path, problem.kind) for problem in again.problems}
