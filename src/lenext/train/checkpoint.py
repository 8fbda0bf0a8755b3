"""Checkpoints: one new folder each; the newest and the best are computed from what is there, never links."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from lenext.train.schedule import PlateauWatch
from lenext.weights.durable import read_folder, remove_folder, remove_unfinished, write_folder


@dataclass
class Progress:
    """Where a run stands. With the weights and the optimiser's state this is all that a resumed run needs.

    epoch, batch: epochs done, and batches done in the present one; step: batches done in all; sums: loss, correct
    answers and images of the present epoch; log_bytes: length of the metric log; score: validation accuracy when the
    last thing done was an epoch's validation, else None; seconds: time spent so far.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    sums: tuple[float, float, float] = (0.0, 0.0, 0.0)
    log_bytes: int = 0
    plateau: PlateauWatch = field(default_factory=PlateauWatch)
    score: float | None = None
    finished: bool = False
    seconds: float = 0.0

    @classmethod
    def read(cls, document: dict[str, Any]) -> Progress:
        plateau = PlateauWatch(**document.pop("plateau"))
        return cls(**{**document, "sums": tuple(document["sums"])}, plateau=plateau)


@dataclass(frozen=True)
class Checkpoints:
    """The folder ``checkpoints/`` of a run."""

    folder: Path

    def save(self, network: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
        """Write a new checkpoint, then remove those that are neither among the two newest nor the best."""
        path = self.folder / f"epoch-{progress.epoch:05d}-step-{progress.step:09d}"
        if read_folder(path) is not None:  # resumed and stopped again before the first step: nothing is new
            return
        files = {
            "network.safetensors": safetensors.torch.save(_contiguous(network.state_dict())),
            "optimizer.safetensors": safetensors.torch.save(optimizer_tensors(optimizer)),
            "progress.json": json.dumps(dataclasses.asdict(progress)).encode(),
        }
        write_folder(path, files)
        best = self.best()
        for old in self._newest_first()[2:]:
            if old != best:
                remove_folder(old)

    def clear_unfinished(self) -> None:
        remove_unfinished(self.folder)

    def best(self) -> Path | None:
        """The checkpoint with the highest validation accuracy, the earliest of equals."""
        scored = [(score, path) for path in self._newest_first() if (score := _score(path)) is not None]
        return max(reversed(scored), key=lambda pair: pair[0])[1] if scored else None

    def restore_newest(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[Progress | None, list[str]]:
        """Load the newest whole checkpoint; returns its progress (None: there is none) and the damaged ones' names."""
        damaged = []
        for path in self._newest_first():
            files = read_folder(path)
            if files is None:
                damaged.append(path.name)
                continue
            network.load_state_dict(safetensors.torch.load(files["network.safetensors"]))
            restore_optimizer(optimizer, safetensors.torch.load(files["optimizer.safetensors"]))
            return Progress.read(json.loads(files["progress.json"])), damaged
        return None, damaged

    def restore_weights(self, path: Path, network: nn.Module) -> bool:
        """Load only the network of the checkpoint at ``path``; False when it is damaged."""
        files = read_folder(path)
        if files is None:
            return False
        network.load_state_dict(safetensors.torch.load(files["network.safetensors"]))
        return True

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob("epoch-*"), reverse=True)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The state of every parameter as ``<number>.<name>``; hyper-parameters come from the recipe."""
    state: dict[int, dict[str, Any]] = optimizer.state_dict()["state"]
    return {
        f"{number}.{name}": value.contiguous()
        for number, values in state.items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """The reverse of ``optimizer_tensors``."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _score(path: Path) -> float | None:
    try:
        score: float | None = json.loads((path / "progress.json").read_bytes())["score"]
    except (OSError, ValueError, KeyError):
        return None
    return score
