"""The nearest neighbours of every point of a set: exact, box by box, in memory that grows with the set alone."""

from __future__ import annotations

import torch
from torch import Tensor

BOX = 256  # points of a box, and
ROWS = 2048  # points that are held against it at once: 2 MB of distances
COARSE = 8  # axes by which the points are chosen that a box may have a neighbour of


def neighbours(points: Tensor, radius: float, count: int, others: Tensor | None = None) -> Tensor:
    """Pairs (int64 M 2, first < second) of points (float N D) that are nearer to each other than ``radius``.

    Of each point the ``count`` nearest among those that come after it in the order of the first coordinate. ``others``:
    the same things as other points; of each point then the ``count`` nearest of these, whichever come after. A pair may
    stand twice. A point is held against its own box first, and then against those alone that may hold a nearer one than
    it has found; so the first axes should be the widest.
    """
    search = Search(points, radius, count, others)
    boxes = boxed(points)
    for box in boxes:
        search.look(box, box)
    at_home = torch.empty(len(points), dtype=torch.int64)
    for number, box in enumerate(boxes):
        at_home[box] = number
    for number, box in enumerate(boxes):
        rows = search.towards(box)
        for some in torch.split(rows[at_home[rows] != number], ROWS):
            search.look(some, box)
    return search.pairs()


def boxed(points: Tensor) -> list[Tensor]:
    """Their numbers in boxes of at most ``BOX``: all halved, again and again, along the axis where they vary most."""
    waiting, boxes = [torch.arange(len(points))] if len(points) else [], []
    while waiting:
        numbers = waiting.pop()
        if len(numbers) <= BOX:
            boxes.append(numbers)
            continue
        widest = points[numbers].var(0).argmax()
        numbers = numbers[points[numbers, widest].argsort()]
        waiting += [*numbers.tensor_split(2)]
    return boxes


class Search:
    """What was found so far: of each point the squared distances of its nearest ones, ascending, and their numbers."""

    def __init__(self, points: Tensor, radius: float, count: int, others: Tensor | None) -> None:
        beside = points if others is None else others
        # A product of the two is squared distances.
        lengths, ones = points.square().sum(1, keepdim=True), torch.ones(len(points), 1)
        self.left = torch.cat([-2 * points, lengths, ones], 1)
        self.right = torch.cat([beside, ones, beside.square().sum(1, keepdim=True)], 1)
        self.coarse, self.others = points[:, :COARSE].contiguous(), beside[:, :COARSE].contiguous()
        self.places = points[:, 0].argsort().argsort() if others is None else None
        self.least = torch.full((len(points), count), radius**2)
        self.numbers = torch.full((len(points), count), -1)

    def towards(self, box: Tensor) -> Tensor:
        """Points of which a box may hold a neighbour."""
        low, high = self.others[box].amin(0), self.others[box].amax(0)
        gaps = (self.coarse - self.coarse.clamp(low, high)).square().sum(1)
        near = gaps < self.least[:, -1]
        if self.places is not None:
            near &= self.places < self.places[box].max()
        return near.nonzero()[:, 0]

    def look(self, rows: Tensor, box: Tensor) -> None:
        """Hold some points against all of a box."""
        squares = self.left[rows] @ self.right[box].T
        if self.places is not None:
            squares.masked_fill_(self.places[box] <= self.places[rows, None], torch.inf)
        count = self.least.shape[1]
        new = (squares.amin(1) < self.least[rows, -1]).nonzero()[:, 0]  # much quicker than to sort them all
        rows, squares = rows[new], squares[new]
        found, where = squares.topk(min(count, len(box)), largest=False)
        both = torch.cat([self.least[rows], found], 1)
        self.least[rows], chosen = both.topk(count, largest=False)
        self.numbers[rows] = torch.cat([self.numbers[rows], box[where]], 1).gather(1, chosen)

    def pairs(self) -> Tensor:
        """Each point with each that was found, the lower number first."""
        rows, columns = (self.numbers >= 0).nonzero(as_tuple=True)
        pairs = torch.stack([rows, self.numbers[rows, columns]], 1).sort(1).values
        return pairs[pairs[:, 0] < pairs[:, 1]]


def least_of_each(groups: Tensor, values: Tensor, count: int) -> Tensor:
    """Positions of the ``count`` least values of each group; groups: int64 N, values: float N."""
    by_value = values.argsort(stable=True)
    order = by_value[groups[by_value].argsort(stable=True)]
    ordered = groups[order].contiguous()
    return order[torch.arange(len(order)) - torch.searchsorted(ordered, ordered) < count]
