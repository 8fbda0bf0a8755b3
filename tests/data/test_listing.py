"""``find``: what a word or path on the command line means as data, and what is said when it means none."""

import os
import shutil

import numpy as np
import pytest
from pictures import class_folders, tiny_photo

from lenext.data.images import FileImages
from lenext.data.item import Item
from lenext.data.listing import assemble, find, fingerprint, part
from lenext.data.scan import scan
from lenext.errors import DataError, UsageError


def refused(error, spec):
    with pytest.raises(error) as caught:
        find(str(spec))
    assert caught.value.message.count(". ") == 0
    assert caught.value.remedy
    return f"{caught.value.message} {caught.value.remedy}"


def problems(listing):
    return {(problem.path, problem.kind) for problem in listing.problems}


class TestParts:
    @pytest.fixture
    def listing(self, tmp_path):
        class_folders(tmp_path / "train", {"cat": 2, "dog": 1})
        class_folders(tmp_path / "val", {"dog": 1, "cat": 1})
        return find(str(tmp_path))

    def test_indices_labels_and_names_belong_together(self, listing):
        chosen = part(listing, "val")
        assert chosen.names == ("val/cat/000.jpg", "val/dog/000.jpg")
        assert [listing.images.name(index) for index in chosen.indices] == list(chosen.names)
        assert [listing.classes[label] for label in chosen.labels] == ["cat", "dog"]
        assert chosen.indices.dtype == chosen.labels.dtype == np.int64
        assert len(chosen) == 2

    def test_all_of_it_and_nothing_of_it(self, listing):
        assert part(listing, None).indices.tolist() == [0, 1, 2, 3, 4]
        assert len(part(listing, "test")) == 0

    def test_images_of_no_split_are_for_training(self, tmp_path):
        listing = find(str(class_folders(tmp_path, {"cat": 1, "dog": 1})))
        assert listing.splits == ("train",)
        assert len(part(listing, "train")) == 2

    def test_a_class_that_a_split_lacks_is_named(self, tmp_path):
        class_folders(tmp_path / "train", {"cat": 1, "dog": 1})
        class_folders(tmp_path / "test", {"cat": 1, "owl": 1})
        listing = find(str(tmp_path))
        assert listing.classes == ("cat", "dog", "owl")
        assert problems(listing) == {("train/owl", "class-missing"), ("test/dog", "class-missing")}


class TestFingerprint:
    def test_it_does_not_depend_on_the_place_or_on_scanning(self, tmp_path):
        class_folders(tmp_path / "a", {"cat": 2, "dog": 2})
        shutil.copytree(tmp_path / "a", tmp_path / "b")
        one, other = find(str(tmp_path / "a")), find(str(tmp_path / "b"))
        assert fingerprint(one) == fingerprint(other) == fingerprint(scan(one))

    def test_it_depends_on_content_name_class_and_split(self, tmp_path):
        class_folders(tmp_path, {"cat": 2, "dog": 2})
        listing = find(str(tmp_path))
        seen = {fingerprint(listing)}
        for item in (
            Item("cat/000.jpg", "cat", "val"),
            Item("cat/000.jpg", "dog", ""),
        ):
            items = (item, *listing.items[1:])
            seen.add(fingerprint(assemble("x", tmp_path, "csv", items, listing.images, ())))
        (tmp_path / "cat" / "000.jpg").write_bytes(tiny_photo(99))
        seen.add(fingerprint(find(str(tmp_path))))
        (tmp_path / "cat" / "000.jpg").rename(tmp_path / "cat" / "0.jpg")
        seen.add(fingerprint(find(str(tmp_path))))
        assert len(seen) == 5

    def test_that_of_the_digits_is_known(self):
        assert fingerprint(find("digits")) == fingerprint(find("digits"))
        assert fingerprint(find("digits")).startswith(DIGITS_FINGERPRINT)


DIGITS_FINGERPRINT = "d2a8c339d4ae2d9c"  # a change of it makes every stored run of the digits another data set's


class TestNames:
    def test_a_built_in_name_wins_over_a_local_folder_without_a_separator(self, tmp_path, monkeypatch):
        class_folders(tmp_path / "digits", {"cat": 1, "dog": 1})
        monkeypatch.chdir(tmp_path)
        assert find("digits").layout == "built-in"
        assert find("Digits").layout == "built-in"
        assert find(f".{os.sep}digits").classes == ("cat", "dog")
        assert find("digits/").classes == ("cat", "dog")

    def test_the_name_of_a_listing_is_the_folders(self, tmp_path, monkeypatch):
        monkeypatch.chdir(class_folders(tmp_path / "pets", {"cat": 1, "dog": 1}))
        assert find(".").name == "pets"

    def test_an_unknown_name(self):
        assert "mnist" in refused(UsageError, "mnits")
        assert "fashion-mnist" in refused(UsageError, "/no/such/folder")
        refused(UsageError, "~nobody-of-this-name/photos")
        refused(UsageError, "zero\0byte")
        assert "built-in name" in refused(UsageError, "")
        refused(UsageError, "x" * 5000)

    def test_a_run_folder(self, tmp_path):
        (tmp_path / "model.safetensors").touch()
        assert "run folder" in refused(UsageError, tmp_path)

    def test_a_weight_file_one_image_an_archive_a_device(self, tmp_path):
        for name in ("m.safetensors", "a.jpg", "a.txt"):
            (tmp_path / name).touch()
        (tmp_path / "photos.zip").write_bytes(b"PK\3\4")
        assert "weight file" in refused(UsageError, tmp_path / "m.safetensors")
        assert "lenext predict" in refused(UsageError, tmp_path / "a.jpg")
        assert "Unpack" in refused(UsageError, tmp_path / "photos.zip")
        assert "not a data set" in refused(UsageError, tmp_path / "a.txt")
        assert "neither a folder nor a file" in refused(UsageError, "/dev/null")


class TestUnusable:
    def test_an_empty_folder(self, tmp_path):
        assert "No image was found" in refused(DataError, tmp_path)

    def test_one_class(self, tmp_path):
        assert "'cat'" in refused(DataError, class_folders(tmp_path, {"cat": 3}))

    def test_images_without_class_folders(self, tmp_path):
        for number in range(3):
            (tmp_path / f"{number}.jpg").write_bytes(tiny_photo(number))
        assert "The 3 images" in refused(DataError, tmp_path)

    def test_what_was_left_out_is_counted(self, tmp_path):
        (tmp_path / "cat").mkdir()
        (tmp_path / "cat" / "notes.txt").touch()
        assert "1 not-an-image" in refused(DataError, tmp_path)


def test_classes_and_items_come_in_a_stable_order(tmp_path):
    class_folders(tmp_path, {"b": 2, "a": 1, "c10": 1, "c9": 1})
    listing = find(str(tmp_path))
    assert listing.classes == ("a", "b", "c10", "c9")
    assert [item.path for item in listing.items] == ["a/000.jpg", "b/000.jpg", "b/001.jpg", "c10/000.jpg", "c9/000.jpg"]
    assert isinstance(listing.images, FileImages)
    assert listing.images.paths == tuple(item.path for item in listing.items)
