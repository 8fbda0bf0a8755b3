"""The nearest neighbours of every point of a set: exact, in blocks, in memory that grows with the set alone."""

from __future__ import annotations

import torch
from torch import Tensor

ROWS, COLUMNS = 512, 8192  # of one block of distances, 16 MB


def neighbours(points: Tensor, radius: float, count: int) -> tuple[Tensor, Tensor]:
    """(pairs, squared distances) of points (float N D) nearer than ``radius``: int64 M 2, first < second once sorted.

    Of each point the ``count`` nearest among those that come after it in the order of the first coordinate; points
    that are further apart in that one alone are never compared, so it should be the widest.
    """
    order = points[:, 0].argsort()
    ranked = points[order].contiguous()
    first = ranked[:, 0].contiguous()
    norms = ranked.square().sum(1)
    found: list[Tensor] = []
    lengths: list[Tensor] = []
    for start in range(0, len(ranked), ROWS):
        stop = min(start + ROWS, len(ranked))
        last = int(torch.searchsorted(first, first[stop - 1] + radius, right=True))
        rows, columns, distances = block_row(ranked, norms, (start, stop, last), radius**2, count)
        found.append(torch.stack([order[rows], order[columns]], 1))
        lengths.append(distances)
    if not found:
        return torch.empty(0, 2, dtype=torch.int64), torch.empty(0)
    return torch.cat(found).sort(1).values, torch.cat(lengths)


def block_row(
    points: Tensor, norms: Tensor, span: tuple[int, int, int], limit: float, count: int
) -> tuple[Tensor, Tensor, Tensor]:
    """(row, column, squared distance) of the neighbours of the points from start to stop, up to the point last."""
    start, stop, last = span
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    limits = torch.full((stop - start, 1), limit)
    for left in range(start, last, COLUMNS):
        right = min(left + COLUMNS, last)
        squares = torch.addmm(
            norms[None, left:right] + norms[start:stop, None], points[start:stop], points[left:right].T, alpha=-2
        )
        if left < stop:  # each pair once, and none with itself
            squares[torch.arange(left, right)[None] <= torch.arange(start, stop)[:, None]] = torch.inf
        near = squares < limits
        if int(near.sum()) > 4 * count * (stop - start) and count < right - left:
            nearest, where = squares.topk(count, largest=False)
            limits = torch.minimum(limits, nearest[:, -1:])
            row, place = (nearest < limit).nonzero(as_tuple=True)
            parts.append((row + start, where[row, place] + left, nearest[row, place]))
            continue
        row, column = near.nonzero(as_tuple=True)
        parts.append((row + start, column + left, squares[row, column]))
    rows, columns, distances = (torch.cat(part) for part in zip(*parts, strict=True))
    by_distance = distances.argsort()
    order = by_distance[rows[by_distance].argsort(stable=True)]
    ordered = rows[order]
    rank = torch.arange(len(ordered)) - torch.searchsorted(ordered, ordered)
    kept = order[rank < count]
    return rows[kept], columns[kept], distances[kept].clamp_min(0)
