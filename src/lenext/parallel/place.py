"""Which process this is of how many, as the launcher says it: torchrun, or SLURM's srun. No torch is loaded here."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lenext.errors import UsageError

FIRST_PORT, PORTS = 20_000, 10_000  # ours: where the ports of SLURM's jobs lie, below those that systems hand out


@dataclass(frozen=True)
class Place:
    """rank: from 0 of ``size``; local: among those on its machine; address, port: where rank 0 is met."""

    rank: int = 0
    size: int = 1
    local: int = 0
    address: str = "127.0.0.1"
    port: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0


def place(environment: Mapping[str, str] = os.environ) -> Place:
    """This process's place; the only one of a run where no launcher says otherwise.

    torchrun's variables go before SLURM's: a job may start torchrun on each of its nodes. Raises UsageError for a
    place that cannot be.
    """
    if "WORLD_SIZE" in environment and "RANK" in environment:
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    elif "SLURM_PROCID" in environment and "SLURM_NTASKS" in environment:
        names = ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID")
    else:
        return Place()
    rank, size, local = (number(environment, name) for name in names)
    if not (rank < size):
        raise UsageError(
            f"The launcher numbers this process {rank} of {size} ({names[0]}, {names[1]}).",
            "Start with `torchrun --nproc-per-node N -m lenext train ...`, or unset these variables.",
        )
    if size == 1:
        return Place()
    nodes = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST", "")
    nodes = nodes or environment.get("SLURM_NODELIST", "")
    address = environment.get("MASTER_ADDR") or first_node(nodes) or "127.0.0.1"
    port = number(environment, "MASTER_PORT") or FIRST_PORT + number(environment, "SLURM_JOB_ID") % PORTS
    return Place(rank, size, local, address, port)


def number(environment: Mapping[str, str], name: str) -> int:
    """A whole number of the environment, 0 where it says nothing. Raises UsageError for anything else."""
    text = environment.get(name, "") or "0"
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f"{name} is {text!r}.", "The launcher sets it to a whole number; unset it to train alone.")
    return int(text)


def first_node(nodes: str) -> str:
    """The first name of SLURM's list of nodes: ``gpu[03-05,9],login`` begins with gpu03."""
    found = re.match(r"([^,\[\]]*)(?:\[([^,\-\]]*)[^\]]*\])?([^,\[\]]*)", nodes)
    return "".join(part or "" for part in found.groups()) if found else ""
