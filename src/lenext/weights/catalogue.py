"""Published ImageNet weights of the line: which there are, for which reading, where they lie, what input they want.

The table beside this file is generated from the libraries that publish them (``make catalogue``). Importing this
imports no torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lenext.errors import UsageError, did_you_mean
from lenext.models import canonical
from lenext.protocol import Preprocessing, SingleCrop
from lenext.values import decode

BEST = "imagenet"  # as a word for weights: the best that are published
TABLE = Path(__file__).with_name("published.json")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file of weights for the 1,000 classes of ImageNet (ILSVRC-2012).

    name: as its library calls it (``torchvision:IMAGENET1K_V2``), unique within the network; source, model: whose names
    its tensors have, and that library's name of the network; address: of the file, or the requirement of the Python
    ``package`` that holds it; file: its name in the cache, or its place in the package; sha256: how the file's SHA-256
    begins, as much of it as is published, or ""; md5: where only that is; bgr: whether the file's network looks at blue
    first, which loading it turns round; megabytes: of 2^20 bytes, about; top1, top5: reported accuracy in per
    cent, single crop on the validation set; licence: as the publisher states it.
    """

    network: str
    reading: str
    name: str
    source: str
    model: str
    address: str
    file: str
    package: str = ""
    sha256: str = ""
    md5: str = ""
    bgr: bool = False
    megabytes: float
    resize: int
    crop: int
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    top1: float | None = None
    top5: float | None = None
    licence: str

    @property
    def preprocessing(self) -> Preprocessing:
        view = SingleCrop(resize=self.resize, crop=self.crop, interpolation=self.interpolation)
        return Preprocessing(channels=len(self.mean), view=view, mean=self.mean, std=self.std)


@cache
def table() -> tuple[Entry, ...]:
    """Every entry, in the order of the line; of a network those of the paper's reading first, then the better ones."""
    rows = json.loads(TABLE.read_text(encoding="utf-8"))
    return tuple(decode(Entry, row, f"{TABLE.name}.{number}") for number, row in enumerate(rows))


def entries(name: str) -> tuple[Entry, ...]:
    """The published weights of a network: those of the paper's reading first, then by reported accuracy."""
    network = canonical(name)
    return tuple(entry for entry in table() if entry.network == network)


def choose(name: str, word: str = BEST, reading: str | None = None) -> Entry:
    """The published weights of a network that ``word`` means: "imagenet" for the first of ``entries``, or their name.

    With a ``reading`` "imagenet" means the best of that one. Raises ``UsageError`` where there are none.
    """
    network, found = canonical(name), entries(name)
    if not found:
        raise UsageError(
            f"No weights are published for {network}.", "Train it, or give the path of a weight file that you have."
        )
    if word != BEST:
        known = {entry.name: entry for entry in found}
        if word not in known:
            hint = did_you_mean(word, known) or f"There are: {', '.join((BEST, *known))}."
            raise UsageError(f"{network} has no published weights {word!r}.", hint)
        return known[word]
    fitting = [entry for entry in found if reading in (None, entry.reading)]
    if not fitting:
        others = ", ".join(dict.fromkeys(entry.reading for entry in found))
        raise UsageError(
            f"No weights are published for {network} in the reading {reading!r}.",
            f"There are some for: {others}. Leave the reading out, and the weights decide it.",
        )
    return fitting[0]
