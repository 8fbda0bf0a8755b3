"""Keras' layers and operations as calls of torch, so that a Keras graph is traced as any torch network is.

Maps stay in Keras' own order of axes, mostly N H W C; only convolutions, pools and the like see them as N C H W.
"""

from __future__ import annotations

import importlib
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import handle_torch_function, has_torch_function

from lenext.explanation import onnx_windows

Weights = Mapping[str, Tensor]  # by Keras' name, in torch's order of axes
COUNTED = {"moving_mean", "moving_variance", "mean", "variance", "count"}


def told(*given: Tensor, kind: str, type: str, shape: Sequence[int]) -> Tensor:  # noqa: A002  the constant's name
    """A step that has no torch function: its kind and type in words, and the shape of its result."""
    if has_torch_function(given):
        result: Tensor = handle_torch_function(told, given, *given, kind=kind, type=type, shape=shape)
        return result
    return torch.empty(tuple(shape), device="meta")


def weights_of(layer: Any) -> dict[str, nn.Parameter]:
    """By Keras' name, without memory; those of a frozen layer too, but nothing that training only counts."""
    found: dict[str, nn.Parameter] = {}
    for number, weight in enumerate(getattr(layer, "weights", ())):
        if weight.trainable or weight.name not in COUNTED:
            name = weight.name if weight.name not in found else f"{weight.name} {number}"
            shape = in_torch(tuple(weight.shape), depthwise=depthwise(layer, weight.name))
            found[name] = nn.Parameter(torch.empty(shape, device="meta"))
    return found


def depthwise(layer: Any, name: str) -> bool:
    return name == "depthwise_kernel" or (type(layer).__name__ == "DepthwiseConv2D" and name == "kernel")


def in_torch(shape: tuple[int, ...], *, depthwise: bool) -> tuple[int, ...]:
    """Keras has kernels as H W I O, depthwise ones as H W C multiplier, and matrices as I O."""
    if len(shape) == 4:
        height, width, inputs, outputs = shape
        return (inputs * outputs, 1, height, width) if depthwise else (outputs, inputs, height, width)
    return shape[::-1]


def channels_first(layer: Any) -> bool:
    return getattr(layer, "data_format", "channels_last") == "channels_first"


def as_map(layer: Any, x: Tensor) -> Tensor:
    """N C H W."""
    return x if channels_first(layer) else x.permute(0, 3, 1, 2)


def from_map(layer: Any, x: Tensor) -> Tensor:
    return x if channels_first(layer) else x.permute(0, 2, 3, 1)


def window(layer: Any, sides: Sequence[int]) -> dict[str, Any]:
    """Its attributes as ONNX has them."""
    kind = "SAME_UPPER" if layer.padding == "same" else "VALID"
    return {"kernel_shape": tuple(sides), "strides": tuple(layer.strides or sides), "auto_pad": kind}


def convolution(layer: Any, weights: Weights, x: Tensor) -> Tensor:
    kernel = weights["kernel"]
    attributes = window(layer, kernel.shape[2:]) | {"dilations": tuple(layer.dilation_rate)}
    attributes["group"] = len(kernel) // layer.depth_multiplier if depthwise(layer, "kernel") else layer.groups
    return from_map(layer, onnx_windows.convolution(attributes, as_map(layer, x), kernel, weights.get("bias")))


def separable(layer: Any, weights: Weights, x: Tensor) -> Tensor:
    kernel, point = weights["depthwise_kernel"], weights["pointwise_kernel"]
    attributes = window(layer, kernel.shape[2:]) | {"dilations": tuple(layer.dilation_rate)}
    attributes["group"] = len(kernel) // layer.depth_multiplier
    between = onnx_windows.convolution(attributes, as_map(layer, x), kernel)
    return from_map(layer, F.conv2d(between, point, weights.get("bias")))


def dense(_: Any, weights: Weights, x: Tensor) -> Tensor:
    return F.linear(x, weights["kernel"], weights.get("bias"))


def batch_norm(layer: Any, weights: Weights, x: Tensor) -> Tensor:
    """Keras' momentum is the share that stays, torch's the share that is new."""
    axis = axes_of(layer, x)[0]
    mean, variance = (torch.empty(x.shape[axis], device="meta") for _ in range(2))
    scale, shift = weights.get("gamma"), weights.get("beta")
    momentum = 1 - layer.momentum
    normal = F.batch_norm(x.movedim(axis, 1), mean, variance, scale, shift, momentum=momentum, eps=layer.epsilon)
    return normal.movedim(1, axis)


def layer_norm(layer: Any, weights: Weights, x: Tensor) -> Tensor | None:
    axes = axes_of(layer, x)
    if axes != list(range(x.dim() - len(axes), x.dim())) or getattr(layer, "rms_scaling", False):
        return None
    return F.layer_norm(x, x.shape[axes[0] :], weights.get("gamma"), weights.get("beta"), layer.epsilon)


def group_norm(layer: Any, weights: Weights, x: Tensor) -> Tensor:
    axis = axes_of(layer, x)[0]
    groups = x.shape[axis] if layer.groups == -1 else layer.groups
    normal = F.group_norm(x.movedim(axis, 1), groups, weights.get("gamma"), weights.get("beta"), layer.epsilon)
    return normal.movedim(1, axis)


def axes_of(layer: Any, x: Tensor) -> list[int]:
    axes = [layer.axis] if isinstance(layer.axis, int) else list(layer.axis)
    return sorted(axis % x.dim() for axis in axes)


def pooled(call: Callable[[dict[str, Any], Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda layer, _, x: from_map(layer, call(window(layer, layer.pool_size), as_map(layer, x)))


def global_average(layer: Any, _: Weights, x: Tensor) -> Tensor:
    return x.mean(dim=(2, 3) if channels_first(layer) else (1, 2), keepdim=layer.keepdims)


def global_max(layer: Any, _: Weights, x: Tensor) -> Tensor:
    pooled = F.adaptive_max_pool2d(as_map(layer, x), 1)
    return from_map(layer, pooled) if layer.keepdims else pooled.flatten(1)


def zero_padding(layer: Any, _: Weights, x: Tensor) -> Tensor:
    (top, bottom), (left, right) = layer.padding
    sides = (left, right, top, bottom)
    return from_map(layer, F.pad(as_map(layer, x), sides)) if any(sides) else x


def dropout(layer: Any, _: Weights, x: Tensor) -> Tensor:
    """One draw for each image is stochastic depth, of which nothing is left in a test."""
    shape = layer.noise_shape
    if shape is not None and all(size == 1 for size in shape[1:]):
        return x
    return F.dropout(x, layer.rate, training=False)


def relu(layer: Any, _: Weights, x: Tensor) -> Tensor | None:
    most, slope = (getattr(layer, name, None) for name in ("max_value", "negative_slope"))
    if getattr(layer, "threshold", 0) or (slope and most is not None):
        return None
    if slope:
        return F.leaky_relu(x, slope)
    return F.relu(x) if most is None else F.hardtanh(x, 0, most)


def reshape(layer: Any, _: Weights, x: Tensor) -> Tensor:
    """Any change of order or shape alone."""
    return after(layer, x.reshape, x)  # type: ignore[no-any-return]


def unchanged(_: Any, __: Weights, x: Tensor) -> Tensor:
    return x


def scaled(_: Any, weights: Weights, x: Tensor) -> Tensor | None:
    return x * next(iter(weights.values())) if len(weights) == 1 else None


def combined(call: Callable[[Any, Any], Any]) -> Callable[..., Tensor | None]:
    def over_parts(_: Any, __: Weights, *given: Any) -> Tensor | None:
        parts = given[0] if isinstance(given[0], list | tuple) else given
        known = all(isinstance(part, Tensor | int | float) for part in parts)
        return reduce(call, parts) if known else None

    return over_parts


def concatenation(layer: Any, _: Weights, parts: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(parts), layer.axis)


def elementwise(call: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    return lambda _, __, x: call(x)


def after(layer: Any, make: Callable[[tuple[int, ...]], Tensor], *given: Any, **options: Any) -> Any:
    """The results of a layer, made of the shapes that Keras says they have."""
    keras = importlib.import_module("keras")  # it is there: the layer came with it

    def symbol(value: Any) -> Any:
        return keras.KerasTensor(tuple(value.shape)) if isinstance(value, Tensor) else value

    given, options = keras.tree.map_structure(symbol, (given, options))
    return keras.tree.map_structure(lambda one: make(tuple(one.shape)), layer.compute_output_spec(*given, **options))


def activated(layer: Any, x: Tensor) -> Tensor:
    """What the layer's own activation makes of its result."""
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", type(function).__name__)
    if function is None or name in FUNCTIONS:
        return x if function is None else FUNCTIONS[name](x)
    return told(x, kind="activation", type=name, shape=x.shape)


def is_softmax(layer: Any) -> bool:
    return type(layer).__name__ == "Softmax" or getattr(getattr(layer, "activation", None), "__name__", "") == "softmax"


# Keras' activation functions, where its name is not torch's.
FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu, "relu6": lambda x: F.hardtanh(x, 0, 6), "gelu": F.gelu, "silu": F.silu, "swish": F.silu,
    "sigmoid": torch.sigmoid, "hard_sigmoid": F.hardsigmoid, "hard_silu": F.hardswish, "hard_swish": F.hardswish,
    "tanh": torch.tanh, "elu": F.elu, "selu": F.selu, "softplus": F.softplus, "mish": F.mish,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2), "linear": lambda x: x,
    "softmax": lambda x: torch.softmax(x, dim=-1),
}  # fmt: skip
# By the name of the class of a layer, or of a function of keras.ops: those that return None are told in words.
LAYERS: Mapping[str, Callable[..., Tensor | None]] = {
    "Conv2D": convolution, "DepthwiseConv2D": convolution, "SeparableConv2D": separable, "Dense": dense,
    "BatchNormalization": batch_norm, "LayerNormalization": layer_norm, "GroupNormalization": group_norm,
    "MaxPooling2D": pooled(onnx_windows.max_pool), "AveragePooling2D": pooled(onnx_windows.average_pool),
    "GlobalAveragePooling2D": global_average, "GlobalMaxPooling2D": global_max, "ZeroPadding2D": zero_padding,
    "Dropout": dropout, "SpatialDropout2D": lambda layer, _, x: F.dropout2d(x, layer.rate, training=False),
    "StochasticDepth": unchanged, "LayerScale": scaled,
    "ReLU": relu, "LeakyReLU": relu, "ELU": lambda layer, _, x: F.elu(x, layer.alpha), "Activation": unchanged,
    "Softmax": lambda layer, _, x: torch.softmax(x, dim=layer.axis),
    "Flatten": reshape, "Reshape": reshape, "Permute": reshape, "Transpose": reshape, "ExpandDims": reshape,
    "Squeeze": reshape, "Identity": unchanged, "InputLayer": unchanged, "ActivityRegularization": unchanged,
    "Add": combined(operator.add), "Multiply": combined(operator.mul), "Subtract": combined(operator.sub),
    "TrueDivide": combined(operator.truediv), "Divide": combined(operator.truediv),
    "Concatenate": concatenation,
    "Relu": elementwise(F.relu), "Relu6": elementwise(FUNCTIONS["relu6"]), "Silu": elementwise(F.silu),
    "Sigmoid": elementwise(torch.sigmoid), "HardSigmoid": elementwise(F.hardsigmoid), "Tanh": elementwise(torch.tanh),
    "HardSilu": elementwise(F.hardswish),
    "Gelu": lambda layer, _, x: F.gelu(x, approximate="tanh" if layer.approximate else "none"),
}  # fmt: skip
