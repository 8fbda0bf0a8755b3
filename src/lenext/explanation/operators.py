"""What one call of a torch function is, in the words of a paper: its kind and its constants, however it was written.

Equal mathematics has one form: ``mean`` over a map, adaptive pooling to 1x1 and pooling of the whole map are global
pooling; a linear layer at every position is a 1x1 convolution, and a convolution of the whole map a linear layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from torch import Tensor, nn

from lenext.explanation.receptive_field import pair

CONVOLUTION, LINEAR, NORMALISATION, LRN = "convolution", "linear layer", "normalisation", "LRN"
ACTIVATION, POOLING, DROPOUT, PADDING = "activation", "pooling", "dropout", "padding"


class Meaning(NamedTuple):
    """``kind`` and constants as text, ``macs`` for one image."""

    kind: str
    constants: Mapping[str, str]
    macs: int = 0


# The arguments by position, of those functions whose constants are compared.
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "conv2d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "linear": ("input", "weight", "bias"),
    "batch_norm": ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
    "layer_norm": ("input", "normalized_shape", "weight", "bias", "eps"),
    "group_norm": ("input", "num_groups", "weight", "bias", "eps"),
    "local_response_norm": ("input", "size", "alpha", "beta", "k"),
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
    "avg_pool3d": ("input", "kernel_size"),
    "adaptive_avg_pool2d": ("input", "output_size"),
    "adaptive_max_pool2d": ("input", "output_size"),
    "mean": ("input", "dim"),
    "dropout": ("input", "p"),
    "pad": ("input", "pad", "mode", "value"),
    "hardtanh": ("input", "min_val", "max_val"),
    "clamp": ("input", "min", "max"),
    "leaky_relu": ("input", "negative_slope"),
    "gelu": ("input",),
}
SYNONYMS: Mapping[str, str] = {
    "__add__": "add", "__radd__": "add", "__iadd__": "add",
    "__mul__": "mul", "__rmul__": "mul", "__imul__": "mul", "multiply": "mul",
    "__sub__": "sub", "__rsub__": "sub", "__isub__": "sub", "subtract": "sub",
    "__truediv__": "div", "__itruediv__": "div", "divide": "div", "true_divide": "div", "__pow__": "pow",
    "__neg__": "neg", "concat": "cat", "concatenate": "cat",
    "feature_dropout": "dropout2d", "_max_pool2d": "max_pool2d", "max_pool2d_with_indices": "max_pool2d",
}  # fmt: skip
WORDS: Mapping[str, str] = {"add": "addition", "mul": "multiplication", "sub": "subtraction", "cat": "concatenation"}
ACTIVATIONS: Mapping[str, str] = {
    "relu": "ReLU", "relu6": "ReLU6", "gelu": "GELU", "silu": "SiLU", "hardswish": "hard swish", "elu": "ELU",
    "sigmoid": "sigmoid", "hardsigmoid": "hard sigmoid", "tanh": "tanh", "leaky_relu": "leaky ReLU", "mish": "Mish",
}  # fmt: skip
# Functions that only rearrange: their result is what their input is, if it has as many elements.
REARRANGEMENTS = frozenset({
    "flatten", "unflatten", "view", "view_as", "reshape", "permute", "transpose", "swapaxes", "movedim", "contiguous",
    "squeeze", "unsqueeze", "to", "type", "float", "clone", "detach", "__get__", "__getitem__",
})  # fmt: skip


def meaning(function: str, args: Sequence[Any], kwargs: Mapping[str, Any], result: Tensor) -> Meaning | None:
    """What the call is; None for one that changes nothing. ``function`` is torch's name of it."""
    name = function if function.startswith("__") else function.rstrip("_")
    name = SYNONYMS.get(name, name)
    given = dict(zip(ARGUMENTS.get(name, ()), args, strict=False)) | dict(kwargs)
    image = args[0] if args and isinstance(args[0], Tensor) else kwargs.get("input")
    if name in REARRANGEMENTS and isinstance(image, Tensor) and image.numel() == result.numel():
        return None
    if name in READERS and isinstance(image, Tensor):
        found: Meaning | None = READERS[name](given, image, result)
        return found
    if name in ACTIVATIONS:
        return Meaning(ACTIVATION, {"type": ACTIVATIONS[name]})
    if name == "cat":
        return Meaning(WORDS[name], {}) if len(args[0]) > 1 else None
    numbers = ", ".join(f"{value:g}" for value in args if isinstance(value, int | float))
    return Meaning(WORDS.get(name, name.strip("_")), {"constant": numbers} if numbers else {})


def convolution(given: Mapping[str, Any], image: Tensor, result: Tensor) -> Meaning:
    weight, bias = given["weight"], given.get("bias")
    outputs, inputs, height, width = weight.shape
    groups = given.get("groups", 1)
    inputs *= groups
    macs = weight[0].numel() * result.numel() // len(result)
    if groups == 1 and result.shape[-2:] == (1, 1) and image.shape[-2:] == (height, width):
        return dense(outputs, inputs * height * width, bias, macs)
    dilation = pair(given.get("dilation", 1))
    return Meaning(
        CONVOLUTION,
        {
            "kernel": f"{height}x{width}",
            "stride": both(pair(given.get("stride", 1))),
            "padding": frame(given.get("padding", 0), (height, width), dilation),
            "dilation": both(dilation),
            "groups": "one per channel" if groups == inputs > 1 else str(groups),
            "width": str(outputs),
            "bias": "with" if bias is not None else "without",
            "inputs": str(inputs),
        },
        macs,
    )


def linear(given: Mapping[str, Any], image: Tensor, result: Tensor) -> Meaning:
    weight, bias = given["weight"], given.get("bias")
    outputs, inputs = weight.shape
    macs = inputs * result.numel() // len(result)
    if image.dim() <= 2 or image.numel() == len(image) * inputs:
        return dense(outputs, inputs, bias, macs)
    point = {"kernel": "1x1", "stride": "1", "padding": "0", "dilation": "1", "groups": "1", "width": str(outputs)}
    return Meaning(CONVOLUTION, {**point, "bias": "without" if bias is None else "with", "inputs": str(inputs)}, macs)


def dense(outputs: int, inputs: int, bias: Tensor | None, macs: int) -> Meaning:
    constants = {"width": str(outputs), "bias": "without" if bias is None else "with", "inputs": str(inputs)}
    return Meaning(LINEAR, constants, macs)


def batch_norm(given: Mapping[str, Any], *_: Tensor) -> Meaning:
    constants = {
        "type": "batch normalisation",
        "eps": f"{given.get('eps', 1e-5):g}",
        "momentum": f"{given.get('momentum', 0.1) or 0:g}",
        "scale": "without" if isinstance(given.get("weight"), nn.Buffer | None) else "with",  # a buffer never trains
        "shift": "without" if given.get("bias") is None else "with",
    }
    return Meaning(NORMALISATION, constants)


def layer_norm(given: Mapping[str, Any], *_: Tensor) -> Meaning:
    return Meaning(NORMALISATION, {"type": "layer normalisation", "eps": f"{given.get('eps', 1e-5):g}"})


def group_norm(given: Mapping[str, Any], *_: Tensor) -> Meaning:
    groups = given["num_groups"]
    return Meaning(NORMALISATION, {"type": f"normalisation of {groups} groups", "eps": f"{given.get('eps', 1e-5):g}"})


def local_response(given: Mapping[str, Any], *_: Tensor) -> Meaning:
    """alpha as the papers have it, times the sum; torch divides its own by ``size``."""
    size, alpha = given["size"], given.get("alpha", 1e-4)
    constants = {"size": str(size), "alpha": f"{alpha / size:g}", "beta": f"{given.get('beta', 0.75):g}"}
    return Meaning(LRN, constants | {"k": f"{given.get('k', 1.0):g}"})


def average_of_channels(given: Mapping[str, Any], *_: Tensor) -> Meaning:
    """As LRN is written out: channels on an axis of their own."""
    return Meaning(POOLING, {"type": "average", "kernel": "x".join(map(str, given["kernel_size"]))})


def pooled(which: str, given: Mapping[str, Any], image: Tensor, result: Tensor) -> Meaning | None:
    kernel = pair(given["kernel_size"])
    stride = pair(given.get("stride") or kernel)
    if kernel == stride == (1, 1):
        return None  # as a global one of one position does
    if kernel == tuple(image.shape[-2:]) and result.shape[-2:] == (1, 1) and pair(given.get("padding", 0)) == (0, 0):
        return Meaning(POOLING, {"type": f"global {which}"})
    constants = {
        "type": which,
        "kernel": "x".join(map(str, kernel)),
        "stride": both(stride),
        "padding": frame(given.get("padding", 0), kernel, (1, 1)),
    }
    if stride != (1, 1):  # nothing is left over where a window moves by one
        constants["rounding"] = "up" if given.get("ceil_mode") else "down"
    if which == "average" and pair(given.get("padding", 0)) != (0, 0):  # elsewhere there is no border to count
        constants["border"] = "counted" if given.get("count_include_pad", True) else "not counted"
    return Meaning(POOLING, constants)


def adaptive(which: str, given: Mapping[str, Any], image: Tensor, _: Tensor) -> Meaning | None:
    size = pair(given["output_size"])
    if tuple(image.shape[-2:]) == size == (1, 1):
        return None
    if size == (1, 1):
        return Meaning(POOLING, {"type": f"global {which}"})
    return Meaning(POOLING, {"type": f"adaptive {which} to {size[0]}x{size[1]}"})


def mean(given: Mapping[str, Any], image: Tensor, result: Tensor) -> Meaning:
    whole = image.dim() == 4 and result.numel() * image.shape[-1] * image.shape[-2] == image.numel()
    channels_last = image.dim() == 4 and result.numel() * image.shape[1] * image.shape[2] == image.numel()
    axes = given.get("dim")
    over = {axis % image.dim() for axis in ([axes] if isinstance(axes, int) else axes or range(image.dim()))}
    if (whole and over == {2, 3}) or (channels_last and over == {1, 2}):
        return Meaning(POOLING, {"type": "global average"})
    return Meaning("mean", {"axes": ", ".join(map(str, sorted(over)))})


def dropout(given: Mapping[str, Any], *_: Tensor) -> Meaning | None:
    share = given.get("p", 0.5)
    return Meaning(DROPOUT, {"share": f"{share:g}"}) if share else None


def padding(given: Mapping[str, Any], *_: Tensor) -> Meaning:
    """``sides`` as torch orders them: left, right, top, bottom, then the channels'."""
    sides = ", ".join(map(str, given["pad"]))
    return Meaning(PADDING, {"sides": sides, "with": f"{given.get('value') or 0:g} ({given.get('mode', 'constant')})"})


def clamp(given: Mapping[str, Any], *_: Tensor) -> Meaning:
    low, high = given.get("min"), given.get("max")
    names: Mapping[tuple[Any, Any], str] = {(0, None): "ReLU", (0, 6): "ReLU6"}
    known = names.get((low, high))
    bounds = ", ".join(f"{bound:g}" for bound in (low, high) if isinstance(bound, int | float))
    return Meaning(ACTIVATION, {"type": known}) if known else Meaning("clamp", {"constant": bounds})


def hard_tanh(given: Mapping[str, Any], *_: Tensor) -> Meaning:
    low, high = given.get("min_val", -1), given.get("max_val", 1)
    return Meaning(ACTIVATION, {"type": "ReLU6" if (low, high) == (0, 6) else f"clamp to {low:g}..{high:g}"})


def leaky(given: Mapping[str, Any], *_: Tensor) -> Meaning:
    return Meaning(ACTIVATION, {"type": "leaky ReLU", "slope": f"{given.get('negative_slope', 0.01):g}"})


def gelu(given: Mapping[str, Any], *_: Tensor) -> Meaning:
    return Meaning(ACTIVATION, {"type": "GELU (tanh)" if given.get("approximate", "none") == "tanh" else "GELU"})


def in_words(given: Mapping[str, Any], *_: Tensor) -> Meaning:
    """What no function of torch is, and another library says by name."""
    return Meaning(given["kind"], {"type": given["type"]})


def both(size: tuple[int, int]) -> str:
    return str(size[0]) if size[0] == size[1] else f"{size[0]}x{size[1]}"


def frame(given: Any, kernel: tuple[int, int], dilation: tuple[int, int]) -> str:
    """The padding of a window: one number where all sides are the same, else (left, right, top, bottom)."""
    if isinstance(given, str):
        spare = [step * (side - 1) if given == "same" else 0 for side, step in zip(kernel, dilation, strict=True)]
        top, left = spare[0] // 2, spare[1] // 2
        return sides((left, spare[1] - left, top, spare[0] - top))
    height, width = pair(given)
    return sides((width, width, height, height))


def sides(numbers: Sequence[int]) -> str:
    """(left, right, top, bottom) as text."""
    left, right, top, bottom = numbers
    if left == right and top == bottom:
        return both((top, left))
    return f"left {left}, right {right}, top {top}, bottom {bottom}"


def numbers_of(text: str) -> tuple[int, int, int, int]:
    """What ``sides`` wrote."""
    if "," in text:
        left, right, top, bottom = (int(part.split()[1]) for part in text.split(", "))
        return left, right, top, bottom
    top, left = pair([int(part) for part in text.split("x")])
    return left, left, top, top


READERS: Mapping[str, Any] = {
    "conv2d": convolution,
    "linear": linear,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "local_response_norm": local_response,
    "max_pool2d": partial(pooled, "max"),
    "avg_pool2d": partial(pooled, "average"),
    "avg_pool3d": average_of_channels,
    "adaptive_avg_pool2d": partial(adaptive, "average"),
    "adaptive_max_pool2d": partial(adaptive, "max"),
    "mean": mean,
    "dropout": dropout,
    "pad": padding,
    "hardtanh": hard_tanh,
    "clamp": clamp,
    "leaky_relu": leaky,
    "gelu": gelu,
    "told": in_words,
}
