"""Sums over the batches of an epoch that no step waits for."""

from __future__ import annotations

import torch
from torch import Tensor

WAITING = 256  # batches whose figures are still tensors, at most; on a GPU each look at one would stop the queue


class Totals:
    """Loss, right answers and images of an epoch so far, summed in float64 and in order, however often one looks."""

    def __init__(self, sums: tuple[float, float, float]) -> None:
        self._sums = sums
        self._waiting: list[tuple[Tensor, Tensor, int]] = []

    def add(self, loss: Tensor, hits: Tensor, images: int) -> None:
        """Take in a batch: its mean loss and right answers (scalars on any device), and how many images it had."""
        self._waiting.append((loss, hits, images))
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
            self._waiting = []
        return self._sums
