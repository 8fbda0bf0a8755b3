"""Which images are measured: those that none of the networks was trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lenext.api.data import counts
from lenext.api.trained.answers import as_trained, choose, positions
from lenext.data.folds import divided
from lenext.data.imagenet import NAMES, WNIDS
from lenext.data.images import ArrayImages
from lenext.data.item import TEST, VAL, Item
from lenext.data.listing import assemble, find, fingerprint, part
from lenext.data.scan import scan
from lenext.data.split import with_validation
from lenext.errors import DataError, UsageError
from lenext.protocol import Preprocessing, SingleCrop
from lenext.weights.card import Card

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
VIEW = SingleCrop(resize=8, crop=8)


def listing(classes=("a", "b"), split=""):
    items = tuple(Item(f"{number:02}", classes[number % len(classes)], split) for number in range(len(PIXELS)))
    return assemble("toy", Path(), "built-in", items, ArrayImages(PIXELS, "toy"), ())


def card(data=None, *, seed=0, validation=0.5, classes=("a", "b")):
    facts = {"fingerprint": fingerprint(data), "seed": seed, "validation": validation} if data else {}
    shown = Preprocessing(channels=1, view=VIEW, mean=(0.5,), std=(0.5,))
    return Card(network="lenet5", reading="paper", classes=classes, preprocessing=shown, data=facts)


def held_out(data, seed):
    return set(part(with_validation(data, fraction=0.5, seed=seed), VAL).names)


def test_strange_data_are_measured_whole():
    chosen, words = choose(listing(), [card(), card()], None)
    assert (len(chosen), words) == (60, "all of them")


def test_the_images_that_a_run_held_out_of_these_data():
    data = listing()
    chosen, words = choose(data, [card(data, seed=1)], None)
    assert set(chosen.names) == held_out(data, 1)
    assert words == "the validation split that the run made of these data"


def test_of_two_runs_those_that_both_held_out():
    data = listing()
    chosen, words = choose(data, [card(data, seed=1), card(data, seed=2)], None)
    assert set(chosen.names) == held_out(data, 1) & held_out(data, 2)
    assert 0 < len(chosen) < 30
    assert "the runs made" in words
    trained, _ = choose(data, [card(data, seed=1), card(data, seed=2)], "train")
    assert set(trained.names) == set(part(data, None).names) - held_out(data, 1) - held_out(data, 2)
    assert len(choose(data, [card(data, seed=1), card(data, seed=2)], "all")[0]) == 60
    assert set(choose(data, [card(data, seed=1), card()], None)[0].names) == held_out(data, 1)


def test_no_image_that_all_held_out_is_said():
    data = listing()
    cards = [card(data, seed=seed, validation=0.1) for seed in range(6)]
    with pytest.raises(DataError, match="no image that all of these runs held out") as refused:
        choose(data, cards, None)
    assert "--split all" in refused.value.remedy


def test_a_fold_of_a_card_without_a_rule_is_by_none_that_came_later(tmp_path):
    """By rule 3 its counts would be the same, and other images are tested."""
    for number, label in enumerate("aaaaaabbbbbb"):
        (tmp_path / label).mkdir(exist_ok=True)
        Image.new("L", (8, 8), number).save(tmp_path / label / f"{number:02}.png")
    for number in range(2):  # two pictures that both classes have
        (tmp_path / "b" / f"copy{number}.png").write_bytes((tmp_path / "a" / f"{number:02}.png").read_bytes())
    data = scan(find(str(tmp_path)))
    before, now = (divided(data, fraction=0.0, seed=0, fold="2/3", rule=rule) for rule in (2, 3))
    assert counts(before) == counts(now)
    assert before.items != now.items
    old = card(data, seed=0, validation=0.0)
    old = replace(old, data={**old.data, "fold": "2/3", "counts": counts(before)})
    assert as_trained(data, old).items == before.items
    assert as_trained(data, replace(old, data={**old.data, "split": 3})).items == now.items


def test_a_test_split_comes_first():
    data = listing()
    mixed = replace(data, items=tuple(replace(item, split=TEST if n % 3 else "") for n, item in enumerate(data.items)))
    chosen, words = choose(mixed, [card(mixed, seed=1), card(mixed, seed=2)], None)
    assert (len(chosen), words) == (40, "the test split")


def test_a_split_that_is_not_there():
    with pytest.raises(UsageError, match="no split 'val'"):
        choose(listing(), [card()], "val")


def test_classes_are_matched_by_name_and_by_wordnet_number():
    assert positions(listing(("b", "c")), card(classes=("a", "c", "b"))).tolist() == [2, 1]
    assert sorted(positions(listing((WNIDS[3], NAMES[7])), card(classes=NAMES)).tolist()) == [3, 7]
    with pytest.raises(DataError, match="'zebra fish'") as refused:
        positions(listing(("b", "zebra fish")), card())
    assert refused.value.remedy
