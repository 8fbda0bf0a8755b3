"""Sums over the batches of an epoch that no step waits for."""

from __future__ import annotations

import math

import torch
from torch import Tensor

WAITING = 256  # batches whose figures are still tensors, at most; on a GPU each look at one would stop the queue


class Totals:
    """Loss, right answers and images of an epoch so far, summed in float64 and in order, however often one looks.

    lost: the first batch (from 0, of those that were added) with a number that is none, and what that is.
    """

    def __init__(self, sums: tuple[float, float, float]) -> None:
        self._sums = sums
        self._waiting: list[tuple[Tensor, Tensor, int]] = []
        self._weights: list[Tensor] = []
        self._seen = 0
        self.lost: tuple[int, str] | None = None

    def add(self, loss: Tensor, hits: Tensor, images: int, weights: Tensor | None = None) -> None:
        """Take in a batch: its mean loss and right answers (scalars on any device), and how many images it had.

        weights: the ``magnitude`` of the network after its step, for each batch or for none.
        """
        self._waiting.append((loss, hits, images))
        if weights is not None:
            self._weights.append(weights)
        if len(self._waiting) >= WAITING:
            self.values()

    def values(self) -> tuple[float, float, float]:
        """The sums of loss (mean times images), right answers and images."""
        if self._waiting:
            losses = torch.stack([loss for loss, _, _ in self._waiting]).tolist()
            hits = torch.stack([hits for _, hits, _ in self._waiting]).tolist()
            loss, right, images = self._sums
            for mean, answers, (_, _, count) in zip(losses, hits, self._waiting, strict=True):
                loss, right, images = loss + mean * count, right + answers, images + count
            self._sums = loss, right, images
            self.lost = self.lost or self._first_lost(losses)
            self._seen += len(losses)
            self._waiting, self._weights = [], []
        return self._sums

    def _first_lost(self, losses: list[float]) -> tuple[int, str] | None:
        """The loss of a batch is older than the weights after it."""
        weights = torch.stack(self._weights).tolist() if self._weights else []
        found = [(index, 0, "loss") for index, loss in enumerate(losses) if not math.isfinite(loss)]
        found += [(index, 1, "gradient or a weight") for index, norm in enumerate(weights) if not math.isfinite(norm)]
        return (self._seen + min(found)[0], min(found)[2]) if found else None
