"""What does not go together: names, kinds of pixels, sizes, numbers."""

import numpy as np
from pictures import class_folders, encoded, noise, tiny_photo

from lenext.data.consistency import inconsistencies
from lenext.data.listing import find
from lenext.data.scan import scan


def found(root):
    return {(problem.path, problem.kind) for problem in inconsistencies(scan(find(str(root))))}


def test_a_sound_set_has_none(tmp_path):
    assert found(class_folders(tmp_path, {"cat": 3, "dog": 3})) == set()
    assert inconsistencies(find("digits")) == []


def test_classes_that_differ_in_case_only(tmp_path):
    assert found(class_folders(tmp_path, {"Cat": 2, "cat": 2})) == {("Cat", "name"), ("cat", "name")}


def test_folders_that_differ_in_the_composition_of_accents_only(tmp_path):
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    root = class_folders(tmp_path, {composed: 1, "dog": 2})
    (root / decomposed).mkdir()
    (root / decomposed / "other.jpg").write_bytes(tiny_photo(50))
    assert found(root) == {(composed, "name"), (decomposed, "name")}


def test_files_that_differ_in_case_only(tmp_path):
    root = class_folders(tmp_path, {"cat": 2, "dog": 2})
    (root / "cat" / "000.JPG").write_bytes(tiny_photo(50))
    assert found(root) == {("cat/000.JPG", "name"), ("cat/000.jpg", "name")}


def test_grey_among_colour_is_a_mixture(tmp_path):
    root = class_folders(tmp_path, {"cat": 2, "dog": 2})
    (root / "cat" / "grey.png").write_bytes(encoded(noise()[..., 0]))
    (problem,) = inconsistencies(scan(find(str(root))))
    assert (problem.path, problem.kind) == (".", "mixture")
    assert "4 colour, 1 grey" in problem.message


def test_a_picture_of_rare_size_or_shape(tmp_path):
    root = class_folders(tmp_path, {"cat": 20, "dog": 20})
    (root / "cat" / "huge.png").write_bytes(encoded(noise(200, 200)))
    (root / "dog" / "long.png").write_bytes(encoded(np.ascontiguousarray(noise(24, 100))))
    assert found(root) == {("cat/huge.png", "odd-size"), ("dog/long.png", "odd-aspect")}


def test_a_class_that_another_outnumbers(tmp_path):
    assert found(class_folders(tmp_path, {"cat": 20, "dog": 2, "owl": 3})) == {("dog", "imbalance")}
