"""A CSV of path,label[,split]: what is read, and the line that is named when it cannot be."""

import pytest
from pictures import class_folders

from lenext.data import columns, table
from lenext.data.item import Item
from lenext.data.listing import find
from lenext.errors import DataError


@pytest.fixture
def pets(tmp_path):
    return class_folders(tmp_path, {"cat": 2, "dog": 2})


def csv_file(folder, *lines, encoding="utf-8"):
    path = folder / "pets.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


GOOD = ("cat/000.jpg,cat", "dog/000.jpg,dog")


class TestReading:
    def test_paths_are_relative_to_the_file(self, pets, monkeypatch):
        monkeypatch.chdir("/")
        listing = find(str(csv_file(pets, "path,label", *GOOD)))
        assert listing.items == (Item("cat/000.jpg", "cat", ""), Item("dog/000.jpg", "dog", ""))
        assert listing.layout == "csv"
        assert listing.images.read(0, 3, 255).shape == (3, 24, 24)

    def test_a_file_of_tabs_may_be_called_so(self, pets):
        path = csv_file(pets, "path\tlabel", *(line.replace(",", "\t") for line in GOOD)).rename(pets / "pets.TSV")
        assert find(str(path)).classes == ("cat", "dog")

    def test_absolute_paths(self, pets, tmp_path_factory):
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        lines = [f"{pets}/{line}" for line in GOOD]
        assert find(str(csv_file(elsewhere, "path,label", *lines))).images.read(1, 3, 255).shape == (3, 24, 24)

    def test_splits_in_any_spelling(self, pets):
        lines = ("cat/000.jpg,cat,Train", "cat/001.jpg,cat,", "dog/000.jpg,dog,validation", "dog/001.jpg,dog,TEST")
        _, items, _ = table.read(csv_file(pets, "path,label,split", *lines))
        assert [item.split for item in items] == ["train", "", "val", "test"]

    def test_spreadsheets_marks_blanks_quotes_and_other_columns(self, pets):
        lines = ("note,Label , PATH", "", '"a, b",cat, cat/000.jpg', "x,dog,dog\\000.jpg", ",,", "")
        _, items, problems = table.read(csv_file(pets, *lines, encoding="utf-8-sig"))
        assert items == (Item("cat/000.jpg", "cat"), Item("dog/000.jpg", "dog"))
        assert problems == ()

    @pytest.mark.parametrize("mark", [";", "\t"])
    @pytest.mark.parametrize("header", ["path{}label{}split", '"Path"{} Label{}split'])
    def test_semicolons_and_tabs_where_the_header_leaves_no_doubt(self, pets, mark, header):
        rows = [
            header.format(mark, mark),
            f"cat/000.jpg{mark}cat, tabby{mark}train",
            f'dog/000.jpg{mark}"a;b\tc"{mark}',
        ]
        layout, items, _ = table.read(csv_file(pets, *rows, encoding="utf-8-sig"))
        assert layout == "csv"
        assert [item.label for item in items] == ["cat, tabby", "a;b\tc"]

    @pytest.mark.parametrize(
        "header",
        ["path,label,note;path;label", "path\t,label,note", "path,\tlabel,\tpath\t", '"path",label,"a;path;b"'],
    )
    def test_commas_are_meant_where_either_could_be(self, pets, header):
        _, items, _ = table.read(csv_file(pets, header, "cat/000.jpg,cat,x;y;z"))
        assert items[0].label == "cat"

    def test_a_file_that_is_not_there_is_named_with_its_line(self, pets):
        _, _, (problem,) = table.read(csv_file(pets, "path,label", *GOOD, "cat/gone.jpg,cat"))
        assert (problem.path, problem.kind, problem.action) == ("cat/gone.jpg", "unreadable", "left out")
        assert "line 4" in problem.message


class TestRefusing:
    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            (["path,class", *GOOD], "line 1: The column 'label' is missing"),
            (["cat/000.jpg,cat"], "line 1: The column 'path' is missing"),
            (["path,label,split", "cat/000.jpg,cat,holdout"], "line 2: The split 'holdout' is not known"),
            (["path,label", GOOD[0], "./cat/../cat/000.jpg,dog"], "line 3: .* stands in line 2 already"),
            (["path,label", *GOOD, ",cat"], "line 4: The path is empty"),
            (["path;label,split", "cat/000.jpg;cat"], "line 1: The column 'label' is missing"),
            (["path;label", "cat/000.jpg;cat;tabby"], "line 2: There are 3 cells, and the header names 2"),
            (["path,label", "cat/000.jpg"], "line 2: The label is empty"),
            (["path,label", '"cat/000.jpg,cat'], "This is not CSV"),
            (["path,label", "cat/\0.jpg,cat"], "line 2: The path holds a zero byte"),
            (["path,label", "cat/000.jpg,cat, tabby"], "line 2: There are 3 cells, and the header names 2"),
        ],
    )
    def test_each_mistake_is_named_with_its_line(self, pets, lines, words):
        with pytest.raises(DataError, match=words) as caught:
            table.read(csv_file(pets, *lines))
        assert caught.value.remedy

    def test_the_remedy_is_for_the_column_that_is_missing(self, pets):
        with pytest.raises(DataError) as caught:
            table.read(csv_file(pets, "filename,class", *GOOD))
        assert "as path,label does; here it is 'filename,class'" in caught.value.remedy

    def test_bars_between_columns(self, pets):
        with pytest.raises(DataError) as caught:
            table.read(csv_file(pets, "path|label", "cat/000.jpg|cat"))
        assert "not with '|'" in caught.value.remedy

    def test_an_empty_file_and_one_in_another_encoding(self, pets):
        with pytest.raises(DataError, match="is empty"):
            table.read(csv_file(pets, ""))
        with pytest.raises(DataError, match="not UTF-8"):
            table.read(csv_file(pets, "path,label", "café.jpg,cat", encoding="latin-1"))

    def test_a_table_whose_files_are_all_missing(self, pets):
        with pytest.raises(DataError, match="No image was found"):
            find(str(csv_file(pets, "path,label", "a.jpg,a", "b.jpg,b")))


@pytest.mark.parametrize("cell", ["=1+1", "+a", "-rf", "@x", "'=1", "''-", "\t=x", "plain", "'s", "", "a=b"])
def test_no_cell_is_a_formula_and_each_comes_back(cell):
    shown = columns.quoted(cell)
    assert shown[:1] not in set("=+-@\t\r\n")
    assert columns.unquoted(shown) == cell
