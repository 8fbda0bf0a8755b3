"""A state dict as a list of layers: all that names and shapes tell of a network nobody has the program of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lenext.explanation.alignment import align
from lenext.explanation.audit import Point, merge, points
from lenext.explanation.graph import Step

Shape = tuple[int, ...]

LEAVES = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}
HIDDEN = (
    "stride, padding and dilation", "pooling", "activations", "the order and the joining of layers",
    "eps and momentum of normalisation", "LRN", "dropout", "stochastic depth", "initialisation",
)  # fmt: skip
CONVOLUTION, PRODUCT = "convolution", "linear layer or 1x1 convolution"


def layers(shapes: Mapping[str, Shape]) -> tuple[Step, ...]:
    """The layers in the order of the file; ``inputs`` of a convolution are those of one group."""
    groups: dict[str, dict[str, Shape]] = {}
    for name, shape in shapes.items():
        module, _, leaf = name.rpartition(".")
        groups.setdefault(module if leaf in LEAVES else name, {})[leaf if leaf in LEAVES else "weight"] = shape
    return tuple(layer(name, held) for name, held in groups.items())


def layer(where: str, held: Mapping[str, Shape]) -> Step:
    """What a module with these tensors is."""
    weight = held.get("weight") or held.get("running_mean") or held.get("bias") or ()
    wide = [size for size in weight if size != 1]
    bias = "with" if "bias" in held else "without"
    if len(weight) == 4 and len(wide) > 1 and weight[2:] != (1, 1):
        kernel = "x".join(map(str, weight[2:]))
        told = {"kernel": kernel, "width": str(weight[0]), "inputs per group": str(weight[1]), "bias": bias}
        return Step(CONVOLUTION, told, where, 0)
    if len(weight) in {2, 4}:
        return Step(PRODUCT, {"width": str(weight[0]), "inputs": str(weight[1]), "bias": bias}, where, 0)
    if "running_mean" in held:
        affine = "with" if "weight" in held else "without"
        told = {"type": "batch normalisation", "width": str(weight[0]), "scale": affine, "shift": bias}
        return Step("normalisation", told, where, 0)
    if "bias" in held and len(weight) == 1:
        return Step("normalisation", {"type": "layer normalisation", "width": str(weight[0])}, where, 0)
    return Step("tensor", {"shape": "x".join(map(str, wide)) or "1"}, where, 0)


def difference(paper: Sequence[Step], found: Sequence[Step]) -> tuple[float, list[Point]]:
    """How far apart, and in what: layers that both have are passed over wherever they stand in the file."""
    less, more = without(paper, found), without(found, paper)
    cost, pairs = align(less, more)
    return cost, merge([point for pair in pairs for point in points(pair, head=False)])


def without(steps: Iterable[Step], others: Iterable[Step]) -> list[Step]:
    """Those that the others lack."""
    there = Counter(map(key, others))
    left = []
    for step in steps:
        if there[key(step)]:
            there[key(step)] -= 1
        else:
            left.append(step)
    return left


def key(step: Step) -> tuple[str, ...]:
    return (step.kind, *step.constants.values())


def weights(shapes: Mapping[str, Shape]) -> Iterator[tuple[str, Shape]]:
    """Those that are trained, by their names."""
    return ((name, shape) for name, shape in shapes.items() if not name.endswith(tuple(LEAVES - {"weight", "bias"})))


def classes(paper: Sequence[Step], found: Sequence[Step], features: int) -> int | None:
    """Outputs of the layer that stands for the paper's classifier, which reads ``features``; None if it is the same."""
    heads = [step for step in without(found, paper) if step.kind == PRODUCT]
    return next(
        (int(step.constants["width"]) for step in heads[::-1] if step.constants["inputs"] == str(features)), None
    )


def channels(paper: Sequence[Step], found: Sequence[Step]) -> int | None:
    """What the layer reads that differs from the paper's first convolution in this alone."""
    first = next((step for step in paper if step.kind == CONVOLUTION), None)
    if first is None or key(first) in map(key, found):
        return None
    read = "inputs per group"
    for step in without(found, paper):
        if step.kind == CONVOLUTION and {**step.constants, read: ""} == {**first.constants, read: ""}:
            return int(step.constants[read])
    return None
