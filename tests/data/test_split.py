"""Setting images aside for validation."""

import pytest
from pictures import class_folders

from lenext.data.listing import find, fingerprint, part
from lenext.data.scan import scan
from lenext.data.split import to_csv, with_validation
from lenext.errors import DataError


def names(listing, split):
    return set(part(listing, split).names)


def test_each_class_gives_a_share_and_nothing_is_lost(tmp_path):
    listing = find(str(class_folders(tmp_path, {"cat": 20, "dog": 5, "owl": 1})))
    parted = with_validation(listing, fraction=0.2)
    assert len(names(parted, "val")) == 4 + 1
    assert names(parted, "train") | names(parted, "val") == names(listing, None)
    assert names(parted, "train") & names(parted, "val") == set()
    assert ("val/owl", "class-missing") in {(problem.path, problem.kind) for problem in parted.problems}


def test_a_validation_split_that_is_there_is_kept(tmp_path):
    class_folders(tmp_path, {"train/cat": 5, "train/dog": 5, "val/cat": 1, "val/dog": 1})
    listing = find(str(tmp_path))
    assert with_validation(listing) is listing


def test_a_share_of_nothing_sets_nothing_aside(tmp_path):
    listing = find(str(class_folders(tmp_path, {"cat": 5, "dog": 5})))
    assert with_validation(listing, fraction=0) is listing


def test_the_test_split_is_never_touched(tmp_path):
    class_folders(tmp_path, {"train/cat": 9, "train/dog": 9, "test/cat": 9, "test/dog": 9})
    listing = find(str(tmp_path))
    parted = with_validation(listing, fraction=0.5)
    assert names(parted, "test") == names(listing, "test")
    assert len(names(parted, "val")) == 8


def test_the_same_seed_gives_the_same_split(tmp_path):
    listing = find(str(class_folders(tmp_path, {"cat": 20, "dog": 20})))
    assert with_validation(listing, seed=3).items == with_validation(listing, seed=3).items
    assert with_validation(listing, seed=3).items != with_validation(listing, seed=4).items


def test_scanned_contents_stay_with_their_items(tmp_path):
    listing = scan(find(str(class_folders(tmp_path, {"cat": 3, "dog": 3}))))
    assert with_validation(listing).contents == listing.contents


@pytest.mark.parametrize("inside", [True, False])
def test_the_stored_split_is_data_again(tmp_path, inside):
    data = class_folders(tmp_path / "data", {"cat": 5, "dog, or wolf": 5})
    parted = with_validation(find(str(data)))
    path = (data if inside else tmp_path) / "split.csv"
    path.write_text(to_csv(parted, path.parent), encoding="utf-8")
    again = find(str(path))
    assert [(item.label, item.split) for item in again.items] == [(item.label, item.split) for item in parted.items]
    assert scan(again).problems == ()
    assert with_validation(again) is again
    if inside:
        assert fingerprint(again) == fingerprint(parted)


def test_the_record_of_a_built_in_set_says_that_it_is_no_data(tmp_path):
    (tmp_path / "split.csv").write_text(to_csv(with_validation(find("digits")), tmp_path), encoding="utf-8")
    with pytest.raises(DataError):
        find(str(tmp_path / "split.csv"))


def test_equal_pictures_stay_on_one_side(tmp_path):
    root = class_folders(tmp_path, {"cat": 40, "dog": 40})
    for number in range(40):
        (root / "dog" / f"copy{number}.jpg").write_bytes((root / "dog" / f"{number:03d}.jpg").read_bytes())
    parted = with_validation(scan(find(str(root))), fraction=0.3)
    side = {item.path: item.split for item in parted.items}
    assert all(side[f"dog/copy{number}.jpg"] == side[f"dog/{number:03d}.jpg"] for number in range(40))
    assert "dog" in {path.split("/")[0] for path in names(parted, "val")}


def test_equals_alone_all_train(tmp_path):
    root = class_folders(tmp_path, {"cat": 4, "dog": 1})
    (root / "dog" / "copy.jpg").write_bytes((root / "dog" / "000.jpg").read_bytes())
    assert {"dog/000.jpg", "dog/copy.jpg"} <= names(with_validation(scan(find(str(root)))), "train")


def test_other_classes_are_parted_as_if_there_were_no_equals(tmp_path):
    root = class_folders(tmp_path, {"cat": 40, "dog": 40})
    before = with_validation(scan(find(str(root))), fraction=0.3)
    (root / "dog" / "copy.jpg").write_bytes((root / "dog" / "000.jpg").read_bytes())
    after = with_validation(scan(find(str(root))), fraction=0.3)
    cats = [{path for path in names(one, "val") if path.startswith("cat")} for one in (before, after)]
    assert cats[0] == cats[1]
