"""Scanning: every file is looked at once, and what cannot be read is named before training starts."""

import hashlib

import numpy as np
import pytest
from pictures import UPRIGHT, class_folders, encoded, exif, grey16_png, tiny_photo, turned

from lenext.data.listing import find
from lenext.data.scan import scan, summary
from lenext.data.split import with_validation
from lenext.errors import DataError


@pytest.fixture
def pets(tmp_path):
    """The folder of the issue: two sound classes, and one file of every kind of trouble."""
    root = class_folders(tmp_path / "pets", {"cat": 2, "dog": 2, "owl": 0})
    (root / "cat" / "cut.jpg").write_bytes(tiny_photo(7)[:-40])
    (root / "cat" / "text.png").write_text("this is no picture")
    (root / "dog" / "deep.png").write_bytes(grey16_png(np.full((32, 32), 30_000, np.uint16)))
    (root / "dog" / "turned.jpg").write_bytes(encoded(turned(UPRIGHT, 6), "jpeg", exif=exif(6)))
    return root


def test_each_trouble_is_named_and_the_good_ones_stay(pets):
    scanned = scan(find(str(pets)))
    assert [(problem.path, problem.kind, problem.action) for problem in scanned.problems] == [
        ("cat/cut.jpg", "truncated", "left out"),
        ("cat/text.png", "not-an-image", "left out"),
        ("dog/deep.png", "grey16", "used with a remark"),
        ("dog/turned.jpg", "exif", "used with a remark"),
        ("owl", "class-empty", "left out"),
    ]
    assert all(problem.message.endswith(".") for problem in scanned.problems)
    kept = ["cat/000.jpg", "cat/001.jpg", "dog/000.jpg", "dog/001.jpg", "dog/deep.png", "dog/turned.jpg"]
    assert [item.path for item in scanned.items] == kept
    assert [scanned.images.name(index) for index in range(len(scanned.images))] == kept
    assert scanned.classes == ("cat", "dog")


def test_the_turned_one_is_upright_and_the_deep_one_not_white(pets):
    scanned = scan(find(str(pets)))
    images = {item.path: scanned.images.read(index, 3, 255) for index, item in enumerate(scanned.items)}
    assert images["dog/turned.jpg"].shape == (3, 32, 48)
    assert images["dog/deep.png"].unique().tolist() == [117]  # 30,000 / 257


def test_contents_are_recorded(pets):
    scanned = scan(find(str(pets)))
    assert len(scanned.contents) == len(scanned.items)
    found = scanned.contents[-1]
    assert found.sha256 == hashlib.sha256((pets / "dog" / "turned.jpg").read_bytes()).hexdigest()
    assert (found.format, found.width, found.height) == ("JPEG", 48, 32)


def test_the_number_of_threads_changes_nothing(pets):
    listing = find(str(pets))
    assert scan(listing, workers=1) == scan(listing, workers=8)


def test_progress_counts_to_the_end(pets):
    seen = []
    scan(find(str(pets)), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 8) for number in range(1, 9)]


def test_an_interrupted_scan_ends_at_once(pets):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(find(str(pets)), progress=interrupt)


def test_a_class_that_lost_all_its_images_is_named(tmp_path):
    root = class_folders(tmp_path, {"cat": 1, "dog": 1, "owl": 1})
    (root / "owl" / "000.jpg").write_bytes(b"")
    scanned = scan(find(str(root)))
    assert scanned.classes == ("cat", "dog")
    assert [(problem.path, problem.kind) for problem in scanned.problems] == [
        ("owl", "class-empty"),
        ("owl/000.jpg", "empty"),
    ]


def test_a_class_that_a_split_lost_is_missing_there(tmp_path):
    root = class_folders(tmp_path, {"train/cat": 2, "train/dog": 2, "val/cat": 1, "val/dog": 1})
    (root / "val" / "dog" / "000.jpg").write_bytes(b"")
    kinds = {(problem.path, problem.kind) for problem in scan(find(str(root))).problems}
    assert kinds == {("val/dog", "class-missing"), ("val/dog/000.jpg", "empty")}


def test_fewer_than_two_classes_left_is_an_error(tmp_path):
    root = class_folders(tmp_path, {"cat": 1, "dog": 1})
    (root / "dog" / "000.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"one class, 'cat' .*1 empty"):
        scan(find(str(root)))
    (root / "cat" / "000.jpg").write_bytes(b"")
    with pytest.raises(DataError, match="2 empty"):
        scan(find(str(root)))


def test_arrays_are_taken_as_they_are():
    listing = find("digits")
    assert scan(listing) is listing


class TestSummary:
    def test_of_folders(self, pets):
        assert summary(with_validation(scan(find(str(pets))))) == (
            "pets: 6 images in 2 classes, 2 (cat) to 4 (dog) each",
            "sizes: shorter side 24 to 32 pixels, median 24; JPEG 5, PNG 1",
            "splits: train 4, val 2",
            "left out: 1 class-empty, 1 not-an-image, 1 truncated",
            "used with a remark: 1 exif, 1 grey16",
        )

    def test_before_a_scan(self, tmp_path):
        assert summary(find(str(class_folders(tmp_path / "pets", {"cat": 1, "dog": 1})))) == (
            "pets: 2 images in 2 classes, 1 each",
            "splits: none 2",
        )

    def test_of_arrays(self):
        assert summary(find("digits"))[1:] == ("sizes: 8 x 8 pixels, grey", "splits: train 1,438, test 359")
