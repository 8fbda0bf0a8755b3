"""A network as the list of what it does to an image, read from one run: nothing depends on who wrote it, or how.

Every torch function is watched on the meta device, so no weight is copied and dropout shows itself in a test too.
The steps come in the order of the data's way from the image to the logits, not in that of the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from lenext.errors import UsageError
from lenext.explain.operators import CONVOLUTION, PADDING, Meaning, meaning, numbers_of, sides
from lenext.explain.summary import by, evaluating

Size = tuple[int, int, int]


@dataclass(frozen=True)
class Step:
    """One operation. ``where``: path of the module that ran it; ``units``: numbers in its result, one image."""

    kind: str
    constants: Mapping[str, str]
    where: str
    units: int


@dataclass(frozen=True)
class Trace:
    """What a network does, in order.

    auxiliary: what it does in training only, in modules that a test never reaches; params: trainable parameters;
    macs: multiply-adds of convolutions and linear layers, one image of (channels, height, width) ``size``.
    """

    size: Size
    steps: tuple[Step, ...]
    auxiliary: tuple[Step, ...]
    params: int
    macs: int
    classes: int


@dataclass(eq=False)
class Node:
    """A step with its place in the graph; the image has no kind."""

    kind: str
    constants: Mapping[str, str]
    where: str
    units: int
    macs: int = 0
    parents: list[Node] = field(default_factory=list)
    depth: int = 0


def trace(network: nn.Module, size: Size) -> Trace:
    """The trace of ``network`` for images of (channels, height, width).

    Its weights stay where and as they are. Raises ``UsageError`` when such an image does not go through, or when what
    comes out was not made from it by torch.
    """
    with evaluating(network):
        tested = Tracer()
        output = run(network, tested, size, images=1)
    leaves = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor) and tested.node(leaf)]
    end = tested.node(leaves[0]) if leaves else None
    if end is None:
        raise UsageError("The network's answer does not come from its image.", "Audit a network that returns logits.")
    nodes = ordered(end)
    return Trace(
        size=size,
        steps=tuple(map(step, nodes)),
        auxiliary=auxiliary(network, size, tested.reached),
        params=sum(weight.numel() for weight in network.parameters() if weight.requires_grad),
        macs=sum(node.macs for node in nodes),
        classes=int(leaves[0].shape[-1]),
    )


def auxiliary(network: nn.Module, size: Size, reached: set[str]) -> tuple[Step, ...]:
    """What training runs besides, in modules with weights that a test does not reach."""
    idle = {name: module for name, module in network.named_modules() if name not in reached}
    if not any(True for module in idle.values() for _ in module.parameters()):
        return ()
    trained = Tracer()
    modes = {module: module.training for module in network.modules()}
    network.train()
    try:
        run(network, trained, size, images=2)  # batch normalisation refuses a single number a channel
    except UsageError:
        return ()  # what cannot be run is not compared
    finally:
        for module, mode in modes.items():
            module.training = mode
    return tuple(step(node) for node in folded(trained.nodes) if node.where in idle)


def step(node: Node) -> Step:
    return Step(node.kind, node.constants, node.where, node.units)


class Way(nn.Module):
    """A network as one of its methods runs it."""

    def __init__(self, network: nn.Module, method: str) -> None:
        super().__init__()
        self.network, self.method = network, method

    def forward(self, x: Tensor) -> Any:  # N C H W
        return self.network(x) if self.method == "forward" else getattr(self.network, self.method)(x)


def run(network: nn.Module, tracer: Tracer, size: Size, images: int) -> Any:
    """One pass of empty images with empty stand-ins for the weights; more than one image are a training pass."""
    side = images > 1 and callable(getattr(network, "auxiliary_logits", None))
    way = Way(network, "auxiliary_logits" if side else "forward")
    tensors = {**dict(way.named_parameters()), **dict(way.named_buffers())}
    empty = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors.items()}
    kind = next((tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()), torch.float32)
    image = torch.empty(images, *size, device="meta", dtype=kind)
    with watched(network, tracer), torch.no_grad(), torch.device("meta"):
        tracer.begin(image)
        try:
            with tracer:
                return functional_call(way, empty, (image,))
        except (RuntimeError, ValueError, TypeError, IndexError, AssertionError) as error:
            reason = str(error).strip().partition("\n")[0]
            message = f"An image of {by(size)} does not go through {type(network).__name__}: {reason}."
            raise UsageError(message, "Audit a network for images, with the input size of its paper.") from error


@contextmanager
def watched(network: nn.Module, tracer: Tracer) -> Iterator[None]:
    """The tracer knows which module is running."""
    with ExitStack() as hooks:
        for name, module in network.named_modules():
            hooks.enter_context(module.register_forward_pre_hook(partial(tracer.enter, name)))
            hooks.enter_context(module.register_forward_hook(tracer.leave, always_call=True))
        yield


class Tracer(TorchFunctionMode):
    """Notes each function that is called on what comes from the image."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[Node] = []
        self.reached: set[str] = set()
        self._nodes: dict[int, Node] = {}
        self._alive: list[Tensor] = []  # so that no id is given twice
        self._running: list[tuple[str, nn.Module]] = []

    def begin(self, image: Tensor) -> None:
        self._note(image, Node("", {}, "", image.numel() // len(image)))

    def node(self, tensor: Tensor) -> Node | None:
        """None for what does not come from the image."""
        return self._nodes.get(id(tensor))

    def enter(self, name: str, module: nn.Module, _: Any) -> None:
        self.reached.add(name)
        self._running.append((name, module))

    def leave(self, *_: Any) -> None:
        self._running.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = str(getattr(func, "__name__", func))
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        parents = [node for leaf in given if (node := self.node(leaf))]
        if name == "batch_norm" and parents and args[0].is_meta:
            result = torch.empty_like(args[0])  # torch spells it out in a dozen operators there
        else:
            result = func(*args, **kwargs)
        if parents:
            for output in tree_leaves(result):
                if isinstance(output, Tensor):
                    self._follow(meaning(name, args, kwargs, output), parents, output)
        return result

    def _follow(self, found: Meaning | None, parents: list[Node], output: Tensor) -> None:
        if found is None:
            self._note(output, parents[0])
            return
        where, module = self._running[-1] if self._running else ("", None)
        macs = round(found.macs * getattr(module, "density", 1.0))  # products that a dense kernel only pads out
        units = output.numel() // max(1, len(output)) if output.dim() else 1
        depth = 1 + max(node.depth for node in parents)
        node = Node(found.kind, found.constants, where, units, macs, parents, depth)
        self.nodes.append(node)
        self._note(output, node)

    def _note(self, tensor: Tensor, node: Node) -> None:
        self._nodes[id(tensor)] = node
        self._alive.append(tensor)


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
    return [node for node in folded(order) if node.kind]


def sources(node: Node) -> list[Node]:
    """What a step reads: sums in any order are the same sum, and joined maps that are joined again are joined once."""
    if node.kind == "concatenation":
        return [inner for one in node.parents for inner in (one.parents if one.kind == node.kind else [one])]
    if node.kind in {"addition", "multiplication"}:
        return sorted(node.parents, key=lambda one: -one.depth)
    return node.parents


def folded(nodes: list[Node]) -> list[Node]:
    """The frame around a map that only convolutions or only pools read, and would put there themselves, is theirs."""
    readers: dict[int, list[Node]] = {}
    for node in nodes:
        for one in node.parents:
            readers.setdefault(id(one), []).append(node)
    gone = {id(node): node for node in nodes if node.kind == PADDING and theirs(node, readers.get(id(node), []))}
    return [widened(node, gone) for node in nodes if id(node) not in gone]


def theirs(node: Node, readers: list[Node]) -> bool:
    """Zeros before convolutions, minus infinity before max pools; channels are nobody's padding."""
    wants = {
        "0 (constant)": all(reader.kind == CONVOLUTION for reader in readers),
        "-inf (constant)": all(reader.constants.get("type") == "max" for reader in readers),
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
