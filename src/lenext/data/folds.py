"""Cross-validation: the training images divided into K folds, of which one is tested and the others train."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace

from lenext.data.collector import at_rest
from lenext.data.item import TEST, TRAIN, Item
from lenext.data.listing import Listing, with_problems
from lenext.data.split import RULE, with_validation
from lenext.data.stratify import members_of, parts_of_sets, rank
from lenext.errors import UsageError
from lenext.protocol import MULTICLASS

LEAST = 2  # folds


def read_fold(word: str) -> tuple[int, int]:
    """(1, 5) for "1/5". Raises UsageError for what is no fold."""
    number, _, folds = word.partition("/")
    if not (number.isdecimal() and folds.isdecimal() and 1 <= int(number) <= int(folds) and int(folds) >= LEAST):
        raise UsageError(f"There is no fold {word!r}.", "Give one as NUMBER/FOLDS: 1/5 is the first of five.")
    return int(number), int(folds)


def with_fold(listing: Listing, fold: str | None, *, seed: int, rule: int = RULE) -> Listing:
    """The listing whose images of one fold are its test split; None: as it is.

    Every class is spread over the folds as evenly as can be. Files of the same content are in the same fold, so that no
    picture is tested by a network that learnt it; before rule 3 only those of one class were. The draw depends on seed
    and names alone (see ``stratify``).
    Raises UsageError for more folds than a class has images, and where the data have a test split of their own.
    """
    if fold is None:
        return listing
    number, folds = read_fold(fold)
    if TEST in listing.splits:
        raise UsageError(
            "The data have a test split, and each fold would be another.",
            "Train without folds, or give the folder of their training images alone.",
        )
    if listing.task == MULTICLASS:
        places = fold_of(listing, folds, seed, over_classes=rule > 2)
    else:
        places = fold_of_sets(listing, folds, seed)
    items = tuple(
        Item(item.path, item.label, TEST if places.get(index) == number - 1 else item.split or TRAIN)
        for index, item in enumerate(listing.items)
    )
    return with_problems(replace(listing, items=items), listing.problems)


def fold_of(listing: Listing, folds: int, seed: int, *, over_classes: bool) -> dict[int, int]:
    """For each training image its fold, from 0; over_classes: whether a picture that is in two classes has one too."""
    pictures: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, item in enumerate(listing.items):
        if (item.split or TRAIN) == TRAIN:
            pictures[item.label][content_of(listing, index)].append(index)
    places: dict[int, int] = {}
    before: dict[str, int] = {}  # the folds of pictures that other classes have
    dealt = 0  # one class goes on where the other ended, so that the folds are of equal size
    for label in in_turn(pictures) if over_classes else sorted(pictures):
        found = pictures[label]
        check_enough("class", label, len(found), folds)
        sizes = Counter(before[content] for content in found if content in before)
        for content, indices in sorted(found.items(), key=lambda one: rank(listing.items[one[1][0]].path, seed)):
            place = before.get(content)
            if place is None:
                place, dealt = emptiest(sizes, dealt, folds), dealt + 1
                sizes[place] += 1
            places |= dict.fromkeys(indices, place)
            if over_classes:
                before[content] = place
    return places


def in_turn(pictures: Mapping[str, Collection[str]]) -> list[str]:
    """The classes, in order; before them those that share pictures, the smallest first: they have least choice."""
    owners = Counter(content for found in pictures.values() for content in found)
    shares = {label for label, found in pictures.items() if any(owners[content] > 1 for content in found)}
    return sorted(pictures, key=lambda label: (0, len(pictures[label]), label) if label in shares else (1, 0, label))


def emptiest(sizes: Mapping[int, int], dealt: int, folds: int) -> int:
    """The fold with the fewest pictures; of equals the one whose turn is next."""
    return min(range(folds), key=lambda fold: (sizes[fold], (fold - dealt) % folds))


def fold_of_sets(listing: Listing, folds: int, seed: int) -> dict[int, int]:
    """The same of images with any number of labels, each of which is spread as evenly as all of them can be."""
    pictures: defaultdict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(listing.items):
        if (item.split or TRAIN) == TRAIN:
            pictures[content_of(listing, index)].append(index)
    groups = list(pictures.values())
    labels = [
        sorted({name for index in group for name in listing.classes_of(listing.items[index])}) for group in groups
    ]
    for name, rows in members_of(labels).items():
        check_enough("label", name, len(rows), folds)
    places = parts_of_sets([listing.items[group[0]].path for group in groups], labels, parts=folds, seed=seed)
    return {index: place for group, place in zip(groups, places, strict=True) for index in group}


def content_of(listing: Listing, index: int) -> str:
    """What two files of one picture have in common; the path of images that were not scanned."""
    return listing.contents[index].sha256 if listing.contents else listing.items[index].path


def check_enough(kind: str, name: str, images: int, folds: int) -> None:
    """Refuse more folds than a class or label has images. Raises UsageError."""
    if images < folds:
        raise UsageError(
            f"The {kind} {name!r} has {images} different training images, which make no {folds} folds.",
            f"Give --folds {images}, or more images." if images >= LEAST else "Add images.",
        )


@at_rest()
def divided(listing: Listing, *, fraction: float, seed: int, fold: str | None = None, rule: int = RULE) -> Listing:
    """The listing as a run divides it: its fold for the test, then a share of the rest for validation."""
    return with_validation(with_fold(listing, fold, seed=seed, rule=rule), fraction=fraction, seed=seed, rule=rule)
