"""Folds: every training image is tested once, each class is spread evenly, equal pictures stay together."""

from collections import Counter

import pytest
from PIL import Image

from lenext.data.folds import divided, read_fold, with_fold
from lenext.data.item import TEST, TRAIN, VAL
from lenext.data.listing import find, part
from lenext.data.scan import scan
from lenext.errors import UsageError


@pytest.fixture
def folder(tmp_path):
    """Two classes of 10 and 7 pictures, all different."""
    for label, count in {"a": 10, "b": 7}.items():
        (tmp_path / label).mkdir()
        for number in range(count):
            Image.new("RGB", (4, 4), (number, ord(label), 0)).save(tmp_path / label / f"{number}.png")
    return tmp_path


def folds_of(listing, folds, seed=0):
    return [part(with_fold(listing, f"{number}/{folds}", seed=seed), TEST) for number in range(1, folds + 1)]


def test_every_image_is_tested_once(folder):
    listing = scan(find(str(folder)))
    names = [name for one in folds_of(listing, 5) for name in one.names]
    assert sorted(names) == sorted(item.path for item in listing.items)


def test_classes_and_sizes_are_even(folder):
    parts = folds_of(scan(find(str(folder))), 5)
    assert {len(one) for one in parts} <= {3, 4}
    assert [Counter(one.labels.tolist())[0] for one in parts] == [2] * 5
    assert {Counter(one.labels.tolist())[1] for one in parts} <= {1, 2}


def test_the_draw_depends_on_the_seed(folder):
    listing = scan(find(str(folder)))
    assert folds_of(listing, 5)[0].names == folds_of(listing, 5)[0].names
    assert any(
        one.names != other.names for one, other in zip(folds_of(listing, 5), folds_of(listing, 5, 1), strict=True)
    )


def test_equal_files_are_in_one_fold(folder):
    for number in range(4):
        (folder / "a" / f"copy{number}.png").write_bytes((folder / "a" / "3.png").read_bytes())
    copies = {"a/3.png", *(f"a/copy{number}.png" for number in range(4))}
    found = [copies & set(one.names) for one in folds_of(scan(find(str(folder))), 5)]
    assert sorted(map(len, found)) == [0, 0, 0, 0, 5]


def test_a_picture_that_two_classes_have_is_in_one_fold_too(folder):
    shared = {f"a/{number}.png" for number in range(4)} | {f"b/copy{number}.png" for number in range(4)}
    for number in range(4):
        (folder / "b" / f"copy{number}.png").write_bytes((folder / "a" / f"{number}.png").read_bytes())
    listing = scan(find(str(folder)))
    for one in folds_of(listing, 5):
        tested = {name.replace("b/copy", "a/") for name in shared & set(one.names)}
        assert {f"b/copy{name[2:]}" for name in tested} | tested == shared & set(one.names)
    before = [part(with_fold(listing, f"{number}/5", seed=0, rule=2), TEST) for number in range(1, 6)]
    names = [{name.replace("b/copy", "a/") for name in shared & set(one.names)} for one in before]
    assert sum(map(len, names)) > 4  # what the first runs have


@pytest.mark.parametrize("seed", range(8))
def test_a_class_that_shares_its_pictures_is_spread_too(folder, seed):
    """Else a network would have learnt none of a class that is a part of a larger one."""
    (folder / "c").mkdir()
    for number in range(3):
        (folder / "c" / f"copy{number}.png").write_bytes((folder / "a" / f"{number}.png").read_bytes())
    (folder / "c" / "3.png").write_bytes((folder / "b" / "0.png").read_bytes())
    found = [Counter(one.labels.tolist()) for one in folds_of(scan(find(str(folder))), 2, seed)]
    assert [one[2] for one in found] == [2, 2]
    assert [one[0] for one in found] == [5, 5]
    assert {one[1] for one in found} == {3, 4}


def test_validation_is_drawn_from_the_rest(folder):
    listing = divided(scan(find(str(folder))), fraction=0.2, seed=0, fold="2/5")
    assert listing.splits == (TRAIN, VAL, TEST)
    assert set(part(listing, TEST).names) == set(folds_of(scan(find(str(folder))), 5)[1].names)


def test_what_makes_no_folds(folder):
    listing = scan(find(str(folder)))
    with pytest.raises(UsageError, match="'b' has 7 different training images, which make no 8 folds"):
        with_fold(listing, "1/8", seed=0)
    with pytest.raises(UsageError, match="have a test split"):
        with_fold(with_fold(listing, "1/5", seed=0), "1/5", seed=0)


@pytest.mark.parametrize("word", ["", "1", "0/5", "6/5", "1/1", "a/b", "1/2/3", "-1/5"])
def test_words_that_are_no_fold(word):
    with pytest.raises(UsageError, match="There is no fold"):
        read_fold(word)
