"""ONNX's operators as calls of torch, so that an ONNX graph is traced as any torch network is.

Old spellings count too: what is an input today was an attribute in earlier versions of the standard.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from lenext.explanation.onnx_windows import (
    Attributes,
    Value,
    average_pool,
    convolution,
    listed,
    max_pool,
    numbers,
    pad,
    plain,
    tensor,
)


def run(name: str, inputs: Sequence[Any], attributes: Attributes, outputs: int = 1) -> tuple[Any, ...]:
    """What the operator ``name`` gives; it is one of ``KNOWN``."""
    if name in WITH_ATTRIBUTES:
        result = WITH_ATTRIBUTES[name](attributes, *inputs)
    elif name in ELEMENTWISE:
        result = ELEMENTWISE[name](*map(plain, beside(attributes, inputs)))
    else:
        result = split({**attributes, "outputs": outputs}, *inputs)
    return tuple(result) if isinstance(result, tuple | list) else (result,)


def beside(attributes: Attributes, inputs: Sequence[Value]) -> Sequence[Value]:
    """Before version 7 of the standard an attribute said with which axis the second tensor begins."""
    x, *others = inputs
    if "axis" not in attributes or x is None or not others or others[0] is None:
        return inputs
    return [x, others[0].reshape(*others[0].shape, *[1] * (x.dim() - attributes["axis"] - others[0].dim()))]


def batch_norm(attributes: Attributes, x: Tensor, *given: Tensor) -> Tensor:
    scale, shift, mean, variance = map(tensor, given[:4])
    eps, momentum = attributes.get("epsilon", 1e-5), 1 - attributes.get("momentum", 0.9)
    return F.batch_norm(x, mean, variance, scale, shift, training=False, momentum=momentum, eps=eps)


def layer_norm(attributes: Attributes, x: Tensor, scale: Tensor, shift: Value = None) -> Tensor:
    axis = attributes.get("axis", -1) % x.dim()
    shift = None if shift is None else tensor(shift)
    return F.layer_norm(x, x.shape[axis:], tensor(scale), shift, attributes.get("epsilon", 1e-5))


def local_response(attributes: Attributes, x: Tensor) -> Tensor:
    alpha, beta, k = (attributes.get(name, usual) for name, usual in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)))
    return F.local_response_norm(x, attributes["size"], alpha, beta, k)


def gemm(attributes: Attributes, x: Tensor, weight: Tensor, bias: Value = None) -> Tensor:
    x = x.T if attributes.get("transA") else x
    if "linear" in attributes:  # its weight was turned when the graph was read
        return F.linear(x, tensor(weight), None if bias is None else tensor(bias))
    product = x @ (weight.T if attributes.get("transB") else weight)
    return product if bias is None else product + bias


def matmul(attributes: Attributes, x: Tensor, weight: Tensor) -> Tensor:
    return F.linear(x, tensor(weight)) if "linear" in attributes else torch.matmul(x, weight)


def dropout(attributes: Attributes, x: Tensor, ratio: Value = None, *_: Value) -> Tensor:
    return F.dropout(x, float(plain(ratio)) if ratio is not None else attributes.get("ratio", 0.5), training=False)


def clip(attributes: Attributes, x: Tensor, low: Value = None, high: Value = None) -> Tensor:
    least = plain(low) if low is not None else attributes.get("min", -math.inf)
    most = plain(high) if high is not None else attributes.get("max", math.inf)
    if x.is_floating_point() and x.is_meta:
        return F.relu(x) if (least, most) == (0, math.inf) else F.hardtanh(x, least, most)
    return torch.clamp(x, least, most)


def reshape(attributes: Attributes, x: Tensor, shape: Value = None) -> Tensor:
    sizes = listed(attributes, "shape", shape) or []
    if not attributes.get("allowzero"):
        sizes = [x.shape[place] if size == 0 else size for place, size in enumerate(sizes)]
    return x.reshape(sizes)


def flatten(attributes: Attributes, x: Tensor) -> Tensor:
    axis = attributes.get("axis", 1)
    return x.reshape(math.prod(x.shape[:axis]), -1)


def squeeze(attributes: Attributes, x: Tensor, axes: Value = None) -> Tensor:
    places = listed(attributes, "axes", axes)
    return x.squeeze() if places is None else x.squeeze(tuple(places))


def unsqueeze(attributes: Attributes, x: Tensor, axes: Value = None) -> Tensor:
    places = listed(attributes, "axes", axes) or []
    total = x.dim() + len(places)
    for place in sorted(place % total for place in places):
        x = x.unsqueeze(place)
    return x


def transpose(attributes: Attributes, x: Tensor) -> Tensor:
    return x.permute(list(attributes.get("perm", range(x.dim())[::-1])))


def reduced(call: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def over_axes(attributes: Attributes, x: Tensor, axes: Value = None) -> Tensor:
        places = listed(attributes, "axes", axes)
        if not places and attributes.get("noop_with_empty_axes"):
            return x
        places = sorted(place % x.dim() for place in places or range(x.dim()))
        keep = bool(attributes.get("keepdims", 1))
        if keep or len(places) > 1:
            return call(x, dim=places, keepdim=keep)
        return call(x, places[0])

    return over_axes


def softmax(attributes: Attributes, x: Tensor) -> Tensor:
    return torch.softmax(x, dim=attributes.get("axis", 1 if x.dim() > 1 else 0) % x.dim())


def shape(attributes: Attributes, x: Tensor) -> Tensor:
    sizes = list(x.shape)[attributes.get("start", 0) : attributes.get("end")]
    return torch.tensor(sizes, dtype=torch.int64, device="cpu")


def gather(attributes: Attributes, x: Tensor, places: Tensor) -> Tensor:
    axis = attributes.get("axis", 0)
    if x.dim() == 1 and places.dim() and places.numel() == x.numel():
        return x.reshape(places.shape)  # a map in another order of memory
    if places.dim() == 0 and not places.is_meta:
        return x.select(axis, numbers(places)[0])
    chosen = torch.index_select(x, axis, places.flatten().to(x.device, torch.int64))
    axis %= x.dim()
    return chosen.reshape(*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])


def part(
    attributes: Attributes, x: Tensor, starts: Value = None, ends: Value = None, axes: Value = None, steps: Value = None
) -> Tensor:
    first, last = listed(attributes, "starts", starts) or [], listed(attributes, "ends", ends) or []
    places = listed(attributes, "axes", axes) or list(range(len(first)))
    strides = numbers(steps) or [1] * len(first)
    taken = [slice(None)] * x.dim()
    for place, start, end, stride in zip(places, first, last, strides, strict=True):
        if stride < 0:  # torch has no such slice: a turned axis
            return x.flip(place)
        taken[place] = slice(start, min(end, x.shape[place]), stride)
    return x[tuple(taken)]


def concatenation(attributes: Attributes, *parts: Tensor) -> Tensor:
    return torch.cat(list(parts), attributes.get("axis", 1))


def split(attributes: Attributes, x: Tensor, sizes: Value = None) -> tuple[Tensor, ...]:
    axis, outputs = attributes.get("axis", 0), attributes["outputs"]
    given = listed(attributes, "split", sizes)
    return tuple(torch.split(x, given or -(-x.shape[axis] // outputs), axis))


def filled(attributes: Attributes, sizes: Tensor) -> Tensor:
    """Single numbers are kept, more are weights of which the shape is enough."""
    wanted, value = numbers(sizes), attributes.get("value")
    value = torch.zeros(1, device="cpu") if value is None else value
    if math.prod(wanted) > 1 and value.is_floating_point():
        return torch.empty(wanted, dtype=value.dtype, device="meta")
    return torch.full(wanted, plain(value), dtype=value.dtype, device="cpu")


def constant(attributes: Attributes) -> Tensor:
    for name, kind in (("value_float", torch.float32), ("value_int", torch.int64)):
        for key in (name, f"{name}s"):
            if key in attributes:
                return torch.tensor(attributes[key], dtype=kind, device="cpu")
    found: Tensor = attributes["value"]
    return found


def expand(_: Attributes, x: Tensor, sizes: Tensor) -> Tensor:
    common = np.broadcast_shapes(tuple(x.shape), tuple(numbers(sizes)))
    return x if tuple(x.shape) == common else x.expand(common)


def choice(_: Attributes, condition: Tensor, one: Tensor, other: Tensor) -> Tensor:
    if one.is_meta or other.is_meta or condition.is_meta:
        sizes = np.broadcast_shapes(*(tuple(each.shape) for each in (condition, one, other)))
        return torch.empty(sizes, dtype=one.dtype, device="meta")
    return torch.where(condition, one, other)


def cast(attributes: Attributes, x: Tensor) -> Tensor:
    """Weights and maps stay as they are: half precision is nobody's deviation."""
    kind = KINDS.get(attributes["to"], torch.float32)
    return x if x.is_meta and kind.is_floating_point and x.is_floating_point() else x.to(kind)


def unchanged(_: Attributes, x: Tensor, *__: Value) -> Tensor:
    return x


def scattered(_: Attributes, x: Tensor, *__: Value) -> Tensor:
    return torch.empty(x.shape, dtype=x.dtype, device="meta")


def global_pool(call: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda _, x: call(x, 1)


def summed(_: Attributes, *parts: Tensor) -> Tensor:
    return sum(parts[1:], parts[0])


def dequantised(_: Attributes, x: Tensor, *__: Value) -> Tensor:
    return x if x.is_floating_point() else torch.empty(x.shape, dtype=torch.float32, device="meta")


def known(call: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Arithmetic of numbers alone is done with tensors too, so that its result is one."""

    def computed(*given: Any) -> Tensor:
        if not any(isinstance(one, Tensor) for one in given):
            given = tuple(torch.tensor(one, device="cpu") for one in given)
        return call(*given)

    return computed


def divide(one: Any, other: Any) -> Any:
    whole = all(isinstance(x, int) or (isinstance(x, Tensor) and not x.is_floating_point()) for x in (one, other))
    return torch.div(one, other, rounding_mode="trunc") if whole else one / other


def power(one: Any, other: Any) -> Any:
    square = not isinstance(other, Tensor) and other == 2
    return torch.square(one) if square else one**other


def single(call: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda x: call(x if isinstance(x, Tensor) else torch.tensor(x, device="cpu"))


def hard_sigmoid(attributes: Attributes, x: Tensor) -> Tensor:
    """torch has it with a slope of 1/6 only."""
    slope, shift = attributes.get("alpha", 0.2), attributes.get("beta", 0.5)
    if math.isclose(slope, 1 / 6, rel_tol=1e-3) and shift == 0.5:
        return F.hardsigmoid(x)
    return F.hardtanh(x * slope + shift, 0.0, 1.0)


KINDS: Mapping[int, torch.dtype] = {
    2: torch.uint8, 3: torch.int8, 5: torch.int16, 6: torch.int32, 7: torch.int64, 9: torch.bool, 11: torch.float64,
}  # fmt: skip
WITH_ATTRIBUTES: Mapping[str, Callable[..., Any]] = {
    "Conv": convolution, "MaxPool": max_pool, "AveragePool": average_pool, "Pad": pad,
    "GlobalAveragePool": global_pool(F.adaptive_avg_pool2d), "GlobalMaxPool": global_pool(F.adaptive_max_pool2d),
    "BatchNormalization": batch_norm, "LayerNormalization": layer_norm, "LRN": local_response,
    "Gemm": gemm, "MatMul": matmul, "Dropout": dropout, "Clip": clip,
    "Reshape": reshape, "Flatten": flatten, "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Transpose": transpose,
    "ReduceMean": reduced(torch.mean), "ReduceSum": reduced(torch.sum), "Softmax": softmax,
    "LogSoftmax": lambda attributes, x: torch.log_softmax(x, dim=attributes.get("axis", 1) % x.dim()),
    "Shape": shape, "Gather": gather, "Slice": part, "Concat": concatenation, "ConstantOfShape": filled,
    "Constant": constant, "Expand": expand, "Where": choice, "Cast": cast, "CastLike": unchanged,
    "Identity": unchanged, "ScatterND": scattered, "Sum": summed,
    "QuantizeLinear": unchanged, "DequantizeLinear": dequantised,
    "Gelu": lambda attributes, x: F.gelu(x, approximate=attributes.get("approximate", "none")),
    "LeakyRelu": lambda attributes, x: F.leaky_relu(x, attributes.get("alpha", 0.01)),
    "Elu": lambda attributes, x: F.elu(x, attributes.get("alpha", 1.0)),
    "HardSigmoid": hard_sigmoid,
}  # fmt: skip
ELEMENTWISE: Mapping[str, Callable[..., Any]] = {
    "Add": known(operator.add), "Mul": known(operator.mul), "Sub": known(operator.sub), "Div": known(divide),
    "Pow": known(power), "Sqrt": single(torch.sqrt), "Reciprocal": single(torch.reciprocal),
    "Erf": single(torch.erf), "Exp": single(torch.exp), "Neg": single(torch.neg), "Abs": single(torch.abs),
    "Floor": single(torch.floor), "Ceil": single(torch.ceil), "Not": single(torch.logical_not),
    "Relu": single(F.relu), "Sigmoid": single(torch.sigmoid), "Tanh": single(torch.tanh),
    "HardSwish": single(F.hardswish), "Mish": single(F.mish), "Softplus": single(F.softplus),
    "Swish": single(F.silu),
    "Equal": known(torch.eq), "Less": known(torch.lt), "Greater": known(torch.gt),
    "And": known(torch.logical_and), "Or": known(torch.logical_or),
    "Min": known(torch.minimum), "Max": known(torch.maximum),
}  # fmt: skip


KNOWN = frozenset({*WITH_ATTRIBUTES, *ELEMENTWISE, "Split", "If"})
