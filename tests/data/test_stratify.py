"""A share of every class, drawn by name."""

import pytest

from lenext.data.stratify import stratified_share

NAMES = [f"{label}/{number}" for label in "abc" for number in range({"a": 100, "b": 20, "c": 2}[label])]
LABELS = [name[0] for name in NAMES]


def drawn(names, labels, **options):
    chosen = stratified_share(names, labels, **{"fraction": 0.1, "seed": 0, **options})
    return {names[index] for index in chosen}


def test_every_class_gives_its_share_and_at_least_one():
    chosen = drawn(NAMES, LABELS)
    assert [sum(name[0] == label for name in chosen) for label in "abc"] == [10, 2, 1]


def test_a_class_is_never_emptied():
    assert drawn(["a/0", "b/0", "b/1"], ["a", "b", "b"], fraction=0.9) <= {"b/0", "b/1"}
    assert len(drawn(["a/0", "b/0", "b/1"], ["a", "b", "b"], fraction=1.0)) == 1


def test_the_seed_decides_and_the_order_does_not():
    assert drawn(NAMES, LABELS) == drawn(NAMES[::-1], LABELS[::-1])
    assert drawn(NAMES, LABELS) != drawn(NAMES, LABELS, seed=1)


def test_the_draw_is_the_same_for_ever():
    assert drawn(["a/0", "a/1", "a/2", "a/3", "a/4", "a/5"], ["a"] * 6, fraction=0.34) == {"a/4", "a/5"}


@pytest.mark.parametrize("name", ["a/new", "a/another", "a/0.5"])
def test_a_file_that_is_added_moves_at_most_one_other(name):
    before = drawn(NAMES, LABELS)
    after = drawn([*NAMES, name], [*LABELS, "a"])
    assert len(before - after) <= 1
    assert len(after - before) <= 1
