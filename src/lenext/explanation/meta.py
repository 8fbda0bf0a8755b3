"""Results without numbers of the operators that networks use most, on the meta device.

torch knows them too, but imports its compiler for it, which takes longer than to look at the whole network. A rule
answers None where it does not apply or the inputs do not fit; then torch answers, or says what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

aten = torch.ops.aten


def evaluated(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The operator's result; raises torch's ``RuntimeError`` where the inputs do not fit."""
    rule = RULES.get(func.overloadpacket)
    known = rule(*args, **kwargs) if rule and on_meta(args[0]) else None
    return func(*args, **kwargs) if known is None else known


def on_meta(value: Any) -> bool:
    """Whether these are floating-point numbers without memory, one tensor or several."""
    tensors = value if isinstance(value, list | tuple) else [value]
    return all(isinstance(one, Tensor) and one.is_meta and one.is_floating_point() for one in tensors)


Sizes = Sequence[int]


def windows(x: Tensor, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, *, up: bool = False) -> list[int]:
    """Height and width after a window; ``up`` lets the last one hang over, if it begins in the map or its padding."""
    found = []
    for side, k, s, p, d in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True):
        room = side + 2 * p - d * (k - 1) - 1
        count = (math.ceil(room / s) if up else room // s) + 1
        found.append(count - 1 if up and (count - 1) * s >= side + p else count)
    return found


def every_side(x: Tensor, *sizes: Sizes) -> list[Sizes]:
    """Each size for each side of the map: one number stands for all."""
    sides = x.dim() - 2
    return [tuple(size) * sides if len(size) == 1 else size for size in sizes]


def convolution(x: Tensor, weight: Tensor, _: Any, *rest: Any) -> Tensor | None:
    """Arguments after these: stride, padding, dilation, transposed, output padding, groups."""
    stride, padding, dilation, transposed, _, groups = rest
    if transposed or x.dim() != weight.dim() or x.shape[1] != weight.shape[1] * groups:
        return None
    sides = windows(x, weight.shape[2:], *every_side(x, stride, padding, dilation))
    return x.new_empty((x.shape[0], weight.shape[0], *sides)) if min(sides) > 0 else None


def max_pool(x: Tensor, kernel: Sizes, stride: Sizes = (), padding: Sizes = (0,), *rest: Any) -> Any:
    """Arguments after these: dilation, whether the size is rounded up."""
    dilation, up = (*rest, (1,), False)[:2] if len(rest) != 1 else (rest[0], False)
    sizes = every_side(x, kernel, stride or kernel, padding, dilation)
    if any(len(size) != x.dim() - 2 for size in sizes):  # one image without its batch
        return None
    sides = windows(x, *sizes, up=up)
    if min(sides) < 1:
        return None
    return x.new_empty((*x.shape[:2], *sides)), x.new_empty((*x.shape[:2], *sides), dtype=torch.int64)


def average_pool(x: Tensor, kernel: Sizes, stride: Sizes = (), padding: Sizes = (0,), up: bool = False, *_: Any) -> Any:
    """As the first result of a maximum."""
    pooled = max_pool(x, kernel, stride, padding, (1,), up)
    return None if pooled is None else pooled[0]


def batch_norm(x: Tensor, *rest: Any) -> Any:
    """Arguments after this: weight, bias, mean, variance, whether it trains. In a test it gives no statistics."""
    _, _, mean, _, training = rest[:5]
    if training or x.shape[1] != mean.shape[0]:
        return None
    return x.new_empty(x.shape), x.new_empty(0), x.new_empty(0)


def layer_norm(x: Tensor, *_: Any) -> Any:
    """In a test nobody asks for its statistics."""
    return x.new_empty(x.shape), x.new_empty(0), x.new_empty(0)


def pairwise(x: Tensor, y: Any, **_: Any) -> Tensor | None:
    """A sum or product of a map with a number, with another map, or with one that has sides of 1 for some of its."""
    if isinstance(y, Tensor):
        sides = zip(reversed(x.shape), reversed(y.shape), strict=False)
        if y.dim() > x.dim() or y.dtype != x.dtype or any(there not in (1, here) for here, there in sides):
            return None
    return x.new_empty(x.shape)


def pointwise(x: Tensor, *_: Any, **__: Any) -> Tensor:
    return x.new_empty(x.shape)


def in_place(x: Tensor, *_: Any) -> Tensor:
    return x


def concatenation(maps: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    shapes = [list(one.shape) for one in maps]
    width = sum(shape.pop(dim) for shape in shapes if len(shape) == 4)
    if any(shape != shapes[0] for shape in shapes) or len(shapes[0]) != 3:
        return None
    return maps[0].new_empty((*shapes[0][:dim], width, *shapes[0][dim:])) if dim > 0 else None


def mean(x: Tensor, dims: Sequence[int] | None = None, keep: bool = False, **_: Any) -> Tensor | None:
    """Over height and width."""
    if x.dim() != 4 or dims is None or {dim % 4 for dim in dims} != {2, 3}:
        return None
    return x.new_empty((*x.shape[:2], 1, 1) if keep else x.shape[:2])


def linear(bias: Tensor, x: Tensor, weight: Tensor, **_: Any) -> Tensor | None:
    fits = x.dim() == weight.dim() == 2 and x.shape[1] == weight.shape[0] and bias.shape == weight.shape[1:]
    return x.new_empty((x.shape[0], weight.shape[1])) if fits else None


RULES: dict[Any, Callable[..., Any]] = {
    aten.convolution: convolution,
    aten.max_pool2d_with_indices: max_pool,
    aten.avg_pool2d: average_pool,
    aten.avg_pool3d: average_pool,
    aten.native_batch_norm: batch_norm,
    aten.native_layer_norm: layer_norm,
    aten.addmm: linear,
    aten.cat: concatenation,
    aten.mean: mean,
    **dict.fromkeys((aten.add, aten.sub, aten.mul, aten.div), pairwise),
    **dict.fromkeys((aten.relu, aten.gelu, aten.pow, aten.sigmoid, aten.silu, aten.tanh), pointwise),
    **dict.fromkeys((aten.relu_, aten.silu_), in_place),
}
