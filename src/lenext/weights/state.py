"""The tensors of a state dict that torch saved; nothing else that such a file says is ever run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from lenext.errors import UsageError, WeightFileError
from lenext.weights.state_dict import REMEDY, WRAPPERS, loaded

PARALLEL = "module."  # what nn.DataParallel puts before every name


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors by name, on the CPU, taken out of what a training script put around them.

    Raises ``UsageError`` when nothing is there, ``WeightFileError`` when it is something else or damaged.
    """
    if not path.is_file():
        raise UsageError(f"There is no weight file at {path}.", "Check the path.")
    try:
        content: Any = loaded(path)
    except Exception as error:  # noqa: BLE001 - whatever the bytes of a stranger make of torch's reader
        code = "weights_only" in str(error) or "Unsupported" in str(error)
        what = "holds more than tensors, which is not opened: it could run" if code else "is damaged, or not torch's"
        raise WeightFileError(f"{path} {what}.", REMEDY) from None
    while isinstance(content, dict):
        inner = next(
            (content[name] for name in (*WRAPPERS, "state_dict_ema") if isinstance(content.get(name), dict)), None
        )
        if inner is None:
            break
        content = inner
    tensors = {} if not isinstance(content, dict) else {k: v for k, v in content.items() if isinstance(v, Tensor)}
    if not tensors:
        raise WeightFileError(f"{path} holds no state dict.", REMEDY)
    parallel = all(str(name).startswith(PARALLEL) for name in tensors)
    return {str(name).removeprefix(PARALLEL) if parallel else str(name): value for name, value in tensors.items()}
