"""ImageNet's 1,000 classes: in the order of every published network's logits, each name once."""

import re

import pytest

from lenext.data.imagenet import NAMES, WNIDS, name_of


def test_there_are_a_thousand_of_each_kind():
    assert len(NAMES) == len(WNIDS) == len(set(NAMES)) == len(set(WNIDS)) == 1000
    assert all(re.fullmatch(r"n\d{8}", wnid) for wnid in WNIDS)
    assert all(name == name.strip() and "," not in name.partition(" ")[2].partition(",")[2] for name in NAMES)


def test_their_order_is_that_of_the_numbers():
    """ILSVRC-2012 sorted its synsets by WordNet's numbers; so whoever sorts folders has the labels."""
    assert list(WNIDS) == sorted(WNIDS)


@pytest.mark.parametrize(
    ("place", "wnid", "name"),
    [
        (0, "n01440764", "tench"),
        (134, "n02012849", "crane (bird)"),
        (281, "n02123045", "tabby"),
        (285, "n02124075", "Egyptian cat"),
        (388, "n02510455", "giant panda"),
        (517, "n03126707", "crane (machine)"),
        (967, "n07920052", "espresso"),
        (999, "n15075141", "toilet tissue"),
    ],
)
def test_known_places(place, wnid, name):
    assert (WNIDS[place], NAMES[place]) == (wnid, name)


def test_a_number_of_wordnet_means_its_class():
    assert name_of("n07920052") == "espresso"
    assert name_of("espresso") == "espresso"
    assert name_of("my cat") == "my cat"
