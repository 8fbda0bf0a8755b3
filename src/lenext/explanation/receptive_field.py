"""Receptive fields, followed through any graph: which input pixels a unit of a feature map depends on.

Every operator is watched as it runs, so branches, shortcuts and functional calls need no description of their own.
Padding counts as pixels, and so does the frame that it puts around the image: a field may be larger than the image.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

aten = torch.ops.aten


@dataclass(frozen=True)
class Span:
    """One axis of a map: its first unit sees the input pixels [start, stop), each next one ``step`` further on."""

    start: int
    stop: int
    step: int
    units: int

    @property
    def size(self) -> int:
        """The receptive field in input pixels."""
        return self.stop - self.start

    def window(self, kernel: int, stride: int, padding: int, dilation: int, units: int) -> Span:
        """After a convolution or pooling that leaves ``units``."""
        first = self.start - padding * self.step
        return Span(first, first + self.size + dilation * (kernel - 1) * self.step, self.step * stride, units)

    def moved(self, by: int, stride: int, units: int) -> Span:
        """After units before number ``by`` went (came, where negative), and of the others each ``stride``-th stayed."""
        return Span(self.start + by * self.step, self.stop + by * self.step, self.step * stride, units)

    def whole(self) -> Span:
        """One unit that sees the whole map.

        It sees as far as a convolution of the map's size. The step stays: on a larger image, the next such
        unit would stand there, as in VGG's dense test.
        """
        return Span(self.start, self.stop + (self.units - 1) * self.step, self.step, 1)

    def joined(self, other: Span) -> Span:
        """What a unit sees that reads both."""
        return Span(
            min(self.start, other.start),
            max(self.stop, other.stop),
            max(self.step, other.step),
            max(self.units, other.units),
        )


class Field(NamedTuple):
    height: Span
    width: Span

    def joined(self, other: Field) -> Field:
        return Field(self.height.joined(other.height), self.width.joined(other.width))

    def whole(self) -> Field:
        return Field(self.height.whole(), self.width.whole())


Rule = Callable[[Field, Sequence[Any], Tensor], Field]


def windows(field: Field, out: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any = 1) -> Field:
    """Both axes after a window; sizes are numbers or (height, width)."""
    sizes = zip(pair(kernel), pair(stride or kernel), pair(padding), pair(dilation), out.shape[-2:], strict=True)
    return Field(*(span.window(*size) for span, size in zip(field, sizes, strict=True)))


def pair(size: Any) -> tuple[int, int]:
    """One number, or one in a list, stands for both axes."""
    numbers = [size] if isinstance(size, int) else list(size)
    return (numbers[0], numbers[-1])


def argument(args: Sequence[Any], position: int, default: Any) -> Any:
    """Operators leave out the arguments at the end that have their defaults."""
    return args[position] if len(args) > position else default


def convolution(field: Field, args: Sequence[Any], out: Tensor) -> Field:
    """Arguments: input, weight, bias, stride, padding, dilation, ..."""
    return windows(field, out, args[1].shape[2:], *args[3:6])


def max_pool(field: Field, args: Sequence[Any], out: Tensor) -> Field:
    """Arguments: input, kernel, stride, padding, dilation, ..."""
    return windows(field, out, args[1], argument(args, 2, None), argument(args, 3, 0), argument(args, 4, 1))


def average_pool(field: Field, args: Sequence[Any], out: Tensor) -> Field:
    """Arguments: input, kernel, stride, padding, ..."""
    return windows(field, out, args[1], argument(args, 2, None), argument(args, 3, 0))


def adaptive_pool(field: Field, args: Sequence[Any], out: Tensor) -> Field:  # noqa: ARG001 - a rule's signature
    """A map of one unit sees the whole; of more, windows as large and as far apart as the sizes ask for."""
    spans = []
    for span, units in zip(field, out.shape[-2:], strict=True):
        stride = max(1, span.units // units)
        kernel = max(1, span.units - (units - 1) * stride)
        spans.append(span.whole() if units == 1 else span.window(kernel, stride, 0, 1, units))
    return Field(*spans)


def padding(field: Field, args: Sequence[Any], out: Tensor) -> Field:
    """Arguments: input, (left, right, top, bottom, ...), ..."""
    left, _, top, _ = (*args[1], 0, 0)[:4]
    height, width = out.shape[-2:]
    return Field(field.height.moved(-top, 1, height), field.width.moved(-left, 1, width))


def strided(field: Field, args: Sequence[Any], out: Tensor) -> Field:
    """Arguments: input, dimension, start, stop, step."""
    dimension = argument(args, 1, 0) % 4
    if dimension < 2:  # images or channels
        return field
    span = field[dimension - 2]
    first = argument(args, 2, None) or 0
    moved = span.moved(first % span.units if first < 0 else first, argument(args, 4, 1), out.shape[dimension])
    return Field(moved, field.width) if dimension == 2 else Field(field.height, moved)


def reduction(field: Field, args: Sequence[Any], out: Tensor) -> Field:  # noqa: ARG001 - a rule's signature
    """Arguments: input, dimensions, ...: a mean over height or width sees all of it."""
    shape = args[0].shape
    dimensions = {dimension % 4 for dimension in argument(args, 1, None) or range(4)}
    spans = (
        span.whole() if axis in dimensions and shape[axis] == span.units else span for axis, span in enumerate(field, 2)
    )
    return Field(*spans)


# Operators on maps (N C H W) that look around. All others see what their inputs see.
RULES: dict[Any, Rule] = {
    aten.convolution: convolution,
    aten.max_pool2d_with_indices: max_pool,
    aten.avg_pool2d: average_pool,
    aten._adaptive_avg_pool2d: adaptive_pool,  # noqa: SLF001 - torch has no other name for it
    aten.adaptive_max_pool2d: adaptive_pool,
    aten.constant_pad_nd: padding,
    aten.reflection_pad2d: padding,
    aten.replication_pad2d: padding,
    aten.slice: strided,
    aten.mean: reduction,
    aten.sum: reduction,
    aten.amax: reduction,
}


def after(operator: Any, args: Sequence[Any], out: Tensor, fields: Iterable[Field]) -> Field:
    """What the result of an operator sees, from what its inputs see, for one image."""
    field = reduce(Field.joined, fields)
    if operator in {aten.mm, aten.addmm}:  # with one row, all positions of the image stand in it
        left = args[0] if operator is aten.mm else args[1]
        return field.whole() if left.shape[0] == 1 else field
    rule = RULES.get(operator)
    return field if rule is None or args[0].dim() != 4 else rule(field, args, out)


class Sight:
    """The fields of the tensors of one forward pass."""

    def __init__(self, image: Tensor) -> None:  # 1 C H W
        self._fields = WeakTensorKeyDictionary()
        self._fields[image] = Field(*(Span(0, 1, 1, units) for units in image.shape[-2:]))

    def of(self, tensor: Tensor) -> Field | None:
        """None for a tensor that does not depend on the image."""
        field: Field | None = self._fields.get(tensor)  # type: ignore[no-untyped-call]
        return field

    def follow(self, operator: Any, args: Sequence[Any], result: Any) -> None:
        """Note what the result of one operator sees."""
        fields = [field for leaf in tree_leaves(args) if isinstance(leaf, Tensor) and (field := self.of(leaf))]
        outputs = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        if fields and outputs:
            field = after(operator, args, outputs[0], fields)
            for output in outputs:
                self._fields[output] = field
