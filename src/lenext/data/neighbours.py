"""The nearest neighbours of every point of a set: exact, in blocks, in memory that grows with the set alone."""

from __future__ import annotations

import torch
from torch import Tensor

ROWS, COLUMNS = 512, 8192  # of one block of distances, 16 MB


def neighbours(points: Tensor, radius: float, count: int, others: Tensor | None = None) -> Tensor:
    """Pairs (int64 M 2, first < second) of points (float N D) that are nearer to each other than ``radius``.

    Of each point the ``count`` nearest among those that come after it in the order of the first coordinate. Points that
    are further apart in that one alone are never compared, so it should be the widest. ``others``: the same things as
    other points; of each point then the ``count`` nearest of these, whichever come after. A pair may stand twice.
    """
    order = points[:, 0].argsort()
    ranked = points[order].contiguous()
    columns = order if others is None else others[:, 0].argsort()
    beside = ranked if others is None else others[columns].contiguous()
    first = beside[:, 0].contiguous()
    found = [torch.empty(0, 2, dtype=torch.int64)]
    for start in range(0, len(ranked), ROWS):
        block = ranked[start : start + ROWS]
        low, high = block[0, 0] - radius, block[-1, 0] + radius
        begin = start if others is None else int(torch.searchsorted(first, low))
        end = int(torch.searchsorted(first, high, right=True))
        row, column = nearest(block, beside[begin:end], radius**2, count, after=others is None)
        found.append(torch.stack([order[start + row], columns[begin + column]], 1))
    pairs = torch.cat(found).sort(1).values
    return pairs[pairs[:, 0] < pairs[:, 1]]


def nearest(points: Tensor, others: Tensor, limit: float, count: int, *, after: bool) -> tuple[Tensor, Tensor]:
    """(rows, columns) of the ``count`` others nearest to each point, at squared distances below ``limit``.

    after: whether the others begin with the points themselves, and only those that follow a point are meant.
    """
    norms, size = points.square().sum(1, keepdim=True), len(points)
    limits = torch.full((size, 1), limit)
    parts = [(torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64), torch.empty(0))]
    for left in range(0, len(others), COLUMNS):
        part = others[left : left + COLUMNS]
        squares = torch.addmm(norms + part.square().sum(1), points, part.T, alpha=-2)
        if after and left < size:
            squares[torch.arange(left, left + len(part)) <= torch.arange(size)[:, None]] = torch.inf
        near = squares < limits
        if int(near.sum()) > 4 * count * size and count < len(part):
            least, where = squares.topk(count, largest=False)
            row, place = (least < limits).nonzero(as_tuple=True)
            parts.append((row, where[row, place] + left, least[row, place]))
            limits = torch.minimum(limits, least[:, -1:])
        else:
            row, column = near.nonzero(as_tuple=True)
            parts.append((row, column + left, squares[row, column]))
    rows, columns, distances = (torch.cat(part) for part in zip(*parts, strict=True))
    chosen = least_of_each(rows, distances, count)
    return rows[chosen], columns[chosen]


def least_of_each(groups: Tensor, values: Tensor, count: int) -> Tensor:
    """Positions of the ``count`` least values of each group; groups: int64 N, values: float N."""
    by_value = values.argsort(stable=True)
    order = by_value[groups[by_value].argsort(stable=True)]
    ordered = groups[order].contiguous()
    return order[torch.arange(len(order)) - torch.searchsorted(ordered, ordered) < count]
