"""Checkpoints: one new folder each; the newest and the best are computed from what is there, never links."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from lenext.training.budget import Pace
from lenext.training.patience import Waiting
from lenext.training.schedule import PlateauWatch
from lenext.weights.durable import (
    cannot_write,
    read_folder,
    read_member,
    remove_folder,
    remove_unfinished,
    write_folder,
)

NETWORK, OPTIMIZER, PROGRESS = FILES = ("network.safetensors", "optimizer.safetensors", "progress.json")
AVERAGE = "average.safetensors"  # only of a run that averages its weights


@dataclass
class Progress:
    """Where a run stands. With the weights and the optimiser's state this is all that a resumed run needs.

    epoch, batch: epochs done, and batches done in the present one; step: batches done in all; sums: loss, correct
    answers and images of the present epoch; log_bytes: length of the metric log; score: how good the network
    was when the last thing done was an epoch's validation (more is better), else None; seconds: time spent so far;
    scale: the factor of half precision's gradients; rollbacks: how often it went back, each time to half the rate.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    sums: tuple[float, float, float] = (0.0, 0.0, 0.0)
    log_bytes: int = 0
    plateau: PlateauWatch = field(default_factory=PlateauWatch)
    waiting: Waiting = field(default_factory=Waiting)
    pace: Pace = field(default_factory=Pace)
    scale: dict[str, float] | None = None
    score: float | None = None
    finished: bool = False
    seconds: float = 0.0
    rollbacks: int = 0

    @classmethod
    def read(cls, document: dict[str, Any]) -> Progress:
        kinds = {"plateau": PlateauWatch, "waiting": Waiting, "pace": Pace}
        parts = {name: kind(**document.pop(name, {})) for name, kind in kinds.items()}
        return cls(**{**document, "sums": tuple(document["sums"])}, **parts)


@dataclass(frozen=True)
class Checkpoints:
    """The folder ``checkpoints/`` of a run; ``ends``: whether the newest end of an epoch is kept too."""

    folder: Path
    ends: bool = False

    def save(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        progress: Progress,
        average: nn.Module | None = None,
    ) -> None:
        """Write a new checkpoint, then remove those that are neither among the two newest nor the best.

        average: the network with averaged weights, of a run that has one. Raises Failed where the disk refuses it, and
        where the run's folder is gone: half of one would stand in its place.
        """
        path = self._path(progress)
        if read_folder(path) is not None:  # resumed and stopped again before the first step: nothing is new
            return
        if not self.folder.parent.is_dir():
            raise cannot_write(path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
        files = {
            NETWORK: safetensors.torch.save(_contiguous(network.state_dict())),
            OPTIMIZER: safetensors.torch.save(optimizer_tensors(optimizer)),
            PROGRESS: json.dumps(dataclasses.asdict(progress)).encode(),
        }
        if average is not None:
            files[AVERAGE] = safetensors.torch.save(_contiguous(average.state_dict()))
        write_folder(path, files)
        self._thin(path)

    def forget_after(self, progress: Progress) -> None:
        """Remove what was saved later than ``progress``, the newest first: the run goes another way from there."""
        for path in self._newest_first():
            if path > self._path(progress):
                remove_folder(path)

    def clear_unfinished(self) -> None:
        remove_unfinished(self.folder)

    def best_first(self) -> list[Path]:
        """The checkpoints that were tested, the one with the highest score first, of equals the earliest."""
        return _best_first(self._newest_first())

    def any_whole(self) -> bool:
        """Whether there is a checkpoint that can be gone on from."""
        return any(read_folder(path) is not None for path in self._newest_first())

    def restore_newest(
        self,
        network: nn.Module,
        optimizer: torch.optim.Optimizer,
        average: nn.Module | None = None,
        wanted: Callable[[Progress], bool] = lambda _: True,
    ) -> tuple[Progress | None, list[str]]:
        """Load the newest whole checkpoint that is wanted; returns its progress (None: there is none) and the damaged
        ones' names.

        The progress has no score: that belongs to the checkpoint, not to the steps that follow.
        """
        damaged = []
        needed = {*FILES} if average is None else {*FILES, AVERAGE}
        for path in self._newest_first():
            files = read_folder(path)
            if files is None or not files.keys() >= needed:
                damaged.append(path.name)
                continue
            progress = Progress.read(json.loads(files[PROGRESS]))
            if not wanted(progress):
                continue
            if average is not None:
                average.load_state_dict(safetensors.torch.load(files[AVERAGE]))
            network.load_state_dict(safetensors.torch.load(files[NETWORK]))
            restore_optimizer(optimizer, safetensors.torch.load(files[OPTIMIZER]))
            return dataclasses.replace(progress, score=None), damaged
        return None, damaged

    def restore_weights(self, path: Path, network: nn.Module) -> bool:
        """Load the weights that the checkpoint at ``path`` was tested with: averaged ones where it has them.

        False when it is damaged.
        """
        files = read_folder(path)
        if files is None or NETWORK not in files:
            return False
        network.load_state_dict(safetensors.torch.load(files[AVERAGE if AVERAGE in files else NETWORK]))
        return True

    def _path(self, progress: Progress) -> Path:
        return self.folder / f"epoch-{progress.epoch:05d}-step-{progress.step:09d}"

    def _thin(self, newest: Path) -> None:
        """Keep ``newest``, the one before it and the best; what sorts above ``newest`` was damaged at a resume."""
        present = self._newest_first()
        kept = [path for path in present if path <= newest]
        spared = {*kept[:2], *_best_first(kept)[:1]}
        if self.ends:
            spared |= set([path for path in kept if (_progress(path) or {}).get("batch") == 0][:1])
        for path in present:
            if path not in spared:
                remove_folder(path)

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
    """The reverse of ``optimizer_tensors``; what has a parameter's shape is laid out in memory as it."""
    state: dict[int, dict[str, Tensor]] = {}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        like = parameters[int(number)]
        laid_out = torch.empty_like(like, dtype=value.dtype).copy_(value) if value.shape == like.shape else value
        state.setdefault(int(number), {})[name] = laid_out
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _contiguous(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _best_first(newest_first: list[Path]) -> list[Path]:
    scored = [(score, path) for path in reversed(newest_first) if (score := _score(path)) is not None]
    return [path for _, path in sorted(scored, key=lambda pair: -pair[0])]


def _score(path: Path) -> float | None:
    score = (_progress(path) or {}).get("score")
    return score if isinstance(score, int | float) else None


def _progress(path: Path) -> dict[str, Any] | None:
    """What a checkpoint's progress says; None where it is not what was written: a wrong score would choose wrongly."""
    data = read_member(path, PROGRESS)
    found = None if data is None else json.loads(data)
    return found if isinstance(found, dict) else None
