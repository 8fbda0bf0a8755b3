"""The data sets that lenext knows by name: handwritten digits from scikit-learn, MNIST and Fashion-MNIST."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lenext.data.idx import DIGITS, IDX_SETS, read_idx_set
from lenext.data.images import ArrayImages
from lenext.data.item import TEST, TRAIN, Item
from lenext.data.stratify import stratified_share

NAMES = ("digits", *IDX_SETS)


def load(name: str, data_root: str | None = None) -> tuple[ArrayImages, tuple[Item, ...]]:
    """Images and items of a built-in set; ``DataError`` where its files are neither here nor to be had."""
    return load_digits() if name == "digits" else load_idx(name, data_root)


def load_digits() -> tuple[ArrayImages, tuple[Item, ...]]:
    """1,797 digits of 8x8 pixels that ship with scikit-learn; one in five is for testing (ours: none is published)."""
    from sklearn.datasets import load_digits as from_sklearn

    found = from_sklearn()
    images = ArrayImages(np.rint(found.images * (255 / 16)).astype(np.uint8), "digits")  # ink from 0 to 16
    labels = [DIGITS[label] for label in found.target]
    names = [images.name(index) for index in range(len(images))]
    test = stratified_share(names, labels, fraction=0.2, seed=0)
    return images, items_of(images, labels, [TEST if index in test else TRAIN for index in range(len(labels))])


def load_idx(name: str, data_root: str | None) -> tuple[ArrayImages, tuple[Item, ...]]:
    """28x28 grey, 60,000 for training and 10,000 for testing, in the published order."""
    files = read_idx_set(name, data_root)
    train, test = files["train-labels-idx1-ubyte"], files["t10k-labels-idx1-ubyte"]
    pixels: NDArray[np.uint8] = np.concatenate([files["train-images-idx3-ubyte"], files["t10k-images-idx3-ubyte"]])
    images = ArrayImages(pixels, name)
    labels = [IDX_SETS[name].classes[label] for label in (*train, *test)]
    return images, items_of(images, labels, [TRAIN] * len(train) + [TEST] * len(test))


def items_of(images: ArrayImages, labels: list[str], splits: list[str]) -> tuple[Item, ...]:
    rows = zip(labels, splits, strict=True)
    return tuple(Item(images.name(index), label, split) for index, (label, split) in enumerate(rows))
