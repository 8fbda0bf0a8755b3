"""A network as a table: what each layer gives, weighs, costs and sees, in the order in which it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from lenext.errors import UsageError
from lenext.explanation.memory import Memory
from lenext.explanation.meta import evaluated
from lenext.explanation.receptive_field import Sight
from lenext.layers.dispatch import OperatorMode


@dataclass(frozen=True)
class Layer:
    """One module at work.

    name: its path in the network; output: shape without the batch; params: its own trainable parameters (those of a
    layer that runs again were counted before); macs: multiply-adds of convolutions and matrix products, one image;
    receptive_field, stride: size and distance of its units' views in input pixels, (height, width), padding included;
    memory: bytes of its output, 0 where it writes over its input or hands it on.
    """

    name: str
    type: str
    output: tuple[int, ...]
    params: int
    macs: int
    receptive_field: tuple[int, int]
    stride: tuple[int, int]
    memory: int


@dataclass(frozen=True)
class Summary:
    """``params`` and ``macs`` of the whole network, for an input of (channels, height, width).

    peak: the most bytes of maps, the image with them, that are alive at once as one image passes through in a test.
    """

    input: tuple[int, int, int]
    params: int
    macs: int
    layers: tuple[Layer, ...]
    peak: int

    @property
    def memory(self) -> int:
        """Bytes of all layers' outputs: about what training keeps of one image."""
        return sum(layer.memory for layer in self.layers)


def summarise(network: nn.Module, input_size: tuple[int, int, int]) -> Summary:
    """Run ``network`` on one empty image of (channels, height, width) and note every layer.

    On the meta device this needs neither time nor memory for weights. A module that runs twice has two layers; one
    that holds others is a layer too if it has parameters or products of its own. Raises ``UsageError``, naming the
    layer, when an image of that size does not go through.
    """
    weight = next(network.parameters(), torch.empty(0))
    image = torch.empty(1, *input_size, device=weight.device, dtype=weight.dtype)
    recorder = Recorder(image)
    with evaluating(network), torch.no_grad(), watched(network, recorder):
        try:
            with recorder:
                network(image)
        except RuntimeError as error:
            raise UsageError(recorder.complaint(input_size), "Choose another input size.") from error
    params = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    return Summary(input_size, params, recorder.macs, tuple(recorder.layers), recorder.memory.peak)


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Every module as in a test, and as it was afterwards."""
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


class Watching(Protocol):
    """What is to know which module is running."""

    def enter(self, name: str, module: nn.Module, given: Any) -> None:
        """A module begins."""

    def leave(self, module: nn.Module, given: Any, result: Any) -> None:
        """It ends."""


@contextmanager
def watched(network: nn.Module, watching: Watching, *, failed: bool = False) -> Iterator[None]:
    """``watching`` hears of every module that begins or ends; ``failed``: also of the end of one that raises."""
    with ExitStack() as hooks:
        for name, module in network.named_modules():
            hooks.enter_context(module.register_forward_pre_hook(partial(watching.enter, name)))
            hooks.enter_context(module.register_forward_hook(watching.leave, always_call=failed))
        yield


@dataclass
class Call:
    """A module that is running."""

    name: str
    module: nn.Module
    given: Any
    macs: int = field(default=0)


class Recorder(OperatorMode):  # type: ignore[no-untyped-call]
    """Watches modules begin and end, and the operators between."""

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.layers: list[Layer] = []
        self.macs = 0
        self.memory = Memory()
        self.memory.note(image)
        self._sight = Sight(image)
        self._calls: list[Call] = []
        self._counted: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = evaluated(func, args, kwargs or {})
        self._sight.follow(func.overloadpacket, args, result)
        output = result[0] if isinstance(result, tuple | list) else result  # the others are no maps
        if isinstance(output, Tensor) and self._sight.of(output):  # no view of a weight
            self.memory.note(output)
        if func.overloadpacket in flop_registry:
            flops = flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=result)
            share = getattr(self._calls[-1].module, "density", 1.0)  # products that a dense kernel only pads out
            macs = round(flops * share / 2)
            self.macs += macs
            self._calls[-1].macs += macs
        return result

    def enter(self, name: str, module: nn.Module, given: Any) -> None:
        self._calls.append(Call(name, module, given))

    def leave(self, module: nn.Module, _: Any, result: Any) -> None:
        call = self._calls.pop()
        own = [weight for weight in module.parameters(recurse=False) if weight.requires_grad]
        if own or call.macs or not any(True for _ in module.children()):
            fresh = [weight for weight in own if id(weight) not in self._counted]
            self._counted.update(map(id, fresh))
            output = next(leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor))
            sees = self._sight.of(output) or ()
            self.layers.append(
                Layer(
                    name=call.name,
                    type=type(module).__name__,
                    output=tuple(output.shape[1:]),
                    params=sum(weight.numel() for weight in fresh),
                    macs=call.macs,
                    receptive_field=(sees[0].size, sees[1].size) if sees else (0, 0),
                    stride=(sees[0].step, sees[1].step) if sees else (0, 0),
                    memory=self.memory.added(output),
                )
            )

    def complaint(self, input_size: tuple[int, ...]) -> str:
        """Where it stopped."""
        call = self._calls[-1]
        given = next((leaf.shape[1:] for leaf in tree_leaves(call.given) if isinstance(leaf, Tensor)), ())
        where = f"{call.name} ({type(call.module).__name__})" if call.name else type(call.module).__name__
        return f"An input of {by(input_size)} does not go through: {where} cannot take {by(given)}."


def by(shape: tuple[int, ...]) -> str:
    """A shape as 3x224x224."""
    return "x".join(map(str, shape))
