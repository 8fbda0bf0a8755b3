"""A share of every class, drawn by name."""

import numpy as np
import pytest

from lenext.data.stratify import parts_of_sets, share_of_sets, stratified_share

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


@pytest.fixture(scope="module")
def labels():
    """1,000 images and four labels, the rarest of which a dozen have."""
    there = np.random.default_rng(0).random((1000, 4)) < (0.5, 0.2, 0.05, 0.012)
    return [[str(label) for label in np.flatnonzero(row)] for row in there]


class TestSetsOfLabels:
    """Each label with its own share of the images, and none of them with another's."""

    @staticmethod
    def shares(labels, chosen):
        """Of every label the share of its images that was chosen, and of all images."""
        rows = [[index for index, one in enumerate(labels) if label in one] for label in "0123"]
        return [np.mean([index in chosen for index in some]) for some in (*rows, range(len(labels)))]

    def test_a_rare_label_is_divided_like_a_frequent_one(self, labels):
        names = [f"{number}.jpg" for number in range(len(labels))]
        chosen = share_of_sets(names, labels, fraction=0.2, seed=0)
        assert self.shares(labels, chosen) == pytest.approx([0.2] * 5, abs=0.05)
        assert chosen == share_of_sets(names, labels, fraction=0.2, seed=0)
        assert chosen != share_of_sets(names, labels, fraction=0.2, seed=1)

    def test_parts_are_alike(self, labels):
        places = parts_of_sets([f"{number}.jpg" for number in range(len(labels))], labels, parts=5, seed=0)
        for part in range(5):
            chosen = {index for index, place in enumerate(places) if place == part}
            assert self.shares(labels, chosen)[:3] == pytest.approx([0.2] * 3, abs=0.05)
            assert sum("3" in labels[index] for index in chosen) in {2, 3}, "of the eleven"

    def test_no_label_is_taken_away_from_training(self):
        labels = [["a", "c"], ["b", "c"], ["a"], ["b"], ["d"]]
        for seed in range(20):
            chosen = share_of_sets([str(n) for n in range(5)], labels, fraction=0.5, seed=seed)
            for name in "abcd":
                assert any(name in labels[index] for index in set(range(5)) - chosen), (seed, name)
