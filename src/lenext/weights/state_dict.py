"""State dicts of anybody's: names and shapes of the tensors in a file, read without running what else it may hold."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lenext.errors import WeightFileError

PICKLES = (".pth", ".pt", ".bin", ".ckpt")
WRAPPERS = (
    "state_dict", "model_state_dict", "model", "network", "net", "weights", "params", "module",
    "state_dict_ema",
)  # fmt: skip
PREFIXES = ("module.", "_orig_mod.", "model.", "net.")  # of what wraps a network: processes, compiler, trainer
Value = TypeVar("Value")
REMEDY = "Save the tensors alone: torch.save(network.state_dict(), PATH)."


def shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Name -> shape, in the order of the file. Raises ``WeightFileError`` for what is no state dict."""
    if file.suffix == ".safetensors":
        return unprefixed(from_safetensors(file))
    return {name: tuple(tensor.shape) for name, tensor in read_state(file).items()}


def read_state(file: Path) -> dict[str, Tensor]:
    """The tensors by name in what torch saved, on the CPU, taken out of what a training script put around them.

    Raises ``WeightFileError`` when it is something else or damaged.
    """
    found = unprefixed(unwrapped(from_pickle(file)))
    if not found:
        raise WeightFileError(f"{file} holds no tensors by name.", REMEDY)
    return found


def from_safetensors(file: Path) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(file, framework="pt") as opened:
            found = {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightFileError(f"{file} is not a weight file, or a damaged one ({error}).", "Copy it again.") from None
    if not found:
        raise WeightFileError(f"{file} holds no tensors by name.", REMEDY)
    return found


def from_pickle(file: Path) -> Any:
    """By torch's own reader, which builds tensors and plain values and nothing else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old formats
            return loaded(file)
    except Exception as error:  # noqa: BLE001 - whatever the bytes of a stranger make of torch's reader
        reason = str(error)
        if isinstance(error, pickle.UnpicklingError) and ("Unsupported" in reason or "GLOBAL" in reason):
            what, remedy = "holds more than tensors, which is not opened: it could run", REMEDY
        elif "TorchScript" in reason:
            what, remedy = "is a TorchScript program, not a state dict", REMEDY
        else:
            what, remedy = "is not a weight file, or a damaged one", "Copy it again."
        raise WeightFileError(f"{file} {what}.", remedy) from None


def loaded(file: Path) -> Any:
    """Mapped into memory where the format allows it, so that only what is used is read."""
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, ValueError) as error:
        if "mmap" not in str(error):
            raise
        return torch.load(file, map_location="cpu", weights_only=True)


def unwrapped(content: Any) -> dict[str, Tensor]:
    """The tensors, whatever a trainer put around them."""
    if not isinstance(content, Mapping):
        return {}
    inner = next((content[name] for name in WRAPPERS if isinstance(content.get(name), Mapping)), None)
    if inner is not None:
        return unwrapped(inner)
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def unprefixed(tensors: dict[str, Value]) -> dict[str, Value]:
    """Without what stands before every name."""
    for prefix in PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            return unprefixed({name.removeprefix(prefix): value for name, value in tensors.items()})
    return tensors
