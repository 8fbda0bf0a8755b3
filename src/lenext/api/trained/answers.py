"""What trained networks answer for the images of a data set that none of them was trained on."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenext.api.data import counts
from lenext.api.trained.protocols import Chosen
from lenext.data.folds import divided
from lenext.data.imagenet import name_of
from lenext.data.item import TEST, TRAIN, VAL
from lenext.data.listing import Listing, Part, fingerprint, part
from lenext.data.loader import Loader
from lenext.data.split import UNTOLD
from lenext.errors import DataError, UsageError, did_you_mean
from lenext.evaluation.features import Seen, seen
from lenext.evaluation.inference import Compute
from lenext.evaluation.memory import enough_memory
from lenext.evaluation.testing import Stack, Tested, run, stacks
from lenext.parallel.shards import share_of
from lenext.parallel.team import Alone
from lenext.protocol import SingleCrop
from lenext.training.watch import Watcher
from lenext.weights.card import Card, Model

ALL = "all"
SOME = "some"  # images that one network was trained on and another was not

Thing = TypeVar("Thing")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How images go through: batch_size views of the trained size at once; workers: threads that read.

    team: the processes that share the images.
    """

    compute: Compute
    batch_size: int
    workers: int
    team: Alone = field(default_factory=Alone)


@dataclass(frozen=True, kw_only=True)
class Answers:
    """One network's answers: the test, how it was shown the images, the seconds that took; seen: if watched."""

    tested: Tested
    chosen: Chosen
    seconds: float
    seen: Seen | None = None


def answers(
    model: Model, images: Part, chosen: Chosen, reading: Reading, watcher: Watcher, temperature: float | None = None
) -> Answers:
    """The network's probabilities for every image, once, by a protocol; each process of a team shows it a part of them.

    With a temperature they are those of the logits divided by it, and the network is watched: one view an image.
    """
    shown_as, compute, team = model.card.preprocessing, reading.compute, reading.team
    span = share_of(len(images), reading.batch_size, team.rank, team.size)
    own = images if team.size == 1 else cut(images, span)
    loader = Loader(own, shown_as.channels, shown_as.background, reading.workers)
    compute.place(model.network)
    start = time.perf_counter()

    def show(image: Tensor) -> list[Stack]:
        return stacks(image, chosen.protocol, model.statistics)

    shown: Iterator[list[Stack]]
    if isinstance(chosen.protocol, SingleCrop):  # images of equal size are cut and scaled together
        batches = loader.views(chosen.protocol, reading.batch_size)
        shown = ([Stack(batch[row : row + 1], 1.0)] for batch in batches for row in range(len(batch)))
    else:
        shown = loader.images(show)
    pixels = reading.batch_size * math.prod(shown_as.view.shape)
    things = watched(shown, len(own), watcher)
    with nullcontext() if temperature is None else seen(model.network) as caught, enough_memory(reading.batch_size):
        network, constants, activation = model.network, model.statistics, model.card.activation
        tested = run(network, constants, things, compute, pixels, temperature or 1.0, activation)
    if team.size > 1:
        rows = Rows(span[0], len(images), team)
        tested = Tested(rows.joined(tested.probabilities), rows.sum(tested.views), rows.sum(tested.macs))
        caught = caught and Seen(*(torch.from_numpy(rows.joined(one())) for one in (caught.logits, caught.features)))
    return Answers(tested=tested, chosen=chosen, seconds=time.perf_counter() - start, seen=caught)


def cut(images: Part, span: tuple[int, int]) -> Part:
    """The images from a place up to another."""
    some = slice(*span)
    return Part(images.images, images.indices[some], images.labels[some], images.names[some])


@dataclass(frozen=True)
class Rows:
    """What belongs to some of ``total`` images, from ``first`` on, as each process of a team has its own."""

    first: int
    total: int
    team: Alone

    def joined(self, own: NDArray[np.float32]) -> NDArray[np.float32]:
        """The rows of all images, in their order, on every process; a process may have none."""
        width = int(self.team.gather(torch.tensor([[own.shape[1]]])).max())
        whole = torch.zeros(self.total, width)
        if len(own):
            whole[self.first : self.first + len(own)] = torch.from_numpy(own)
        found: NDArray[np.float32] = self.team.sum(whole).numpy()
        return found

    def sum(self, own: int) -> int:
        return int(self.team.sum(torch.tensor([own])).item())


def watched(things: Iterator[Thing], total: int, watcher: Watcher) -> Iterator[Thing]:
    """The same things, each counted for whoever watches."""
    for done, thing in enumerate(things, 1):
        yield thing
        watcher.scan(done, total)


def choose(listing: Listing, cards: Sequence[Card], split: str | None) -> tuple[Part, str]:
    """The images to measure, and what they are, in words: the named split, or those that trained none of the networks.

    Of the very data of a run, those that it held out did not train it. Raises UsageError for a split that is not there,
    DataError when every image trained one of the networks.
    """
    mark = "" if VAL in listing.splits else fingerprint(listing)
    own = [card for card in cards if mark and card.data.get("fingerprint") == mark]
    parted = [as_trained(listing, card) for card in own]
    if parted:
        listing = together(parted)
    if split is not None:
        if split != ALL and split not in listing.splits:
            raise UsageError(f"The data have no split {split!r}.", f"They have: {', '.join(listing.splits)}, all.")
        return part(listing, None if split == ALL else split), split
    if TEST in listing.splits:
        return part(listing, TEST), "the test split"
    if VAL in listing.splits:
        runs = "run" if len(cards) == 1 else "runs"
        return part(listing, VAL), f"the validation split{f' that the {runs} made of these data' if parted else ''}"
    if any(VAL in one.splits for one in parted):
        raise DataError(
            "There is no image that all of these runs held out of their training.",
            "Give other data, or train with one --seed; --split all measures images that trained some of them, too.",
        )
    return part(listing, None), "all of them"


def as_trained(listing: Listing, card: Card) -> Listing:
    """The very data of a run as it divided them; a card that does not say by which rule has counts that tell."""
    said, fold = card.data, card.data.get("fold")

    def by(rule: int) -> Listing:
        return divided(listing, fraction=said["validation"], seed=said["seed"], fold=fold, rule=rule)

    rules = [said["split"]] if "split" in said else range(UNTOLD, 0, -1)
    found = [by(rule) for rule in rules]
    return next((one for one in found if counts(one) == said.get("counts")), found[0])


def together(parted: Sequence[Listing]) -> Listing:
    """One listing of the same data: an image is in a split where it is in all of them."""
    splits = [{one.items[index].split or TRAIN for one in parted} for index in range(len(parted[0].items))]
    items = tuple(
        replace(item, split=next(iter(found)) if len(found) == 1 else SOME)
        for item, found in zip(parted[0].items, splits, strict=True)
    )
    return replace(parted[0], items=items)


def positions(listing: Listing, card: Card) -> NDArray[np.int64]:
    """For each class of the data its place in the network's answers, matched by name or ImageNet's WordNet number."""
    words = [name if name in card.classes else name_of(name) for name in listing.classes]
    unknown = [name for name, word in zip(listing.classes, words, strict=True) if word not in card.classes]
    if unknown:
        hint = did_you_mean(unknown[0], card.classes)
        raise DataError(
            f"The network does not know {len(unknown)} of the data's {len(listing.classes)} classes: "
            f"{', '.join(map(repr, unknown[:5]))}.",
            hint or f"It knows: {', '.join(card.classes[:10])}.",
        )
    return np.array([card.classes.index(word) for word in words], dtype=np.int64)
