"""Setting a share of the training images aside for validation, and writing down which."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lenext.data import table
from lenext.data.columns import LABEL, LABELS
from lenext.data.duplicates import contents, equal_groups
from lenext.data.item import TRAIN, VAL, Item
from lenext.data.listing import Listing, with_problems
from lenext.data.stratify import share_of_sets, stratified_share
from lenext.protocol import MULTICLASS

RULE = 3  # of split and folds: what they depend on; runs and cards keep the number of theirs
UNTOLD = 2  # the last one of which the first runs and cards keep no number


def with_validation(listing: Listing, *, fraction: float = 0.1, seed: int = 0, rule: int = RULE) -> Listing:
    """The listing with a validation split: its own, or else ``fraction`` of each class of its training images.

    Every class with two images or more has one in it; a ``fraction`` of 0 sets nothing aside. Test images are never
    touched. The draw depends on seed and paths alone (see ``stratify``), so that the same data give the same split on
    every machine. Equal pictures, of one content, stay on one side, except by rule 1, which the first runs have. Of
    images with any number of labels each label is divided so, as nearly as all of them can be.
    """
    if VAL in listing.splits or fraction == 0:
        return listing
    train = [index for index, item in enumerate(listing.items) if (item.split or TRAIN) == TRAIN]
    names = [listing.items[index].path for index in train]
    labels = [listing.classes_of(listing.items[index]) for index in train]
    draw = stratified_share if listing.task == MULTICLASS else share_of_sets
    chosen = {train[row] for row in draw(names, labels, fraction=fraction, seed=seed)}
    parted = {index: VAL if index in chosen else TRAIN for index in train}
    parted |= together(listing, parted) if rule > 1 else {}
    items = tuple(
        Item(item.path, item.label, parted.get(index, item.split)) for index, item in enumerate(listing.items)
    )
    return with_problems(replace(listing, items=items), listing.problems)


def together(listing: Listing, parted: dict[int, str]) -> dict[int, str]:
    """The split of every item that has equals among those of ``parted``: that of the first of them by path.

    A class that would lose its last training image so keeps all of its equals in training.
    """
    marks = contents(listing) or []
    groups = equal_groups(mark for index, mark in enumerate(marks) if index in parted)
    if not groups:
        return {}
    order = sorted(parted)
    moved = {order[row]: parted[order[group[0]]] for group in groups for row in group}
    after = parted | moved

    def classes(index: int) -> tuple[str, ...]:
        return listing.classes_of(listing.items[index])

    trained = {name for index, split in after.items() if split == TRAIN for name in classes(index)}
    for group in groups:
        members = [order[row] for row in group]
        if any(name not in trained for index in members for name in classes(index)):
            moved |= dict.fromkeys(members, TRAIN)
    return moved


def to_csv(listing: Listing, folder: Path) -> str:
    """The listing as path,label,split, which ``find`` reads as data from a file in ``folder``.

    Of a built-in set it is a record only.
    """
    column = LABEL if listing.task == MULTICLASS else LABELS
    return table.text(listing.items, listing.root, folder, column=column)
