"""The same picture twice: which pairs there are, what is wrong with each, and which of them a cleaner set lacks."""

import io

import numpy as np
import pytest
from pictures import class_folders, encoded, tiny_photo
from PIL import Image

from lenext.data.cache import Cache
from lenext.data.duplicates import (
    connected,
    contents,
    equal_groups,
    exact_twins,
    look_alikes,
    problems,
    to_leave_out,
    twins,
)
from lenext.data.images import ArrayImages
from lenext.data.item import Item
from lenext.data.listing import find
from lenext.data.scan import scan


def scenery(seed, side=64):
    """A smooth picture in colour, another for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))


@pytest.fixture
def album(tmp_path):
    """Ten different pictures in two classes and two splits."""
    for number in range(10):
        folder = tmp_path / "album" / ("train" if number < 6 else "test") / ("cat" if number % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(encoded(scenery(number)))
    return tmp_path / "album"


@pytest.fixture
def sketched(tmp_path):
    """A scan that remembers thumbnails."""

    def read(root):
        with Cache(tmp_path / "cache") as cache:
            return scan(find(str(root)), cache=cache)

    return read


def named(listing, pairs):
    return [(listing.items[p.first].path, listing.items[p.second].path, p.exact, p.kinds) for p in pairs]


def test_different_pictures_are_no_twins(album, sketched):
    assert look_alikes(sketched(album)) == []


def test_the_same_file_in_two_splits_is_a_leak(album, sketched):
    (album / "test" / "cat" / "copy.png").write_bytes((album / "train" / "cat" / "1.png").read_bytes())
    listing = sketched(album)
    assert named(listing, look_alikes(listing)) == [("test/cat/copy.png", "train/cat/1.png", True, ("leak",))]


def test_the_same_pixels_in_another_format_are_the_same_picture(album, sketched):
    (album / "train" / "cat" / "copy.bmp").write_bytes(encoded(scenery(1), "bmp"))
    listing = sketched(album)
    assert named(listing, look_alikes(listing)) == [("train/cat/1.png", "train/cat/copy.bmp", True, ("duplicate",))]


def test_two_classes_and_two_splits_at_once_are_both_said(album, sketched):
    (album / "test" / "dog" / "copy.png").write_bytes((album / "train" / "cat" / "1.png").read_bytes())
    listing = sketched(album)
    assert named(listing, look_alikes(listing)) == [
        ("test/dog/copy.png", "train/cat/1.png", True, ("two-classes", "leak"))
    ]


def jpeg(pixels, quality):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


def resized(pixels, factor):
    side = round(len(pixels) * factor)
    return encoded(np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)))


def clipped(values):
    return encoded(np.clip(np.rint(values), 0, 255).astype(np.uint8))


CHANGES = {
    "compressed": lambda a: jpeg(a, 75),
    "brighter": lambda a: clipped(a * 1.1),
    "flatter": lambda a: clipped((a - a.mean()) * 0.9 + a.mean()),
    "smaller": lambda a: resized(a, 0.9),
    "twice as large": lambda a: resized(a, 2),
    "noisy": lambda a: clipped(a + np.random.default_rng(0).normal(0, 5, a.shape)),
    "moved": lambda a: encoded(np.roll(a, 1, axis=1)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_copy_is_nearly_the_same(album, sketched, change):
    (album / "test" / "cat" / "copy.png").write_bytes(change(scenery(1)))
    listing = sketched(album)
    assert named(listing, look_alikes(listing)) == [("test/cat/copy.png", "train/cat/1.png", False, ("leak",))]


def test_another_colour_or_shape_is_another_picture(album, sketched):
    (album / "train" / "cat" / "red.png").write_bytes(encoded(scenery(1)[..., [2, 0, 1]]))
    wide = Image.fromarray(scenery(3)).resize((96, 64))
    (album / "train" / "cat" / "wide.png").write_bytes(encoded(wide))
    assert look_alikes(sketched(album)) == []


def test_blank_pictures_are_not_compared(album, sketched):
    for number, grey in enumerate((255, 254)):
        (album / "train" / "cat" / f"blank{number}.png").write_bytes(encoded(np.full((40, 40, 3), grey, np.uint8)))
    assert look_alikes(sketched(album)) == []


def test_without_thumbnails_only_equal_files_are_found(album):
    (album / "train" / "cat" / "copy.png").write_bytes((album / "train" / "cat" / "1.png").read_bytes())
    (album / "train" / "cat" / "near.jpg").write_bytes(jpeg(scenery(1), 90))
    listing = scan(find(str(album)))
    assert [pair.exact for pair in look_alikes(listing)] == [True]


def test_arrays_are_compared_by_their_bytes(monkeypatch):
    listing = find("digits")
    pixels = listing.images.array.copy()
    pixels[7] = pixels[3]
    object.__setattr__(listing, "images", ArrayImages(pixels, "digits"))
    assert [3, 7] in equal_groups(contents(listing))


def test_a_group_of_equals_says_each_kind_once(tmp_path):
    items = [Item("a", "cat", "train"), Item("b", "cat", "train"), Item("c", "dog", "train"), Item("d", "cat", "test")]
    listing = scan(find(str(class_folders(tmp_path, {"cat": 2, "dog": 2}))))
    object.__setattr__(listing, "items", tuple(items))
    found = exact_twins(listing, [[0, 1, 2, 3]])
    assert [(pair.first, pair.second, pair.kinds) for pair in found] == [
        (0, 1, ("duplicate",)),
        (0, 2, ("two-classes",)),
        (0, 3, ("leak",)),
        (2, 3, ("two-classes", "leak")),
    ]


def test_pairs_are_joined_to_groups():
    items = [Item(str(number), "a") for number in range(6)]
    pairs = [twins(items, 0, 3), twins(items, 1, 2), twins(items, 3, 5), twins(items, 2, 1)]
    assert sorted(connected(pairs)) == [[0, 3, 5], [1, 2]]


def test_the_test_image_stays_and_both_of_two_classes_go(album, sketched):
    (album / "test" / "cat" / "copy.png").write_bytes((album / "train" / "cat" / "1.png").read_bytes())
    (album / "train" / "cat" / "zero.png").write_bytes((album / "train" / "dog" / "0.png").read_bytes())
    listing = sketched(album)
    pairs = look_alikes(listing)
    gone = {listing.items[index].path for index in to_leave_out(listing, pairs)}
    assert gone == {"train/cat/1.png", "train/cat/zero.png", "train/dog/0.png"}
    said = {problem.path: problem for problem in problems(listing, pairs)}
    assert said["train/cat/1.png"].message == (
        "The same picture as test/cat/copy.png (in test); a --fix-list leaves this one out."
    )
    assert said["test/cat/copy.png"].message.endswith("a --fix-list keeps it.")
    assert said["train/dog/0.png"].kind == "two-classes"
    assert "class 'cat'" in said["train/dog/0.png"].message
    assert {problem.action for problem in said.values()} == {"used with a remark"}


def test_a_large_group_names_a_few_and_counts_the_rest(tmp_path):
    class_folders(tmp_path, {"cat": 1, "dog": 1})
    for number in range(9):
        (tmp_path / "cat" / f"copy{number}.jpg").write_bytes(tiny_photo(0))
    listing = scan(find(str(tmp_path)))
    first = next(p for p in problems(listing, look_alikes(listing)) if p.path == "cat/000.jpg")
    assert "and 6 more" in first.message
