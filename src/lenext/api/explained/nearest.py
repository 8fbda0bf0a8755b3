"""The training pictures of a model that are nearest to another picture, in the eyes of the network."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lenext.api.data import ready
from lenext.api.trained.answers import as_trained
from lenext.data.item import TRAIN
from lenext.data.listing import Listing, Part, fingerprint, part
from lenext.data.loader import Loader
from lenext.errors import DataError
from lenext.evaluation.inference import Compute
from lenext.evaluation.label_measure import NONE
from lenext.explanation.neighbours import features, nearest
from lenext.training.watch import Watcher, watched
from lenext.weights.card import Card, Model

BATCH = 64


@dataclass(frozen=True)
class Found:
    """A picture that is near: its path and class, 1 minus the cosine, and its pixels (uint8 H W C)."""

    name: str
    label: str
    distance: float
    picture: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures to search, with the class or labels of each in words, and their features (images, features)."""

    images: Part
    words: tuple[str, ...]
    features: NDArray[np.float32]
    channels: int
    background: int

    def nearest(self, own: NDArray[np.float32], count: int) -> tuple[Found, ...]:
        """The ``count`` nearest to features of length 1, nearest first."""
        return tuple(
            Found(
                name=self.images.names[one.row],
                label=self.words[one.row],
                distance=one.distance,
                picture=self._pixels(one.row),
            )
            for one in nearest(self.features, own, count)
        )

    def _pixels(self, row: int) -> NDArray[np.uint8]:
        image = self.images.images.read(int(self.images.indices[row]), self.channels, self.background)
        pixels: NDArray[np.uint8] = image.permute(1, 2, 0).numpy()
        return pixels


def search(
    model: Model, data: str, compute: Compute, workers: int, data_root: str | None, watcher: Watcher
) -> Pictures:
    """The training images of ``data`` with the features that the network finds in each.

    Raises DataError where there is none.
    """
    listing = ready(data, data_root=data_root, workers=workers, on_bad="skip", watcher=watcher, least=1)
    images = trained(listing, model.card)
    if not len(images):
        raise DataError(f"{listing.name} has no training images.", "Name the data that the network was trained on.")
    watcher.message(f"Looking at {len(images):,} training images for those that are most alike.")
    shown_as = model.card.preprocessing
    loader = Loader(images, shown_as.channels, shown_as.background, workers)
    views = watched(loader.views(shown_as.view, BATCH), len(images), watcher)
    found = features(model.network, model.statistics, views, compute)
    words = tuple(", ".join(listing.classes_of(listing.items[index])) or NONE for index in images.indices)
    return Pictures(images, words, found, shown_as.channels, shown_as.background)


def trained(listing: Listing, card: Card) -> Part:
    """The images that train: of the very data of the run, without those that it held out or left to another fold."""
    if card.data.get("fingerprint") == fingerprint(listing) and "validation" in card.data:
        listing = as_trained(listing, card)
    return part(replace(listing, problems=()), TRAIN)
