"""How far an exported file's answers are from the network's: measured by running the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenext.engines.engine import Engine, Floats, Pixels
from lenext.evaluation.intervals import wilson

MADE = 64  # pictures that are made where no data are given
Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Parity:
    """Of ``images``: largest and mean difference of a probability, labels that changed, and who was right how often.

    shown: which images, in words.
    """

    engine: str
    precision: str
    images: int
    shown: str
    largest: float
    mean: float
    changed: int
    right: tuple[int, int] | None = None  # the network, the file

    @property
    def share(self) -> float:
        """Of labels that changed."""
        return self.changed / self.images

    def document(self) -> dict[str, Any]:
        """As JSON; ``top1`` only where labels are known."""
        found: dict[str, Any] = {
            "engine": self.engine,
            "precision": self.precision,
            "images": self.images,
            "shown": self.shown,
            "largest_difference": self.largest,
            "mean_difference": self.mean,
            "changed_labels": self.changed,
        }
        if self.right is not None:
            names = ("network", "exported")
            pairs = zip(names, self.right, strict=True)
            found["top1"] = {name: wilson(right, self.images).document() for name, right in pairs}
        return found

    def line(self) -> str:
        """For a person."""
        words = (
            f"{self.engine} {self.precision}: {self.changed} of {self.images:,} labels changed ({self.shown}), largest "
            f"difference of a probability {self.largest:.2g}"
        )
        if self.right is None:
            return words
        network, exported = (wilson(right, self.images) for right in self.right)
        return (
            f"{words}; top-1 {exported.value:.4f} ({exported.low:.4f} to {exported.high:.4f}), "
            f"the network's own {network.value:.4f} ({network.low:.4f} to {network.high:.4f})"
        )


def compare(
    engine: Engine, precision: str, images: Pixels, own: Floats, labels: Labels | None, shown: str, batch: int = 32
) -> Parity:
    """Run ``images`` (uint8 N C H W) through the engine; own: the network's probabilities of them."""
    parts = [engine.predict(images[start : start + batch]) for start in range(0, len(images), batch)]
    found = np.concatenate(parts)
    apart = np.abs(found.astype(np.float64) - own)
    answers, before = found.argmax(1), own.argmax(1)
    right = None if labels is None else (int((before == labels).sum()), int((answers == labels).sum()))
    return Parity(
        engine=engine.name,
        precision=precision,
        images=len(images),
        shown=shown,
        largest=float(apart.max()),
        mean=float(apart.mean()),
        changed=int((answers != before).sum()),
        right=right,
    )


def made_pictures(channels: int, height: int, width: int) -> Pixels:  # N C H W
    """Pictures of patches of all sizes, for want of photographs: coarse noise scaled up, on top of finer noise."""
    draw = np.random.default_rng(0)
    pictures = np.empty((MADE, height, width, channels), dtype=np.float32)
    for row in range(MADE):
        total = np.zeros((height, width, channels), dtype=np.float32)
        for cells in (2, 3, 5, 9, 17, 33):
            coarse = draw.normal(size=(cells, cells, channels)).astype(np.float32)
            tall, wide = (np.linspace(0, cells - 1e-3, side).astype(int) for side in (height, width))
            total += coarse[tall][:, wide] / np.sqrt(cells)
        pictures[row] = 128 + 60 * total / total.std() * draw.uniform(0.3, 1) + draw.uniform(-50, 50)
    return np.clip(pictures, 0, 255).astype(np.uint8).transpose(0, 3, 1, 2)
