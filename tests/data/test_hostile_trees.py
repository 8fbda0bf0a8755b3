"""Hostile folders: what is sound is read, what is not is named, nothing hangs, and nothing escapes."""

import os
import time

import pytest
from confined import confined
from hostile_trees import SOUND, TREES
from pictures import class_folders, encoded

from lenext.data.decode import read_image
from lenext.data.listing import find
from lenext.data.scan import scan
from lenext.errors import ImageError


def test_there_are_enough_of_them():
    assert len(TREES) >= 20
    assert len({tree.name for tree in TREES}) == len(TREES)


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree.name)
def test_what_is_read_and_what_is_named(tree, tmp_path):
    root = tree.build(tmp_path / "tree")
    outcome = confined(lambda: seen(root))
    assert (outcome.signal, outcome.error) == (0, None)
    assert outcome.answer == ({*SOUND, *tree.read}, {*tree.named})
    assert outcome.seconds < 2
    assert outcome.megabytes < 200


def seen(root):
    """Paths that are read, and (path, kind) of every problem."""
    scanned = scan(find(str(root)))
    for index in range(len(scanned.items)):
        scanned.images.read(index, 3, 255)
    problems = {(problem.path, problem.kind) for problem in scanned.problems if problem.kind != "tiny"}
    return {item.path for item in scanned.items}, problems


def test_a_file_that_vanishes_between_listing_and_scan_is_named(tmp_path):
    root = class_folders(tmp_path, {"cat": 2, "dog": 2})
    listing = find(str(root))
    (root / "cat" / "000.jpg").unlink()
    (root / "dog" / "000.jpg").unlink()
    os.mkfifo(root / "dog" / "000.jpg")
    scanned = scan(listing)
    assert [(problem.path, problem.kind) for problem in scanned.problems] == [
        ("cat/000.jpg", "unreadable"),
        ("dog/000.jpg", "special-file"),
    ]
    assert [item.path for item in scanned.items] == ["cat/001.jpg", "dog/001.jpg"]


def test_a_file_that_vanishes_after_the_scan_is_an_error_with_its_name_and_never_another_picture(tmp_path):
    root = class_folders(tmp_path, {"cat": 2, "dog": 2})
    scanned = scan(find(str(root)))
    (root / "cat" / "001.jpg").unlink()
    with pytest.raises(ImageError) as caught:
        scanned.images.read(1, 3, 255)
    assert caught.value.path == str(root / "cat" / "001.jpg")
    assert caught.value.reason == "unreadable"


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(encoded())
    honest = os.fstat

    def short(descriptor):
        found = list(honest(descriptor))
        found[6] -= 10  # the size
        return os.stat_result(found)

    monkeypatch.setattr(os, "fstat", short)
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert caught.value.reason == "unreadable"
    assert "changed" in caught.value.message


def test_a_pipe_behind_a_link_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.jpg").symlink_to("pipe")
    start = time.monotonic()
    with pytest.raises(ImageError) as caught:
        read_image(tmp_path / "a.jpg")
    assert caught.value.reason == "special-file"
    assert time.monotonic() - start < 2
