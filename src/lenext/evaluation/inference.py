"""A network's probabilities for batches of pixels, on a device, in a precision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lenext.data.statistics import Statistics
from lenext.errors import UsageError
from lenext.evaluation.allocator import keep_memory
from lenext.protocol import SIGMOID, SOFTMAX

AUTO = "auto"
HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
PRECISIONS = ("fp32", *HALVES)
IMITATED = "torch imitates them, and takes about seven times as long as in fp32"  # docs/log.md
DEVICES = ("cpu", "cuda", "mps", "xpu")


@dataclass(frozen=True)
class Compute:
    """Where and how exactly to compute: a torch device and "fp32", or "bf16" or "fp16" (autocast)."""

    device: torch.device
    precision: str = "fp32"

    @classmethod
    def choose(cls, device: str = AUTO, precision: str = "fp32") -> Compute:
        """The named device, or the first GPU, or the CPU. Raises UsageError for what this machine does not have."""
        check_precision(precision)
        if device == AUTO:
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device.partition(":")[0] not in DEVICES:
            raise UsageError(f"There is no device {device!r}.", f"Use --device auto, or one of {', '.join(DEVICES)}.")
        try:
            chosen = torch.device(device)
            torch.empty(0, device=chosen)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0].partition(". ")[0].rstrip(".")
            raise UsageError(f"The device {device!r} cannot be used: {reason}.", "Use --device cpu or auto.") from None
        return cls(chosen, fast_precision(chosen) if precision == AUTO else precision)

    def place(self, network: nn.Module, *, single: bool = False, sparingly: bool = False) -> None:
        """Move a network to the device, its weights channels last: 1.0 to 1.5 times as fast on a CPU.

        sparingly: give large maps back to the system (--save-memory);
        single: for training on one image at a time, which gains nothing from that; the weights lie as they are counted.
        """
        if self.device.type == "cpu":
            keep_memory(sparingly=sparingly)
        layout = torch.contiguous_format if single else torch.channels_last
        network.to(self.device, memory_format=layout)  # type: ignore[call-overload]

    @property
    def caution(self) -> str | None:
        """What to say of a precision that the processor has no instructions for; None where there is nothing."""
        if self.device.type == "cpu" and self.precision != "fp32" and self.precision != fast_precision(self.device):
            return f"This processor has no instructions for {self.precision}: {IMITATED}. See --precision auto."
        return None

    @property
    def dtype(self) -> torch.dtype:
        """What large layers compute in."""
        return HALVES.get(self.precision, torch.float32)

    def autocast(self) -> AbstractContextManager[object]:
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)


def check_precision(precision: str) -> None:
    """Refuse a word that names none. Raises UsageError."""
    if precision not in (AUTO, *PRECISIONS):
        raise UsageError(f"There is no precision {precision!r}.", f"Give one of {', '.join((AUTO, *PRECISIONS))}.")


def device_of(device: str, local: int) -> str:
    """The device of the ``local``-th process of a machine where all ask for ``device``: on GPUs each has its own."""
    return f"cuda:{local}" if device.partition(":")[0] in (AUTO, "cuda") and torch.cuda.is_available() else device


def fast_precision(device: torch.device) -> str:
    """The shortest precision for which a device has instructions of its own and that training bears."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device.type == "cpu":
        found = torch.cpu.get_capabilities()
        return "bf16" if found.get("amx_bf16") or found.get("avx512_bf16") else "fp32"
    return "fp32"


def probabilities(
    network: nn.Module,
    statistics: Statistics,
    batches: Iterable[Tensor],
    compute: Compute,
    poll: Callable[[], None] = lambda: None,
    temperature: float = 1.0,
    activation: str = SOFTMAX,
) -> NDArray[np.float32]:
    """Probabilities by the logits of every image of ``batches`` (uint8 N C H W), in order: float32 (images, classes).

    The network is used in evaluation mode and left in it. ``poll`` is called between batches and may raise to stop.
    ``temperature`` divides the logits; ``activation``: softmax, or sigmoid where each class is a label by itself.
    """
    network.eval()
    parts = []
    with torch.inference_mode():
        for images in batches:
            with compute.autocast():
                logits = network(statistics.normalise(images.to(compute.device)))
            parts.append(activated(logits, temperature, activation).cpu())
            poll()
    return torch.cat(parts).numpy() if parts else np.empty((0, 0), dtype=np.float32)


def activated(logits: Tensor, temperature: float = 1.0, activation: str = SOFTMAX) -> Tensor:  # images classes
    """Probabilities of logits divided by the temperature, float32."""
    return ACTIVATED[activation](logits.float() / temperature)


ACTIVATED: Mapping[str, Callable[[Tensor], Tensor]] = {SOFTMAX: partial(torch.softmax, dim=1), SIGMOID: torch.sigmoid}
