"""A network as the list of what it does to an image, read from one run: nothing depends on who wrote it, or how.

Every torch function is watched on the meta device, so no weight is copied and dropout shows itself in a test too.
The steps come in the order of the data's way from the image to the logits, not in that of the source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from lenext.errors import UsageError
from lenext.explanation.form import Form, reduced
from lenext.explanation.graph import Node, Step, framed, ordered, step
from lenext.explanation.idioms import recognise
from lenext.explanation.operators import Meaning, meaning
from lenext.explanation.summary import by, evaluating, watched

Size = tuple[int, int, int]


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


def trace(network: nn.Module, size: Size, form: Form | None = None) -> Trace:
    """The trace of ``network`` for images of (channels, height, width), as far as ``form`` shows it.

    In a form ``params`` are all numbers that the steps hold, trainable or not, and training is not looked at. Weights
    stay where and as they are. Raises ``UsageError`` when such an image does not go through, or when what
    comes out was not made from it by torch.
    """
    with evaluating(network):
        tested = Tracer(plain=form is not None)
        output = run(network, tested, size, images=getattr(network, "images", 1))
    leaves = [leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor) and tested.node(leaf)]
    end = tested.node(leaves[0]) if leaves else None
    if end is None:
        raise UsageError("The network's answer does not come from its image.", "Audit a network that returns logits.")
    recognise(tested.nodes)
    nodes = ordered(reduced(tested.nodes, end, form) if form else end)
    weights = (weight.numel() for weight in network.parameters() if weight.requires_grad)
    return Trace(
        size=size,
        steps=tuple(map(step, nodes)),
        auxiliary=() if form else auxiliary(network, size, tested.reached),
        params=sum(node.weights for node in nodes) if form else sum(weights),
        macs=sum(node.macs for node in nodes),
        classes=int(leaves[0].shape[1 if leaves[0].dim() == 4 else -1]),
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
    recognise(trained.nodes)
    return tuple(step(node) for node in framed(trained.nodes) if node.where in idle)


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
    buffers = dict(way.named_buffers())
    tensors = {**dict(way.named_parameters()), **buffers}
    empty = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors.items()}
    empty |= {name: nn.Buffer(empty[name]) for name in buffers}
    kind = next((tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()), torch.float32)
    image = torch.empty(images, *size, device="meta", dtype=kind)
    with watched(network, tracer, failed=True), torch.no_grad(), torch.device("meta"):
        tracer.begin(image)
        try:
            with tracer:
                return functional_call(way, empty, (image,))
        except Exception as error:  # somebody's code, which may raise anything
            reason = str(error).strip().partition("\n")[0]
            message = f"An image of {by(size)} does not go through {type(network).__name__}: {reason}."
            raise UsageError(message, "Audit a network for images, with the input size of its paper.") from error


class Tracer(TorchFunctionMode):
    """Notes each function that is called on what comes from the image; ``plain``: as a file shows it."""

    def __init__(self, *, plain: bool = False) -> None:
        super().__init__()
        self._plain = plain
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
                    self._follow(meaning(name, args, kwargs, output), parents, output, given)
        return result

    def _follow(self, found: Meaning | None, parents: list[Node], output: Tensor, given: list[Tensor]) -> None:
        if found is None:
            self._note(output, parents[0])
            return
        where, module = self._running[-1] if self._running else ("", None)
        density = 1.0 if self._plain else getattr(module, "density", 1.0)  # a dense kernel only pads out the rest
        units = output.numel() // max(1, len(output)) if output.dim() else 1
        depth = 1 + max(node.depth for node in parents)
        weights = sum(one.numel() for one in given if one.dim() and self.node(one) is None)
        if found.constants.get("type") == "batch normalisation":
            weights = 2 * output.shape[1]
        macs = round(found.macs * density)
        node = Node(found.kind, found.constants, where, units, macs, weights, parents, depth)
        self.nodes.append(node)
        self._note(output, node)

    def _note(self, tensor: Tensor, node: Node) -> None:
        self._nodes[id(tensor)] = node
        self._alive.append(tensor)
