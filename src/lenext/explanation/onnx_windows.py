"""ONNX's windows over a map and the borders around it, as calls of torch: convolution, pooling, padding."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.errors import WeightFileError

Attributes = Mapping[str, Any]
Value = Tensor | None  # an input that is left out is None


def plain(value: Value) -> Any:
    """A known single number as such: then it is a constant of the step, not a weight."""
    if value is not None and not value.is_meta and value.numel() == 1:
        return value.item()
    return value


def numbers(value: Value) -> list[int]:
    """A known list of whole numbers. Raises ``WeightFileError`` where it depends on the image."""
    if value is None:
        return []
    if value.is_meta:
        message = "The ONNX graph works out a shape from the content of the image."
        raise WeightFileError(message, "Export the network with a fixed input size.")
    return [int(number) for number in value.flatten().tolist()]


def listed(attributes: Attributes, name: str, value: Value) -> list[int] | None:
    """A list that is an attribute or an input; None where it is neither."""
    if value is not None:
        return numbers(value)
    return list(attributes[name]) if name in attributes else None


def tensor(value: Any) -> Tensor:
    """Known numbers by their shape alone, as the weights of a layer are."""
    return value if value.is_meta else torch.empty(value.shape, dtype=torch.float32, device="meta")


def margins(attributes: Attributes, x: Tensor, kernel: Sequence[int]) -> tuple[int, ...]:
    """Pixels at the (top, left, ..., bottom, right)."""
    axes, kind = len(kernel), attributes.get("auto_pad", "NOTSET")
    if kind == "NOTSET":
        return tuple(attributes.get("pads", (0,) * (2 * axes)))
    if kind == "VALID":
        return (0,) * (2 * axes)
    strides, dilations = (attributes.get(name, (1,) * axes) for name in ("strides", "dilations"))
    before, after = [], []
    for size, side, stride, dilation in zip(x.shape[2:], kernel, strides, dilations, strict=True):
        total = max((-(-size // stride) - 1) * stride + dilation * (side - 1) + 1 - size, 0)
        less, more = total // 2, total - total // 2
        before.append(less if kind == "SAME_UPPER" else more)
        after.append(more if kind == "SAME_UPPER" else less)
    return (*before, *after)


def framed(x: Tensor, pads: Sequence[int], fill: float) -> tuple[Tensor, list[int]]:
    """The map, padded where the sides are unequal, and the padding that is left to the window."""
    axes = len(pads) // 2
    if tuple(pads[:axes]) == tuple(pads[axes:]):
        return x, list(pads[:axes])
    return F.pad(x, torch_sides(pads), value=fill), [0] * axes


def torch_sides(pads: Sequence[int]) -> list[int]:
    """ONNX's (all before, all after) in torch's order, last axis first; untouched first axes are left out."""
    axes = len(pads) // 2
    pairs = [(pads[axis], pads[axes + axis]) for axis in range(axes)]
    while len(pairs) > 2 and pairs[0] == (0, 0):
        del pairs[0]
    return [side for both in reversed(pairs) for side in both]


def convolution(attributes: Attributes, x: Tensor, weight: Tensor, bias: Value = None) -> Tensor:
    weight, axes = tensor(weight), weight.dim() - 2
    x, padding = framed(x, margins(attributes, x, weight.shape[2:]), 0.0)
    stride, dilation = (list(attributes.get(name, (1,) * axes)) for name in ("strides", "dilations"))
    bias = None if bias is None else tensor(bias)
    call = F.conv1d if axes == 1 else F.conv2d
    return call(x, weight, bias, stride, padding, dilation, attributes.get("group", 1))


def max_pool(attributes: Attributes, x: Tensor) -> Tensor:
    kernel = list(attributes["kernel_shape"])
    x, padding = framed(x, margins(attributes, x, kernel), -math.inf)
    stride, dilation = (list(attributes.get(name, (1, 1))) for name in ("strides", "dilations"))
    return F.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode=bool(attributes.get("ceil_mode", 0)))


def average_pool(attributes: Attributes, x: Tensor) -> Tensor:
    kernel = list(attributes["kernel_shape"])
    stride = list(attributes.get("strides", (1,) * len(kernel)))
    pads, border = margins(attributes, x, kernel), bool(attributes.get("count_include_pad", 0))
    covered = [size + pads[axis] + pads[len(kernel) + axis] for axis, size in enumerate(x.shape[2:])]
    if any(pads) and not border and covered == kernel:
        return F.adaptive_avg_pool2d(x, 1)  # one window, of which only the map counts
    x, padding = framed(x, pads, 0.0)
    up = bool(attributes.get("ceil_mode", 0))
    if len(kernel) == 3:
        return F.avg_pool3d(x, kernel, stride, padding, up, border)
    return F.avg_pool2d(x, kernel, stride, padding, up, border)


def pad(attributes: Attributes, x: Tensor, pads: Value = None, value: Value = None, axes: Value = None) -> Tensor:
    given = listed(attributes, "pads", pads) or listed(attributes, "paddings", None) or []
    sides = [0] * (2 * x.dim())
    places = [axis % x.dim() for axis in numbers(axes)] or list(range(x.dim()))
    for place, axis in enumerate(places):
        sides[axis], sides[axis + x.dim()] = given[place], given[place + len(places)]
    if not any(sides):
        return x
    fill = float(plain(value)) if value is not None else attributes.get("value", 0.0)
    mode = {"constant": "constant", "reflect": "reflect", "edge": "replicate"}[attributes.get("mode", "constant")]
    return F.pad(x, torch_sides(sides), mode, fill if mode == "constant" else None)
