"""What a run knows of its files holds as long as nothing touched them, and not a moment longer."""

import os
import shutil
import time

import pytest
from pictures import encoded, noise

from lenext.data import scan as scanning
from lenext.data.known import others, read, remembered
from lenext.data.listing import find

LATER = 10**12  # nanoseconds after now: nothing was touched near the first reading


@pytest.fixture
def folder(tmp_path):
    for number in range(8):
        (tmp_path / "ab"[number % 2]).mkdir(exist_ok=True)
        (tmp_path / "ab"[number % 2] / f"{number}.png").write_bytes(encoded(noise(12, 12, number)))
    return tmp_path


def scanned(folder, known=None):
    return scanning.scan(find(str(folder)), known=known)


def known_of(listing, began=None):
    return read(remembered(listing, time.time_ns() + LATER if began is None else began))


@pytest.fixture
def reads(monkeypatch):
    """Names of the files that are read."""
    seen, read = [], scanning.read_file

    def watched(path):
        seen.append(path.name)
        return read(path)

    monkeypatch.setattr(scanning, "read_file", watched)
    return seen


def test_untouched_files_are_not_read_again(folder, reads):
    first = scanned(folder)
    assert len(reads) == 8
    reads.clear()
    assert scanned(folder, known_of(first)) == first
    assert reads == []
    assert first.problems, "they are tiny, which is remarked both times"


def change(path):
    path.write_bytes(encoded(noise(12, 12, 99)))


def change_and_set_the_clock_back(path):
    before, size = path.stat(), len(path.read_bytes())
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert path.stat().st_size == size
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace(path):
    shutil.copy2(path, path.with_name("copy"))
    path.with_name("copy").replace(path)


@pytest.mark.parametrize("touch", [change, change_and_set_the_clock_back, replace])
def test_a_touched_file_is_read_again(touch, folder, reads):
    known = known_of(scanned(folder))
    reads.clear()
    time.sleep(0.05)  # longer than the clock of files ticks
    touch(folder / "a" / "4.png")
    again = scanned(folder, known)
    assert reads == ["4.png"]
    assert again == scanned(folder)


def test_what_was_touched_near_the_first_reading_is_read_again(folder, reads):
    known = known_of(scanned(folder), time.time_ns())
    reads.clear()
    first = scanned(folder, known)
    assert len(reads) == 8
    assert others(first, known) == ""


def test_what_is_other_than_it_is_known_is_named(folder):
    known = known_of(scanned(folder))
    change(folder / "a" / "4.png")
    (folder / "b" / "1.png").rename(folder / "b" / "9.png")
    said = " (gone or unreadable: b/1.png; new: b/9.png; other than they were: a/4.png)"
    assert others(scanned(folder), known) == said
    assert others(scanned(folder), {}) == ""
