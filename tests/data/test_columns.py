"""Several labels a row: both forms are read alike, and what could be meant in two ways is refused with its line."""

import pytest
from pictures import class_folders

from lenext.data.duplicates import exact_twins, problems
from lenext.data.listing import find, fingerprint, part
from lenext.data.scan import scan, summary
from lenext.data.split import to_csv, with_validation
from lenext.errors import DataError
from lenext.protocol import MULTICLASS, MULTILABEL

SETS = ("path,labels", "cat/000.jpg,cat", "cat/001.jpg,dog|cat", "dog/000.jpg,", "dog/001.jpg, dog ")
COLUMNS = ("dog,path,cat", "0,cat/000.jpg,1", "1,cat/001.jpg,1", "0,dog/000.jpg,0", "1,dog/001.jpg,0")


@pytest.fixture
def pets(tmp_path):
    return class_folders(tmp_path, {"cat": 2, "dog": 2})


def csv_file(folder, *lines):
    path = folder / "pets.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("lines", [SETS, COLUMNS])
def test_both_forms_say_which_labels_each_image_has(pets, lines):
    listing = scan(find(str(csv_file(pets, *lines))))
    assert (listing.task, listing.classes) == (MULTILABEL, ("cat", "dog"))
    assert [item.label for item in listing.items] == ["cat", "cat|dog", "", "dog"]
    assert part(listing, None).labels.tolist() == [[1, 0], [1, 1], [0, 0], [0, 1]]
    assert part(listing, None).sizes(2).tolist() == [2, 2]


def test_one_line_says_which_form_it_is(pets):
    said = [summary(find(str(csv_file(pets, *lines))))[0] for lines in (SETS, COLUMNS)]
    assert "the column labels, at |; 1 with none" in said[0]
    assert "one column of 0 and 1 each; 1 with none" in said[1]


def test_the_same_table_as_single_classes_is_other_data(pets):
    single = find(str(csv_file(pets, "path,label", "cat/000.jpg,cat", "dog/000.jpg,dog")))
    assert single.task == MULTICLASS
    several = find(str(csv_file(pets, "path,labels", "cat/000.jpg,cat", "dog/000.jpg,dog")))
    assert fingerprint(single) != fingerprint(several)


def test_what_a_run_writes_down_is_data_again(pets):
    parted = with_validation(find(str(csv_file(pets, *COLUMNS))), fraction=0.5)
    path = pets / "again.csv"
    path.write_text(to_csv(parted, pets), encoding="utf-8")
    again = find(str(path))
    assert (again.task, again.items) == (MULTILABEL, parted.items)


def test_a_column_of_which_no_image_says_yes_is_named_and_not_learnt(pets):
    lines = [f"{line},{'owl' if line == COLUMNS[0] else 0}" for line in COLUMNS]
    listing = find(str(csv_file(pets, *lines)))
    assert listing.classes == ("cat", "dog")
    assert [(one.path, one.kind) for one in listing.problems if one.kind == "class-empty"] == [("owl", "class-empty")]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["path,label,labels", "cat/000.jpg,cat,cat"], "line 1: There are a column 'label' and a column 'labels'"),
        (["path,labels", "cat/000.jpg,cat||dog"], "line 2: A label of 'cat||dog' is empty"),
        (["path,labels", "cat/000.jpg,cat|cat"], "line 2: A label stands twice"),
        (["path,labels", "cat/000.jpg,cat", "dog/000.jpg,cat;dog"], "line 3: The labels 'cat;dog' may be one or sev"),
        (["path,labels,cat", "dog/000.jpg,dog,0", "cat/000.jpg,cat,1"], "line 3: The label 'cat' is a column as well"),
        (["path,label", "cat/000.jpg,cat|dog", "dog/000.jpg,dog"], "line 2: .* may be one class or several"),
        (["path,cat,dog", "cat/000.jpg,1,0", "dog/000.jpg,0,2"], "line 3: The column 'dog' holds '2'"),
        (["path,cat,dog", "cat/000.jpg,1,0", "dog/000.jpg,0"], "line 3: The column 'dog' holds ''"),
        (["path,cat,dog", "cat/000.jpg,1,yes"], "line 2: The column 'dog' holds 'yes'"),
        (["path,cat,cat", "cat/000.jpg,1,0"], "line 1: Two columns have one name"),
        ([",path,cat", "0,cat/000.jpg,1"], "line 1: A column has no name"),
        (["path,a|b", "cat/000.jpg,1"], "line 1: A column's name, 'a|b', holds '|'"),
        (["path,labels", "cat/000.jpg,", "dog/000.jpg,"], "has a label"),
    ],
)
def test_mixed_and_doubtful_forms_are_refused_with_their_line(pets, lines, words):
    with pytest.raises(DataError, match=words.replace("|", r"\|")) as caught:
        find(str(csv_file(pets, *lines)))
    assert caught.value.remedy


def test_a_class_whose_name_holds_the_mark_stays_one(pets):
    listing = find(str(csv_file(pets, "path,label", "cat/000.jpg,cat|tom", "dog/000.jpg,dog")))
    assert listing.classes == ("cat|tom", "dog")


def test_the_same_picture_with_other_labels_is_found(pets):
    (pets / "cat/001.jpg").write_bytes((pets / "cat/000.jpg").read_bytes())
    listing = scan(find(str(csv_file(pets, *SETS))))
    (pair,) = exact_twins(listing, [[0, 1]])
    assert pair.kinds == ("two-classes",)
    assert "labels 'cat|dog'" in problems(listing, [pair])[0].message
