"""``lenext audit`` of a state dict: names and shapes of tensors, beside those of the networks of the line."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lenext.api.audited.likely import PAPER, build, likely, title
from lenext.api.audited.target import Tensors
from lenext.explanation.audit import Point, unchanged
from lenext.explanation.tensors import HIDDEN, Shape, channels, classes, difference, layers, weights
from lenext.layers.network import Network
from lenext.models import build_options, canonical, readings
from lenext.weights.spelling import spelling


@dataclass(frozen=True)
class Candidate:
    """A network of the line in one reading; ``spelling``: whose names and shapes the tensors have, all of them."""

    name: str
    reading: str
    spelling: str
    classes: int
    distance: float
    points: tuple[Point, ...]


def audit_tensors(given: Tensors, against: str | None) -> dict[str, Any]:
    """The document; what no names and shapes can tell stands under ``not_visible``."""
    shapes = dict(weights(given.shapes))
    if against is None:
        matrices = Counter(shape for shape in shapes.values() if len(shape) > 1)
        names = likely(matrices, count(shapes))
        chosen = [one for name in names for reading in readings(name) for one in candidates(given, name, reading)]
        best = min(chosen, key=lambda one: (not one.spelling, one.distance))
        others = [one for one in chosen if (one.spelling, one.distance) == (best.spelling, best.distance)]
        paper = nearest(given, best.name, PAPER)
    else:
        name, _, reading = against.partition(":")
        best = paper = nearest(given, canonical(name), reading or PAPER)
        others = [best]
    titles = dict.fromkeys(title(one.name, one.reading) for one in others)
    return {
        "target": given.name,
        "closest": best.name,
        "reading": best.reading,
        "against": paper.reading,
        "likeness": unchanged(best.distance, len(layers(given.shapes))),
        "spelling": best.spelling or None,
        "classes": best.classes,
        "params": count(shapes),
        "tensors": len(given.shapes),
        "differences": [asdict(point) for point in paper.points],
        "beyond_reading": [asdict(point) for point in best.points],
        "indistinguishable": [one for one in titles if one != title(best.name, best.reading)],
        "not_visible": list(HIDDEN),
    }


def count(shapes: Mapping[str, Shape]) -> int:
    return sum(map(math.prod, shapes.values()))


def nearest(given: Tensors, name: str, reading: str) -> Candidate:
    return min(candidates(given, name, reading), key=lambda one: (not one.spelling, one.distance))


def candidates(given: Tensors, name: str, reading: str) -> Iterator[Candidate]:
    """The network for the tensors' classes and channels, with auxiliary heads and without."""
    for options in [{}, {"auxiliary": True}] if "auxiliary" in build_options(name) else [{}]:
        network = fitting(given, name, reading, options)
        ours = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
        whose, left_out = spelling(network, given.shapes)
        held = {key: shape for key, shape in given.shapes.items() if key not in left_out}
        distance, points = difference(layers(ours), layers(held))
        yield Candidate(
            name, reading, whose, network.num_classes, 0.0 if whose else distance, () if whose else tuple(points)
        )


def fitting(given: Tensors, name: str, reading: str, options: Mapping[str, Any]) -> Network:
    """Built for as many classes and channels as the tensors are of."""
    network = build(name, reading=reading, **options)
    ours = layers({key: tuple(tensor.shape) for key, tensor in network.state_dict().items()})
    found = layers(given.shapes)
    sizes = {"num_classes": classes(ours, found, network.num_features), "in_channels": channels(ours, found)}
    wanted = {key: size for key, size in sizes.items() if size}
    return build(name, reading=reading, **options, **wanted) if wanted else network
