"""What a network is made of, for a reader: operations in a row, lanes side by side, and where they meet again.

Read from one pass of one image: which module is handed which map says where lanes part, and an addition, product or
concatenation inside a module says how they meet. No model has to describe itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from lenext.explanation.summary import Recorder, evaluating, watched

aten = torch.ops.aten
JOINS = {aten.add: "+", aten.mul: "x", aten.cat: "concat"}
VIEWS = {aten.permute, aten.view, aten.transpose, aten.clone, aten.unsqueeze, aten.squeeze}  # the same map


@dataclass(frozen=True)
class Operation:
    """A layer in words: its ``label``, its kind for a reader's eye, and what follows on it (BN, ReLU)."""

    label: str
    kind: str  # "convolution", "depthwise", "pool", "linear" or "other"
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lanes:
    """Ways side by side from one map; an empty one hands it on. ``join`` is "+", "x" or "concat"."""

    ways: tuple[Parts, ...]
    join: str


@dataclass(frozen=True)
class Repeated:
    """Equal parts one after the other."""

    part: Operation | Lanes
    times: int


Part = Operation | Lanes | Repeated
Parts = tuple[Part, ...]


class Block(NamedTuple):
    """One row of the figure: names from the first to the last of ``times`` equal blocks, and the map that comes out."""

    names: tuple[str, ...]
    parts: Parts
    output: tuple[int, ...]

    @property
    def times(self) -> int:
        return len(self.names)


@dataclass(eq=False)
class Node:
    """A module at work: ids of the maps it was handed and gave, the modules in it, how it joined maps itself."""

    name: str
    module: nn.Module
    source: tuple[int, ...] = ()
    result: tuple[int, ...] = ()
    output: tuple[int, ...] = ()
    children: list[Node] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)


class Dissector(Recorder):  # type: ignore[no-untyped-call]
    """Notes which module runs in which, on what."""

    def __init__(self, image: Tensor) -> None:
        super().__init__(image)
        self.root: Node | None = None
        self._open: list[Node] = []
        self._kept: list[Any] = []  # so that no two maps have one id
        self._same: dict[int, int] = {}  # a view -> its map

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = super().__torch_dispatch__(func, types, args, kwargs)
        self._kept.append(result)
        if func.overloadpacket in VIEWS:
            self._same[id(result)] = self._identity(args[0])
        maps = {self._identity(one) for one in tensors(args) if self._sight.of(one)}
        node = self._open[-1] if self._open else None
        if node and func.overloadpacket in JOINS and len(maps) > 1 and (len(node.source) == 1 or maps - {*node.source}):
            join = JOINS[func.overloadpacket]
            node.joins.append("dense" if join == "concat" and maps & {*node.source} else join)
        return result

    def _identity(self, tensor: Tensor) -> int:
        return self._same.get(id(tensor), id(tensor))

    def enter(self, name: str, module: nn.Module, given: Any) -> None:
        super().enter(name, module, given)
        node = Node(name, module, tuple(map(self._identity, tensors(given))))
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)

    def leave(self, module: nn.Module, given: Any, result: Any) -> None:
        super().leave(module, given, result)
        node, output = self._open.pop(), tensors(result)[0]
        self._kept.append(output)
        node.result, node.output = (self._identity(output),), tuple(output.shape[1:])


def tensors(value: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]


def dissect(network: nn.Module, input_size: tuple[int, int, int]) -> list[Block]:
    """The rows of the figure of a network for images of (channels, height, width), equal ones folded.

    The network is one that ``summarise`` takes.
    """
    weight = next(network.parameters())
    image = torch.empty(1, *input_size, device=weight.device, dtype=weight.dtype)
    dissector = Dissector(image)
    with evaluating(network), torch.no_grad(), watched(network, dissector), dissector:
        network(image)
    assert dissector.root is not None
    return folded(row for section in sections(dissector.root) for row in rows(section))


def sections(root: Node) -> Iterator[Node]:
    """Stem, stages and head, whether these are called as one module or one by one."""
    for name, nodes in groupby(root.children, key=lambda node: node.name.partition(".")[0]):
        found = list(nodes)
        whole = found[0] if len(found) == 1 and found[0].name == name else Node(name, nn.Sequential(), children=found)
        yield from whole.children if name == "stages" else [whole]


def rows(section: Node) -> Iterator[Block]:
    """A stage's blocks, each a row; its plain layers between them share one."""
    blocks = [child for child in section.children if weighty(child)]
    if section.joins or not blocks:
        yield Block((short(section.name),), parts(section), (section.output or section.children[-1].output))
        return
    for block, run in groupby(section.children, key=lambda child: child if child in blocks else None):
        if block is None:
            yield row_of(list(run))
        else:
            yield Block((short(section.name if len(blocks) == 1 else block.name),), parts(block), block.output)


def row_of(run: list[Node]) -> Block:
    return Block((short(run[0].name),), sequence(run), run[-1].output)


def weighty(node: Node) -> bool:
    """Whether it deserves a row of its own: several convolutions in it, or a join."""
    inside = list(everything(node))
    return any(one.joins for one in inside) or sum(isinstance(one.module, nn.Conv2d) for one in inside) > 1


def everything(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from everything(child)


def short(path: str) -> str:
    """A path without the containers that hold it."""
    return path.removeprefix("stages.").rpartition(".")[2]


def folded(found: Iterable[Block]) -> list[Block]:
    """Equal rows one after the other as one."""
    kept = [row for row in found if row.parts]
    return [
        Block(tuple(name for row in equal for name in row.names), parts, output)
        for (parts, output), equal in ((key, list(equal)) for key, equal in groupby(kept, lambda row: row[1:]))
    ]


def parts(node: Node) -> Parts:
    """A module in a figure's words."""
    if not node.children or isinstance(node.module, nn.Linear | nn.Conv2d):
        return () if isinstance(node.module, nn.Identity) else (operation(node),)
    ways = chains(node)
    if len(ways) == 1 and not node.joins:
        return sequence(ways[0])
    if "dense" in node.joins:
        return merged(Lanes((sequence(way), ()), "concat") for way in ways)
    begin, ways = fork(ways)
    join = node.joins[-1] if node.joins else "+"
    apart = [way for way in ways if way[0].source == ways[0][0].source]
    after = [way for way in ways if way[0].source != ways[0][0].source]
    lanes = [sequence(way) for way in apart]
    if len(lanes) == 1 and node.joins:
        lanes.append(())  # the map itself
    return merged([*sequence(begin), Lanes(tuple(lanes), join), *(part for way in after for part in sequence(way))])


def fork(ways: list[list[Node]]) -> tuple[list[Node], list[list[Node]]]:
    """What comes first, and the ways that part after it."""
    for place, node in enumerate(ways[0], 1):
        if any(way[0].source == node.result for way in ways[1:]):
            return ways[0][:place], [way for way in (ways[0][place:], *ways[1:]) if way]
    return [], ways


def chains(node: Node) -> list[list[Node]]:
    """The modules in a module, cut where one is handed something else than the result of the one before."""
    found: list[list[Node]] = []
    for child in node.children:
        if found and child.source == found[-1][-1].result:
            found[-1].append(child)
        else:
            found.append([child])
    return found


def sequence(nodes: Iterable[Node]) -> Parts:
    return merged(part for node in nodes for part in parts(node))


NAMES = {
    "BatchNorm2d": "BN", "LayerNorm": "LN", "LayerNorm2d": "LN", "LocalResponseNorm": "LRN", "SiLU": "swish",
    "Dropout": "dropout", "LayerScale": "scale", "ScaledTanh": "tanh",
}  # fmt: skip
SILENT = {"Flatten", "DropPath", "ZeroPad2d", "Identity"}


def merged(found: Iterable[Part]) -> Parts:
    """What only follows on an operation in one with it; equal operations one after the other as one."""
    row: list[Part] = []
    for part in found:
        last = row[-1] if row else None
        if isinstance(part, Operation) and part.kind == "after":
            if part.label == "":
                continue
            if isinstance(last, Operation):
                row[-1] = Operation(last.label, last.kind, (*last.after, part.label))
                continue
            part = Operation(part.label, "other")  # noqa: PLW2901 - it stands first
        row.append(part)
    equal = ((part, len(list(group))) for part, group in groupby(row))
    return tuple(
        Repeated(part, times) if times > 1 and not isinstance(part, Repeated) else part for part, times in equal
    )


def operation(node: Node) -> Operation:
    """A layer in words."""
    module, kind = node.module, type(node.module).__name__
    if isinstance(module, nn.Conv2d):
        return convolution(module)
    if isinstance(module, nn.Linear):
        return Operation(f"linear, {module.out_features}", "linear")
    if "Pool" in kind:
        return Operation(pool(module, kind), "pool")
    if kind in SILENT or getattr(module, "p", None) == 0:  # a dropout that drops nothing
        return Operation("", "after")
    if kind in NAMES or type(module).__module__.startswith("torch.nn"):
        return Operation(NAMES.get(kind, kind), "after")
    return Operation(f"{kind}, {node.output[0]}", "other")


def convolution(module: nn.Conv2d) -> Operation:
    depthwise = 1 < module.groups == module.in_channels
    label = f"{window(module.kernel_size)} {'depthwise' if depthwise else 'conv'}, {module.out_channels}"
    label += f", {module.groups} groups" if module.groups > 1 and not depthwise else ""
    return Operation(label + stride(module.stride), "depthwise" if module.groups > 1 else "convolution")


def pool(module: nn.Module, kind: str) -> str:
    how = "max" if "Max" in kind else "average"
    if "Adaptive" in kind:
        return f"global {how} pool"
    size = getattr(module, "kernel_size", 2)
    return f"{window(size)} {how} pool{stride(getattr(module, 'stride', size))}"


def window(size: Any) -> str:
    sides = size if isinstance(size, tuple | list) else (size, size)
    return f"{sides[0]}x{sides[-1]}"


def stride(size: Any) -> str:
    step = max(size) if isinstance(size, tuple | list) else size
    return f", /{step}" if step and step > 1 else ""
