"""Pictures that are nearly the same: candidates by a descriptor of the whole picture, each judged on its pixels.

What makes a copy of a picture is not that it is near, for many pictures of one kind are (trousers, say), but that it is
far nearer than the others of its kind: a pair must pass both tests. Found are copies that were compressed, resized,
brightened, darkened, made noisy or moved by a pixel. A part that was cut out, a mirror image and a turned picture count
as other pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.data.neighbours import least_of_each, neighbours
from lenext.data.sketch import SIDE, Sketch, colours, thumbnails

GRID, AXES = 16, 48  # cells a side of a descriptor, and the principal axes of descriptors that a search looks at
RADIUS = 0.35  # of the search, where descriptors have length 1
COUNT = 8  # candidates of each picture
MOVED_RADIUS, MOVED_COUNT = 0.35, 4  # the same of the searches among pictures that were moved by a pixel
FLAT = 3.0  # grey levels of deviation below which a picture shows nothing that could be compared
PAIRS = 512  # judged at once, so many as fit in a processor's own memory
HALVES = (-2, -1, 0, 1, 2)  # half pixels by which a picture may have been moved
# Differences and shares of the usual one below which a pair is a copy; ours: measured on Fashion-MNIST with planted
# copies, so that of 12,000 pictures fewer than one in a thousand is named that was not planted.
TESTS = ((0.0015, 0.15), (0.003, 0.07), (0.0045, 0.05), (0.01, 0.04))
RESAMPLED = 1.8  # times as much may differ between thumbnails of two sizes: one of them lost its finest detail
SURE = 0.0005  # difference that needs no comparison with others
CONTEXT = 5  # the neighbour by whose distance one is judged to be far nearer than usual
EDGE = 3  # pixels that are not judged, for what was cut off has been blurred into them
FAR = 0.2  # the distance of that neighbour where the search found none


@dataclass(frozen=True)
class Likeness:
    """Two pictures by number, first < second.

    difference: the share of the variance of one that the other does not explain, at the best shift.
    """

    first: int
    second: int
    difference: float


def near_copies(sketches: Sequence[Sketch]) -> list[Likeness]:
    """Every pair of pictures that are nearly the same, sorted; equal ones are among them."""
    pictures = thumbnails(sketches)
    smooth = torch.cat([blurred(part) for part in torch.split(pictures, 4096)])
    worth = (smooth.flatten(1).float().std(1) > FLAT).nonzero()[:, 0]
    if len(worth) < 2:
        return []
    smooth = smooth[worth]
    pairs = candidates(smooth)
    difference = best_shifts(smooth, pairs)
    usual = context(pairs, difference, len(worth))
    kept = same(difference, usual, sizes_differ(sketches, worth[pairs]))
    pairs, difference = worth[pairs[kept]], difference[kept]
    kept = same_colours(colours(sketches), pairs) & same_shape(sketches, pairs)
    rows = zip(pairs[kept].tolist(), difference[kept].tolist(), strict=True)
    return sorted((Likeness(i, j, d) for (i, j), d in rows), key=lambda one: (one.first, one.second))


def same(difference: Tensor, usual: Tensor, resampled: Tensor) -> Tensor:
    """Which pairs are copies: by what differs, and by how much less that is than usual; ``resampled``: bool."""
    allowed = torch.where(resampled, RESAMPLED, 1.0)
    ratio = difference / usual
    found = difference < SURE
    for most, share in TESTS:
        found |= (difference < most * allowed) & (ratio < share * allowed)
    return found


# ---------------------------------------------------------------- candidates


def blurred(pictures: Tensor) -> Tensor:
    """uint8 N H W as half-precision numbers, without what noise and compression change most."""
    _, height, width = pictures.shape
    return (blur(height) @ (pictures.float() @ blur(width).T)).half()


def blur(side: int) -> Tensor:  # side side
    """What a line of so many pixels is multiplied by to be blurred; beyond its ends it goes on as they are."""
    weights = torch.tensor([1.0, 8, 28, 56, 70, 56, 28, 8, 1]) / 256
    places = torch.arange(side)[:, None] + torch.arange(-4, 5)
    return torch.zeros(side, side).scatter_add_(1, places.clamp(0, side - 1), weights.expand(side, -1))


def candidates(smooth: Tensor) -> Tensor:
    """Pairs worth judging, int64 M 2: near as they lie, once each is moved to its middle, or once one moves a pixel."""
    lying = cells(smooth)
    mean = lying.mean(0)
    _, principal = torch.linalg.eigh((lying - mean).T @ (lying - mean))
    axes = principal.flip(1)[:, :AXES]
    points = (lying - mean) @ axes
    found = [neighbours(points, RADIUS, COUNT), neighbours((cells(smooth, centre) - mean) @ axes, RADIUS, COUNT)]
    for step in ((0, 1), (1, 0), (1, 1), (1, -1)):  # down, right; the other four by the other picture of a pair
        others = cells(smooth, partial(torch.roll, shifts=step, dims=(1, 2)))
        found.append(neighbours(points, MOVED_RADIUS, MOVED_COUNT, (others - mean) @ axes))
    pairs = torch.cat(found)
    codes = torch.unique(pairs[:, 0] * len(smooth) + pairs[:, 1])
    return torch.stack([codes // len(smooth), codes % len(smooth)], 1)


def cells(smooth: Tensor, change: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Descriptors, float N GRID*GRID: the cell means of a picture, perhaps changed, without their mean, length 1."""
    parts = []
    for part in torch.split(smooth, 4096):
        whole = part.float() if change is None else change(part.float())
        means = F.adaptive_avg_pool2d(whole[:, None], GRID).flatten(1)
        means = means - means.mean(1, keepdim=True)
        parts.append(means / means.norm(dim=1, keepdim=True).clamp_min(1e-6))
    return torch.cat(parts)


def centre(pictures: Tensor) -> Tensor:
    """Each picture (float N H W) moved so that what stands out from its edge lies around the middle."""
    _, height, width = pictures.shape
    edge = torch.cat([pictures[:, 0], pictures[:, -1], pictures[:, :, 0], pictures[:, :, -1]], 1).median(1).values
    mass = (pictures - edge[:, None, None]).abs()
    mass = mass / mass.sum((1, 2), keepdim=True).clamp_min(1e-6)
    rows, columns = torch.linspace(-1, 1, height), torch.linspace(-1, 1, width)
    down, right = (mass.sum(2) * rows).sum(1), (mass.sum(1) * columns).sum(1)
    grid = torch.stack(
        [
            (columns[None, None] + right[:, None, None]).expand(-1, height, -1),
            (rows[None, :, None] + down[:, None, None]).expand(-1, -1, width),
        ],
        -1,
    )
    return F.grid_sample(pictures[:, None], grid, padding_mode="border", align_corners=True)[:, 0]


# ---------------------------------------------------------------- judging


def best_shifts(smooth: Tensor, pairs: Tensor) -> Tensor:
    """For each pair, at the best shift of at most a pixel, 1 - r squared: the share of either's variance that
    brightness and contrast do not account for. float M; smooth: N H W.

    By half pixels too where thumbnails are smaller than their pictures, whose pixels are finer. As pictures are in many
    pairs, how much each varies is known before; and a product with what lies between two pixels is the mean of two.
    """
    steps = HALVES if max(smooth.shape[1:]) == SIDE else HALVES[::2]
    varies = torch.cat([variations(part.float(), steps) for part in torch.split(smooth, PAIRS)])
    here = varies.shape[1] // 2  # where no picture is moved
    found = [torch.empty(0)]
    for first, second in (part.T for part in torch.split(pairs, PAIRS)):
        together = products(smooth[first].float(), smooth[second].float(), steps).clamp_min(0)
        most = (varies[first, here, None] * varies[second]).clamp_min(1e-6)
        found.append((1 - together.square() / most).amin(1))
    return torch.cat(found)


def variations(pictures: Tensor, steps: Sequence[int]) -> Tensor:
    """Sums of squares around the mean of each picture's inside at every shift: N S*S; pictures float N H W."""
    insides = (moved(pictures, down, right).flatten(1) for down in steps for right in steps)
    return torch.stack([inside.var(1, correction=0) * inside.shape[1] for inside in insides], 1)


def products(first: Tensor, second: Tensor, steps: Sequence[int]) -> Tensor:
    """Sums of products of the first's inside with the second's at every shift, each without its mean: M S*S."""
    inside = moved(first, 0, 0)
    inside = inside - inside.mean((1, 2), keepdim=True)
    second = second - second.mean((1, 2), keepdim=True)  # else rounding counts where it is bright
    whole = [(inside * moved(second, down, right)).sum((1, 2)) for down in HALVES[::2] for right in HALVES[::2]]
    between = torch.tensor([[abs(step - at) < 2 for at in HALVES[::2]] for step in steps]).float()
    between /= between.sum(1, keepdim=True)
    return (between @ torch.stack(whole, 1).view(-1, 3, 3) @ between.T).flatten(1)


def moved(pictures: Tensor, down: int, right: int) -> Tensor:
    """The inside of pictures (float N H W) that were moved by so many half pixels."""
    _, height, width = pictures.shape
    rows, columns = ({-(step // 2), -((step + 1) // 2)} for step in (down, right))
    parts = [
        pictures[:, EDGE + row : height - EDGE + row, EDGE + column : width - EDGE + column]
        for row in rows
        for column in columns
    ]
    return torch.stack(parts).mean(0) if len(parts) > 1 else parts[0]


def context(pairs: Tensor, difference: Tensor, total: int) -> Tensor:
    """For each pair the lesser of its members' usual differences: that of the ``CONTEXT``-th nearest neighbour."""
    others = difference >= 0.0015  # copies of a picture say nothing of what is usual around it
    members = pairs[others].T.flatten()
    distances = difference[others].repeat(2)
    near = least_of_each(members, distances, CONTEXT)
    usual = torch.full((total,), FAR)
    if len(near) >= CONTEXT:  # the last of CONTEXT in a row that are of one member
        last = near[CONTEXT - 1 :][members[near][CONTEXT - 1 :] == members[near][: 1 - CONTEXT]]
        usual[members[last]] = distances[last].clamp(1e-6, FAR)
    return torch.minimum(usual[pairs[:, 0]], usual[pairs[:, 1]])


def same_colours(planes: Tensor, pairs: Tensor) -> Tensor:
    """Whether colours differ by no more than compression and contrast make them."""
    first, second = planes[pairs[:, 0]].flatten(1), planes[pairs[:, 1]].flatten(1)
    apart = (first - second).square().mean(1).sqrt()
    strength = torch.maximum(first.square().mean(1), second.square().mean(1)).sqrt()
    return apart < 4 + 0.15 * strength


def sizes_differ(sketches: Sequence[Sketch], pairs: Tensor) -> Tensor:
    sizes = torch.tensor([(one.height, one.width) for one in sketches])
    return (sizes[pairs[:, 0]] != sizes[pairs[:, 1]]).any(1)


def same_shape(sketches: Sequence[Sketch], pairs: Tensor) -> Tensor:
    """Whether the two are about as much longer than wide."""
    aspects = torch.tensor([one.aspect for one in sketches])
    ratio = aspects[pairs[:, 0]] / aspects[pairs[:, 1]]
    return (ratio > 0.85) & (ratio < 1 / 0.85)
