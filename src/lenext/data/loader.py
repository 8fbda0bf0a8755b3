"""Batches of pixels in a given order, read ahead by threads; the number of threads never changes a bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenext.data.ahead import Done, read_ahead
from lenext.data.augment import Pipeline
from lenext.data.decode import Cut
from lenext.data.geometry import single_crop
from lenext.data.images import ArrayImages
from lenext.data.listing import Part
from lenext.protocol import SingleCrop

TOGETHER = 128  # images in memory that are read at once at least; a batch of one costs its handing over, not its pixels


@dataclass(frozen=True)
class Loader:
    """One part of a data set, read as ``channels`` channels over ``background``, with ``workers`` threads (0: none)."""

    part: Part
    channels: int
    background: int = 255
    workers: int = 0

    def training(
        self, pipeline: Pipeline, epoch: int, order: NDArray[np.int64], cuts: Sequence[int]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """(images, labels) between each two neighbouring ``cuts`` of ``order``: an epoch's batches, or its rest."""

        def several(cuts: Sequence[int]) -> list[tuple[Tensor, Tensor]]:
            images, labels = self._augmented(pipeline, epoch, order, (cuts[0], cuts[-1]))
            sizes = [stop - start for start, stop in pairwise(cuts)]
            return list(zip(torch.split(images, sizes), torch.split(labels, sizes), strict=True))

        together = pipeline.whole_batches and isinstance(self.part.images, ArrayImages)
        for batches in read_ahead(several, groups(cuts, TOGETHER if together else 1), self.workers):
            yield from batches

    def spans(
        self, pipeline: Pipeline, epoch: int, order: NDArray[np.int64], spans: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """(images, labels) of each span, start to stop, of ``order``: what ``training`` gives of these positions."""
        return read_ahead(lambda span: self._augmented(pipeline, epoch, order, span), spans, self.workers)

    def views(self, view: SingleCrop, batch_size: int, span: tuple[int, int] | None = None) -> Iterator[Tensor]:
        """The test view of every image in the order of the part, uint8 N C H W; or of those from start to stop."""
        first, length = span or (0, len(self.part.labels))
        cuts = [(start, min(start + batch_size, length)) for start in range(first, length, batch_size)]

        def batch(start: int, stop: int) -> Tensor:
            rows = np.arange(start, stop)
            if isinstance(self.part.images, ArrayImages):
                return single_crop(self._together(rows), view)
            return torch.cat([single_crop(self._one(row), view) for row in rows])

        return read_ahead(lambda cut: batch(*cut), cuts, self.workers)

    def images(self, show: Callable[[Tensor], Done]) -> Iterator[Done]:
        """What ``show`` makes of every whole image (uint8 1 C H W), in the order of the part."""
        return read_ahead(lambda row: show(self._one(np.int64(row))), range(len(self.part)), self.workers)

    def _augmented(
        self, pipeline: Pipeline, epoch: int, order: NDArray[np.int64], span: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        start, stop = span
        rows = order[start:stop]
        if pipeline.whole_batches and isinstance(self.part.images, ArrayImages):
            images = pipeline(self._together(rows), epoch, start)
        else:
            images = torch.cat(list(pipeline.singly(self._one, rows, epoch, start)))
        return images, torch.from_numpy(self.part.labels[rows])

    def _one(self, row: np.int64, part: Cut | None = None) -> Tensor:
        pixels = self.part.images.read(int(self.part.indices[row]), self.channels, self.background, part)
        # A batch of one whose own stride says that channels lie together: torch's resizing looks at it.
        whole = max(size * stride for size, stride in zip(pixels.shape, pixels.stride(), strict=True))
        return pixels.as_strided((1, *pixels.shape), (whole, *pixels.stride()))

    def _together(self, rows: NDArray[np.int64]) -> Tensor:
        assert isinstance(self.part.images, ArrayImages)
        return self.part.images.batch(self.part.indices[rows], self.channels)


def groups(cuts: Sequence[int], least: int) -> list[list[int]]:
    """The cuts of neighbouring batches that have ``least`` images together; each group begins where one ends."""
    found: list[list[int]] = []
    for start, stop in pairwise(cuts):
        if found and found[-1][-1] - found[-1][0] < least:
            found[-1].append(stop)
        else:
            found.append([start, stop])
    return found


def batch_cuts(length: int, batch_size: int) -> list[int]:
    """Where an epoch is cut into batches. A last batch of one image, which has no variance, joins the one before."""
    cuts = [*range(0, length, batch_size), length]
    if batch_size > 1 and len(cuts) > 2 and cuts[-1] - cuts[-2] == 1:
        del cuts[-2]
    return cuts
