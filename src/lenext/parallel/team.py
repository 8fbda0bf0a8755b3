"""The processes of a run: they meet, add up tensors, and end together.

On CPUs they talk by gloo, on GPUs by NCCL. Whatever waits for the others ends with the name of the rank that is lost.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from itertools import count
from types import TracebackType
from typing import Self

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import PrefixStore, Store, TCPStore  # type: ignore[attr-defined] # exported at run time

from lenext.errors import Failed, Interrupted, LenextError
from lenext.parallel.interface import interface_towards
from lenext.parallel.place import Place
from lenext.parallel.pulse import SILENCE, Loss, Pulse

MEETING = 300.0  # seconds within which every process has to come
WAITING = timedelta(minutes=30)  # for a process that lives, but does not come to a sum of all
INTERRUPTED = (130, 143)

_meetings = count()  # of this process, so that a second one finds no traces of the first


class RankLost(Failed):
    """Another process has died, hangs or failed; ``aloud``: whether this is the process that says so."""

    def __init__(self, loss: Loss, rank: int) -> None:
        super().__init__(loss.message, loss.remedy)
        self.exit_status = loss.status
        self.told = loss.told
        self.aloud = speaks(loss, rank)


def speaks(loss: Loss, rank: int) -> bool:
    """Whether the process of this rank tells of a loss: rank 0, or rank 1 of a rank 0 that could not say it itself."""
    return rank == 0 if loss.rank else rank == 1 and not loss.told


class Alone:
    """The only process of a run: what several would add up is the whole."""

    rank, size = 0, 1

    @property
    def first(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def sum(self, values: Tensor) -> Tensor:
        """The sum over the processes, the same bits on each."""
        return values

    def gather(self, values: Tensor) -> Tensor:
        """The rows of every process, in the order of the ranks: n ... of each -> n * size ..."""
        return values

    def wait(self) -> None:
        """Until every process has come here."""

    def agree(self, what: str, mine: object) -> None:
        """Raise Failed where a process has other values (JSON) than this one; ``what`` they are."""

    def interruption(self) -> int:
        """The signal that another process was stopped by, where a sum has failed; 0 where none was."""
        return 0

    def spare(self) -> None:
        """This process is about to end, and first saves what there is, whatever befalls the others."""

    def conclude(self) -> None:
        """As ``spare``, where every process is about to end for a reason that each of them knows."""


class Team(Alone):
    """Several processes; a context, within which they live and end together.

    abandon: says an error where the main thread cannot, because it waits for a process that is lost.
    """

    def __init__(self, place: Place, device: torch.device, abandon: Callable[[LenextError], object]) -> None:
        self.rank, self.size = place.rank, place.size
        self._place, self._device, self._abandon = place, device, abandon
        self._pulse: Pulse | None = None
        self._concluded = False

    def __enter__(self) -> Self:
        """Meet the others. Raises Failed when they do not come."""
        try:
            store = PrefixStore(f"lenext/{attempt()}/{next(_meetings)}", meeting(self._place))
            self._pulse = self._join(store)
            with self._guarded():
                if self._device.type == "cuda":
                    torch.cuda.set_device(self._device)
                backend = "nccl" if self._device.type == "cuda" else "gloo"
                found = interface_towards(self._place.address, self._place.port)
                if found is not None:  # gloo would take the one that this machine's own name leads to
                    os.environ.setdefault("GLOO_SOCKET_IFNAME", found)
                dist.init_process_group(backend, store=store, rank=self.rank, world_size=self.size, timeout=WAITING)
        except (RuntimeError, OSError) as error:
            missed = absent(self._place, error)
            self._leave(failure(missed, self.rank))  # those who met wait no longer
            raise missed from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._pulse is not None
        if error is None:
            self._leave(None)
            dist.destroy_process_group()
            return
        with suppress(ValueError):  # the launcher ends all once one has ended; what there is to say is said first
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        loss = self._pulse.loss()
        if loss is None and not self._concluded:
            self._leave(failure(error, self.rank))
            return
        self._leave(None)
        own = self._concluded or isinstance(error, RankLost) or agreed(loss, error)
        if loss is not None and not own:
            raise RankLost(loss, self.rank) from error

    def sum(self, values: Tensor) -> Tensor:
        sent = values.to(self._device)
        with self._guarded():
            dist.all_reduce(sent)
        return sent.to(values.device)

    def gather(self, values: Tensor) -> Tensor:
        sent = values.to(self._device).contiguous()
        found = sent.new_empty(self.size * len(sent), *sent.shape[1:])
        with self._guarded():
            dist.all_gather_single(found, sent)
        return found.to(values.device)

    def wait(self) -> None:
        self.sum(torch.zeros(1)).item()

    def agree(self, what: str, mine: object) -> None:
        digest = hashlib.sha256(json.dumps(mine, sort_keys=True, default=str).encode()).digest()
        everyone = self.gather(torch.frombuffer(bytearray(digest), dtype=torch.uint8)[None])
        for rank, other in enumerate(everyone):
            if not other.equal(everyone[0]):
                raise Failed(
                    f"Rank {rank} has another {what} than rank 0.",
                    "Give every process the same command, data, run folder and versions of lenext and torch.",
                )

    def interruption(self) -> int:
        assert self._pulse is not None
        loss = self._pulse.loss()
        if loss is None or not loss.told or loss.status not in INTERRUPTED:
            return 0
        self.spare()
        return loss.status - 128

    def spare(self) -> None:
        assert self._pulse is not None
        self._pulse.spare()

    def conclude(self) -> None:
        self.spare()
        self._concluded = True

    def _join(self, store: Store) -> Pulse:
        """Give this process its pulse, and wait until all have theirs."""
        if self.first:
            pulse = Pulse(self._place, self._end)
            store.set("pulse", json.dumps(pulse.meeting))
            if not pulse.complete(MEETING):
                pulse.leave()
                raise OSError("some are missing")
            return pulse
        return Pulse(self._place, self._end, json.loads(store.get("pulse")))

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """What waits for others within fails with the name of the one that is lost."""
        try:
            yield
        except RuntimeError:
            assert self._pulse is not None
            loss = self._pulse.loss(SILENCE)
            if loss is None:
                raise
            raise RankLost(loss, self.rank) from None

    def _leave(self, failure: Loss | None) -> None:
        if self._pulse is not None:
            self._pulse.leave(failure)

    def _end(self, loss: Loss) -> None:
        """Say what happened, from the thread that ends the process, where nobody else says it."""
        lost = RankLost(loss, self.rank)
        if lost.aloud:
            self._abandon(lost)
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()


def agreed(loss: Loss | None, error: BaseException) -> bool:
    """Whether an error of one's own goes before what another rank told: both saw the same, or were stopped alike."""
    if loss is None or not loss.told or not isinstance(error, LenextError):
        return False
    return not isinstance(error, Interrupted) or loss.status in INTERRUPTED


def failure(error: BaseException, rank: int) -> Loss:
    """What the others are told of an error."""
    if not isinstance(error, LenextError):
        return Loss(rank, f"Rank {rank} ended by {type(error).__name__}: {error}", "See its own message.", told=True)
    return Loss(rank, f"On rank {rank}: {error}", error.remedy, error.exit_status, told=True)


def absent(place: Place, error: Exception) -> LenextError:
    """The error of a meeting that did not take place."""
    if isinstance(error, RankLost):
        return error
    reason = (str(error).splitlines() or ["no answer"])[0]
    return Failed(
        f"The {place.size} processes did not meet at {place.address}:{place.port} ({reason}).",
        "Start as many as WORLD_SIZE or SLURM_NTASKS says (torchrun, srun), with one MASTER_ADDR and a free "
        "MASTER_PORT; to train in this process alone, unset these variables.",
    )


def in_words(error: LenextError) -> None:
    """An error on standard error."""
    sys.stderr.write(f"error: {error}\n       {error.remedy}\n")


def attempt() -> str:
    """How often torchrun has started the processes again."""
    return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")


@cache
def meeting(place: Place) -> Store:
    """Where the processes find each other: torchrun's own, or one that rank 0 opens."""
    launcher = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    return TCPStore(
        place.address,
        place.port,
        place.size,
        is_master=place.first and not launcher,
        timeout=timedelta(seconds=MEETING),
        wait_for_workers=False,
    )


def team_of(place: Place, device: torch.device, abandon: Callable[[LenextError], object]) -> Alone:
    """The processes that a launcher started, or this one alone."""
    return Alone() if place.size == 1 else Team(place, device, abandon)
