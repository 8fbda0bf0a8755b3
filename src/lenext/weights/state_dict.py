"""State dicts of anybody's: names and shapes of the tensors in a file, read without running what else it may hold."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lenext.errors import WeightFileError

PICKLES = (".pth", ".pt", ".bin", ".ckpt")
WRAPPERS = ("state_dict", "model_state_dict", "model", "network", "net", "weights", "params", "module")
PREFIXES = ("module.", "_orig_mod.", "model.", "net.")  # of what wraps a network: processes, compiler, trainer
REMEDY = "Save the tensors alone: torch.save(network.state_dict(), PATH)."


def shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Name -> shape, in the order of the file. Raises ``WeightFileError`` for what is no state dict."""
    found = from_safetensors(file) if file.suffix == ".safetensors" else from_pickle(file)
    if not found:
        raise WeightFileError(f"{file} holds no tensors by name.", REMEDY)
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in found):
            found = {name.removeprefix(prefix): shape for name, shape in found.items()}
    return found


def from_safetensors(file: Path) -> dict[str, tuple[int, ...]]:
    try:
        with safe_open(file, framework="pt") as opened:
            return {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightFileError(f"{file} is not a weight file, or a damaged one ({error}).", "Copy it again.") from None


def from_pickle(file: Path) -> dict[str, tuple[int, ...]]:
    """By torch's own reader, which builds tensors and plain values and nothing else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old formats
            content = loaded(file)
    except pickle.UnpicklingError as error:
        reason = str(error)
        if "Unsupported" in reason or "GLOBAL" in reason:
            raise WeightFileError(
                f"{file} holds more than tensors, which is not opened: it could run.", REMEDY
            ) from None
        raise WeightFileError(f"{file} is not a weight file, or a damaged one.", "Copy it again.") from None
    except (RuntimeError, OSError, EOFError, LookupError, TypeError, ValueError, AttributeError) as error:
        if "TorchScript" in str(error):
            raise WeightFileError(f"{file} is a TorchScript program, not a state dict.", REMEDY) from None
        raise WeightFileError(f"{file} is not a weight file, or a damaged one.", "Copy it again.") from None
    return unwrapped(content)


def loaded(file: Path) -> Any:
    """Mapped into memory where the format allows it, so that only names and shapes are read."""
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except (RuntimeError, ValueError) as error:
        if "mmap" not in str(error):
            raise
        return torch.load(file, map_location="cpu", weights_only=True)


def unwrapped(content: Any) -> dict[str, tuple[int, ...]]:
    """The tensors, whatever a trainer put around them."""
    if not isinstance(content, Mapping):
        return {}
    inner = next((content[name] for name in WRAPPERS if isinstance(content.get(name), Mapping)), None)
    if inner is not None:
        return unwrapped(inner)
    return {str(name): tuple(value.shape) for name, value in content.items() if isinstance(value, Tensor)}
