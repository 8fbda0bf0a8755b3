"""Reading folders: classes, splits, and everything else that lies about in folders of photos."""

import os

import pytest
from pictures import class_folders, is_root, tiny_photo

from lenext.data.folder import walk
from lenext.errors import DataError


def found(root):
    """(layout, {path: (label, split)}, {(path, kind)})."""
    layout, items, problems = walk(root)
    return (
        layout,
        {item.path: (item.label, item.split) for item in items},
        {(problem.path, problem.kind) for problem in problems},
    )


PETS = {"cat/000.jpg": ("cat", ""), "dog/000.jpg": ("dog", "")}


@pytest.fixture
def pets(tmp_path):
    return class_folders(tmp_path, {"cat": 1, "dog": 1})


class TestClasses:
    def test_a_folder_is_a_class(self, pets):
        assert found(pets) == ("class folders", PETS, set())

    def test_files_at_any_depth_belong_to_the_class(self, pets):
        class_folders(pets / "cat", {"2024/may": 1})
        assert found(pets)[1]["cat/2024/may/000.jpg"] == ("cat", "")

    def test_an_empty_class_is_named_and_is_no_class(self, pets):
        (pets / "owl" / "deep").mkdir(parents=True)
        assert found(pets) == ("class folders", PETS, {("owl", "class-empty")})

    def test_images_beside_the_class_folders(self, pets):
        (pets / "stray.jpg").write_bytes(tiny_photo(1))
        (pets / "notes.docx").touch()
        assert found(pets) == ("class folders", PETS, {("stray.jpg", "no-class"), ("notes.docx", "not-an-image")})

    def test_names_in_decomposed_characters_are_the_same_class(self, tmp_path):
        class_folders(tmp_path, {"train/caf\u00e9": 1, "val/cafe\u0301": 1})
        assert {label for label, _ in found(tmp_path)[1].values()} == {"caf\u00e9"}

    def test_a_file_without_a_known_extension_may_be_an_image(self, pets):
        for name in ("photo", "photo.heic", "IMG.0001", "PHOTO.JPG"):
            (pets / "cat" / name).write_bytes(tiny_photo(1))
        assert set(found(pets)[1]) == {*PETS, "cat/photo", "cat/photo.heic", "cat/IMG.0001", "cat/PHOTO.JPG"}


class TestSplits:
    @pytest.mark.parametrize("words", [("train", "val"), ("Train", "VALID"), ("training", "validation")])
    def test_train_and_val_in_any_spelling(self, tmp_path, words):
        for word in words:
            class_folders(tmp_path / word, {"cat": 1, "dog": 1})
        layout, items, problems = found(tmp_path)
        assert (layout, problems) == ("splits", set())
        assert set(items.values()) == {("cat", "train"), ("dog", "train"), ("cat", "val"), ("dog", "val")}

    def test_three_splits_are_never_three_classes(self, tmp_path):
        for word in ("train", "val", "test"):
            class_folders(tmp_path / word, {"cat": 1, "dog": 1})
        layout, items, _ = found(tmp_path)
        assert layout == "splits"
        assert {split for _, split in items.values()} == {"train", "val", "test"}

    def test_not_even_when_images_lie_directly_in_them(self, tmp_path):
        class_folders(tmp_path, {"train": 1, "test": 1})
        assert found(tmp_path) == ("splits", {}, {("train/000.jpg", "no-class"), ("test/000.jpg", "no-class")})

    @pytest.mark.parametrize("word", ["train", "test"])
    def test_one_split_alone(self, tmp_path, word):
        class_folders(tmp_path / word, {"cat": 1, "dog": 1})
        layout, items, _ = found(tmp_path)
        assert layout == "splits"
        assert {split for _, split in items.values()} == {word}

    def test_other_folders_beside_splits_are_left_out(self, tmp_path):
        class_folders(tmp_path, {"train/cat": 1, "train/dog": 1, "val/cat": 1, "val/dog": 1, "unlabelled": 2})
        layout, items, problems = found(tmp_path)
        assert (layout, len(items), problems) == ("splits", 4, {("unlabelled", "litter")})

    def test_a_train_among_vehicles_is_a_class(self, tmp_path):
        class_folders(tmp_path, {"bus": 1, "train": 1, "car": 1})
        layout, items, _ = found(tmp_path)
        assert layout == "class folders"
        assert {label for label, _ in items.values()} == {"bus", "train", "car"}

    def test_a_train_of_folders_beside_folders_without_images_is_a_split(self, tmp_path):
        class_folders(tmp_path, {"train/cat": 1, "train/dog": 1})
        (tmp_path / "docs").mkdir()
        assert found(tmp_path)[0] == "splits"

    def test_where_it_may_be_either_nothing_is_guessed(self, tmp_path):
        class_folders(tmp_path, {"train/cat": 1, "train/dog": 1, "extra/cat": 1})
        with pytest.raises(DataError, match=r"'train'.*'extra'") as caught:
            walk(tmp_path)
        assert caught.value.remedy


class TestLitter:
    def test_what_systems_and_tools_leave_behind(self, pets):
        litter = {".DS_Store", "cat/Thumbs.db", "cat/desktop.ini", "cat/._000.jpg"}
        folders = {".ipynb_checkpoints", "__MACOSX", "cat/@eaDir", "cat/.ipynb_checkpoints"}
        for name in litter:
            (pets / name).touch()
        for name in folders:
            (pets / name).mkdir()
            (pets / name / "copy.jpg").write_bytes(tiny_photo(1))
        assert found(pets) == ("class folders", PETS, {(name, "litter") for name in litter | folders})

    def test_files_that_are_no_images_by_their_name(self, pets):
        names = {"cat/000.txt", "cat/labels.csv", "cat/README", "dog/readme.md", "dog/boxes.json"}
        for name in names:
            (pets / name).touch()
        assert found(pets) == ("class folders", PETS, {(name, "not-an-image") for name in names})


class TestStrangeEntries:
    def test_a_name_that_is_not_utf8(self, pets):
        (pets / "cat" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(tiny_photo(1))
        _, items, problems = found(pets)
        assert (items, problems) == (PETS, {("cat/caf\\xe9.jpg", "name")})
        assert all(path.encode() for path, _ in problems)

    def test_links_that_lead_back_are_not_followed(self, pets):
        (pets / "cat" / "up").symlink_to(pets)
        (pets / "cat" / "self").symlink_to(pets / "cat")
        (pets / "dog" / "a").symlink_to("b")
        (pets / "dog" / "b").symlink_to("a")
        loops = {"cat/up", "cat/self", "dog/a", "dog/b"}
        assert found(pets) == ("class folders", PETS, {(name, "loop") for name in loops})

    def test_a_maze_of_links_is_read_once(self, pets):
        for level in range(20):
            (pets / "cat" / f"{level}").mkdir()
            for name in ("x", "y"):
                (pets / "cat" / f"{level}" / name).symlink_to(pets / "cat" / f"{(level + 1) % 20}")
        _, items, problems = found(pets)
        assert items == PETS
        assert {kind for _, kind in problems} == {"loop"}

    def test_a_link_to_a_folder_elsewhere_is_followed(self, pets, tmp_path_factory):
        elsewhere = class_folders(tmp_path_factory.mktemp("elsewhere"), {"owl": 1})
        (pets / "owl").symlink_to(elsewhere / "owl")
        assert found(pets)[1]["owl/000.jpg"] == ("owl", "")

    def test_a_broken_link_and_a_fifo(self, pets):
        (pets / "cat" / "gone.jpg").symlink_to("nowhere.jpg")
        os.mkfifo(pets / "dog" / "pipe.jpg")
        strange = {("cat/gone.jpg", "unreadable"), ("dog/pipe.jpg", "special-file")}
        assert found(pets) == ("class folders", PETS, strange)

    @pytest.mark.skipif(is_root(), reason="permissions do not bind root")
    def test_a_folder_that_may_not_be_read(self, pets):
        (pets / "owl").mkdir(mode=0)
        assert ("owl", "unreadable") in found(pets)[2]
