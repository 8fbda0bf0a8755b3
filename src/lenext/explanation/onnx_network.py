"""An ONNX graph as a torch module without memory for weights: one child for each operator, called as in the file.

Nothing is computed but shapes, and the few numbers that shapes and constants are made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from lenext.errors import UsageError
from lenext.explanation import onnx_operators, onnx_windows
from lenext.explanation.form import Form

LAYERS = {"Conv", "Gemm", "MatMul"}
BRANCHES = ("else_branch", "then_branch")


@dataclass(frozen=True)
class Operation:
    """One node of the graph. A branch of an ``If`` is an attribute: its operations and the names of its results."""

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


class Operator(nn.Module):
    """One operation with the constants that it reads, by their place among its inputs."""

    def __init__(self, operation: Operation, constants: Mapping[int, Tensor]) -> None:
        super().__init__()
        self.operation = operation
        self.known = {place: value for place, value in constants.items() if not isinstance(value, nn.Parameter)}
        self.weights = {place: f"weight{place}" for place in constants.keys() - self.known.keys()}
        for place, name in self.weights.items():
            setattr(self, name, constants[place])

    def forward(self, *given: Tensor | None) -> tuple[Any, ...]:
        inputs = [
            getattr(self, self.weights[place]) if place in self.weights else self.known.get(place, value)
            for place, value in enumerate(given)
        ]
        operation = self.operation
        return onnx_operators.run(operation.operator, inputs, operation.attributes, len(operation.outputs))


class OnnxNetwork(nn.Module):
    """The graph from the input ``image`` to the output ``answer``.

    constants: tensors of the file by name, on the meta device but for the numbers that shapes are made of; images: the
    batch that the file fixes, 1 where it does not; channels_last: of the input; thrifty: written by an exporter that
    leaves out a bias of zeros. Raises ``UsageError`` for operators
    that no network for images has.
    """

    def __init__(
        self,
        operations: Iterable[Operation],
        constants: dict[str, Tensor],
        *,
        image: str,
        answer: str,
        images: int = 1,
        channels_last: bool = False,
        thrifty: bool = False,
    ) -> None:
        super().__init__()
        self.image, self.answer, self.images, self.channels_last = image, answer, images, channels_last
        self._constants = constants
        self._operations = needed(folded(operations, constants), answer)
        weights: dict[tuple[str, bool], nn.Parameter] = {}
        for operation in self._operations:
            module = weighed(operation, constants, weights)
            self.add_module(free_name(operation, self), module)
        self.form = form(self._operations, thrifty=thrifty)

    def forward(self, x: Tensor) -> Any:  # N C H W
        values: dict[str, Any] = {**self._constants, self.image: x.permute(0, 2, 3, 1) if self.channels_last else x}
        for operation, module in zip(self._operations, self.children(), strict=True):
            if operation.operator == "If":
                found = branch(operation, values)
            else:
                found = module(*[values.get(name) for name in operation.inputs])
            values.update(zip(operation.outputs, found, strict=False))
        return values[self.answer]


def branch(operation: Operation, values: dict[str, Any]) -> Sequence[Any]:
    """The results of that branch of an ``If`` which the values so far choose."""
    chosen = bool(onnx_windows.plain(values[operation.inputs[0]]))
    operations, results = operation.attributes[BRANCHES[chosen]]
    for inner in operations:
        given = [values.get(name) for name in inner.inputs]
        found = (
            branch(inner, values)
            if inner.operator == "If"
            else onnx_operators.run(inner.operator, given, inner.attributes, len(inner.outputs))
        )
        values.update(zip(inner.outputs, found, strict=False))
    return [values[name] for name in results]


def folded(operations: Iterable[Operation], constants: dict[str, Tensor]) -> list[Operation]:
    """The operations that depend on the image; what others give is added to ``constants``."""
    left = []
    for operation in operations:
        check(operation)
        if any(name and name not in constants for name in operation.inputs) or operation.operator == "If":
            left.append(operation)
            continue
        given = [constants.get(name) for name in operation.inputs]
        found = onnx_operators.run(operation.operator, given, operation.attributes, len(operation.outputs))
        constants.update(zip(operation.outputs, found, strict=False))
    return left


def check(operation: Operation) -> None:
    if operation.operator not in onnx_operators.KNOWN:
        raise UsageError(
            f"The ONNX operator {operation.operator} is not one of a network for images.",
            "Audit an image classifier, exported by torch.onnx.export or a like tool.",
        )
    for name in BRANCHES:
        for inner in operation.attributes.get(name, ((), ()))[0]:
            check(inner)


def needed(operations: Sequence[Operation], answer: str) -> list[Operation]:
    """Those that the answer depends on, in their order."""
    wanted, kept = {answer}, []
    for operation in reversed(operations):
        if wanted & set(operation.outputs):
            kept.append(operation)
            wanted.update(read_by(operation))
    return kept[::-1]


def read_by(operation: Operation) -> Iterable[str]:
    yield from operation.inputs
    for name in BRANCHES:
        operations, results = operation.attributes.get(name, ((), ()))
        yield from results
        for inner in operations:
            yield from read_by(inner)


def weighed(
    operation: Operation, constants: Mapping[str, Tensor], weights: dict[tuple[str, bool], nn.Parameter]
) -> Operator:
    """The operation with its weights; those of a linear layer as torch has them, (outputs, inputs)."""
    matrix = constants.get(operation.inputs[1]) if operation.operator in {"Gemm", "MatMul"} else None
    linear = matrix is not None and matrix.dim() == 2 and operation.inputs[0] not in constants
    turned = linear and not operation.attributes.get("transB")
    if linear:
        operation = replace(operation, attributes={**operation.attributes, "linear": True})
    held: dict[int, Tensor] = {}
    for place, name in enumerate(operation.inputs):
        value = constants.get(name)
        if value is None:
            continue
        if value.is_floating_point() and value.numel() != 1:
            key = (name, turned and place == 1)
            if key not in weights:
                shape = value.shape[::-1] if key[1] else value.shape
                weights[key] = nn.Parameter(torch.empty(shape, dtype=torch.float32, device="meta"))
            value = weights[key]
        held[place] = value
    return Operator(operation, held)


def free_name(operation: Operation, network: nn.Module) -> str:
    """The node's name in the file, or its result's; a module's has no dots, and no other module has it."""
    name = free = (operation.name or operation.outputs[0] or operation.operator).replace(".", "/")
    number = 1
    while hasattr(network, free):
        number += 1
        free = f"{name} ({number})"
    return free


def form(operations: Sequence[Operation], *, thrifty: bool) -> Form:
    """What the graph shows."""
    readers = Counter(name for operation in operations for name in operation.inputs)
    single = {one.outputs[0] for one in operations if one.operator in LAYERS and readers[one.outputs[0]] == 1}
    return Form(
        dropout=any(operation.operator == "Dropout" for operation in operations),
        normalisation=any(one.operator == "BatchNormalization" and one.inputs[0] in single for one in operations),
        bias=not thrifty or all(len(one.inputs) > 2 for one in operations if one.operator in LAYERS),
    )
