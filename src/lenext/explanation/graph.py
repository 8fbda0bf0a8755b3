"""The graph of what a network did to one image: operations with what they read, and their order as a list of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lenext.explanation.operators import CONVOLUTION, PADDING, numbers_of, sides


@dataclass(frozen=True)
class Step:
    """One operation. ``where``: path of the module that ran it; ``units``: numbers in its result, one image."""

    kind: str
    constants: Mapping[str, str]
    where: str
    units: int


@dataclass(eq=False)
class Node:
    """A step with its place in the graph; the image has no kind. ``weights``: numbers in it that no image gave."""

    kind: str
    constants: Mapping[str, str]
    where: str
    units: int
    macs: int = 0
    weights: int = 0
    parents: list[Node] = field(default_factory=list)
    depth: int = 0


def step(node: Node) -> Step:
    return Step(node.kind, node.constants, node.where, node.units)


def ordered(end: Node) -> list[Node]:
    """All that leads to ``end``, each after what it reads; of two ways that are added, the longer one first."""
    order: list[Node] = []
    seen: set[int] = set()
    waiting: list[tuple[Node, bool]] = [(end, False)]
    while waiting:
        node, ready = waiting.pop()
        if ready:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            waiting.append((node, True))
            waiting.extend((one, False) for one in reversed(sources(node)))
    return [node for node in framed(order) if node.kind]


def sources(node: Node) -> list[Node]:
    """What a step reads: sums in any order are the same sum, and joined maps that are joined again are joined once."""
    if node.kind == "concatenation":
        return [inner for one in node.parents for inner in (one.parents if one.kind == node.kind else [one])]
    if node.kind in {"addition", "multiplication"}:
        return sorted(node.parents, key=lambda one: -one.depth)
    return node.parents


def readers_of(nodes: Sequence[Node]) -> dict[int, list[Node]]:
    """By the id of a node, those that read it."""
    readers: dict[int, list[Node]] = {}
    for node in nodes:
        for one in node.parents:
            readers.setdefault(id(one), []).append(node)
    return readers


def framed(nodes: list[Node]) -> list[Node]:
    """The frame around a map that only convolutions or only pools read, and would put there themselves, is theirs."""
    readers = readers_of(nodes)
    gone = {id(node): node for node in nodes if node.kind == PADDING and theirs(node, readers.get(id(node), []))}
    return [widened(node, gone) for node in nodes if id(node) not in gone]


def theirs(node: Node, readers: list[Node]) -> bool:
    """Zeros before convolutions, minus infinity before max pools; channels are nobody's padding.

    Zeros around a map without negative numbers are never the only largest, so they do in a max pool too.
    """
    pools = all(reader.constants.get("type") == "max" for reader in readers)
    rectified = node.parents[0].constants.get("type") in {"ReLU", "ReLU6"}
    wants = {
        "0 (constant)": all(reader.kind == CONVOLUTION for reader in readers) or (pools and rectified),
        "-inf (constant)": pools,
    }
    return node.constants["sides"].count(",") == 3 and wants.get(node.constants["with"], False)


def widened(node: Node, gone: Mapping[int, Node]) -> Node:
    """A convolution or pool with the padding before it."""
    before = next((gone[id(one)] for one in node.parents if id(one) in gone), None)
    if before is None:
        return node
    more = map(int, before.constants["sides"].split(", "))
    total = [a + b for a, b in zip(numbers_of(node.constants["padding"]), more, strict=True)]
    return replace(node, constants={**node.constants, "padding": sides(total)})
