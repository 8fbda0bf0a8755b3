"""Whether all processes of a team still live: each says so once a second, and whoever dies or falls silent is named.

Rank 0 holds a connection to every other. The system closes those of a process that dies, so that its death is known at
once; one that is stopped or swapped out falls silent. What befell one process is told to all of them, which then end:
the main thread by an error where it can, and the process as a whole where the main thread waits for the lost one.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from lenext.parallel.place import Place

BEAT = 1.0  # seconds between two signs of life
SILENCE = 20.0  # without one a process counts as hung
LATE = 5.0  # a pause of our own: the machine slept, or this process was stopped itself
GRACE = 3.0  # for the main thread to end by itself
ORPHANED = 8.0  # for the main thread to save its step once the launcher is gone
TERMINATED = 143
LINE = 65_536  # bytes of a message at most


@dataclass(frozen=True)
class Loss:
    """What befell a rank, in a sentence with a remedy; ``status``: that with which all end; ``told``: by itself."""

    rank: int
    message: str
    remedy: str = ""
    status: int = 1
    told: bool = False


@dataclass
class Peer:
    """A process at the other end of a connection; rank -1 until it has said who it is."""

    line: socket.socket
    rank: int = -1
    process: str = ""
    heard: float = field(default_factory=time.monotonic)
    read: bytes = b""
    left: bool = False


class Pulse:
    """The signs of life of one process, in a thread of its own.

    meeting: what rank 0 publishes (``meeting`` of its own), None on rank 0 itself. secret: what every process of the
    team knows. abandon: called with the loss before the process ends, where its main thread does not.
    """

    def __init__(self, place: Place, abandon: Callable[[Loss], None], meeting: Mapping[str, Any] | None = None) -> None:
        self._place, self._abandon = place, abandon
        self._secret = secrets.token_hex(16) if meeting is None else meeting["secret"]
        self._peers: list[Peer] = []
        self._lock = threading.Lock()  # of the peers, which the main thread takes leave of
        self._found = threading.Event()
        self._complete = threading.Event()
        self._closing = threading.Event()
        self._loss: Loss | None = None
        self._spared = False
        self._parent = os.getppid()
        self._end: tuple[float, Loss] | None = None  # when the process is to end in any case, and why
        self._listener: socket.socket | None = None
        process = f"process {os.getpid()} on {socket.gethostname()}"
        if meeting is None:
            self._listener = listening(place.address)
            self.meeting = {"port": self._listener.getsockname()[1], "secret": self._secret, "process": process}
        else:
            line = socket.create_connection((place.address, meeting["port"]), timeout=SILENCE)
            self._peers.append(Peer(line, 0, meeting["process"]))
            self._send(self._peers[0], {"rank": place.rank, "secret": self._secret, "process": process})
            self._complete.set()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def complete(self, seconds: float) -> bool:
        """Whether every process has come within so many seconds."""
        return self._complete.wait(seconds)

    def loss(self, seconds: float = 0.0) -> Loss | None:
        """What befell a process, if that is known within so many seconds."""
        self._found.wait(seconds)
        return self._loss

    def spare(self) -> None:
        """Let the process end by itself, however long that takes: it knows of the loss, and saves what there is."""
        self._spared, self._end = True, None

    def leave(self, failure: Loss | None = None) -> None:
        """Take leave of the others: at the end, or because of a failure of one's own that they are to know."""
        self._closing.set()
        self._thread.join(timeout=2 * BEAT)
        word = {"left": True} if failure is None else {"lost": asdict(failure)}
        with self._lock:
            for peer in self._peers:
                self._send(peer, word)
                with suppress(OSError):
                    peer.line.shutdown(socket.SHUT_WR)
                peer.line.close()
            self._peers.clear()
        if self._listener is not None:
            self._listener.close()

    def _run(self) -> None:
        selector = selectors.DefaultSelector()
        if self._listener is not None:
            selector.register(self._listener, selectors.EVENT_READ)
        for peer in self._peers:
            selector.register(peer.line, selectors.EVENT_READ, peer)
        beaten = before = time.monotonic()
        while not self._closing.is_set():
            self._listen(selector)
            now = time.monotonic()
            if now - before > LATE:  # what the others said in our own pause waits to be read
                for peer in self._peers:
                    peer.heard = now
            before = now
            if now - beaten > BEAT:
                beaten = now
                for peer in self._peers:
                    self._send(peer, {"beat": True})
            self._look(now)

    def _listen(self, selector: selectors.BaseSelector) -> None:
        """Hear what is said within a quarter of a beat."""
        for key, _ in selector.select(BEAT / 4):
            if key.data is None:
                self._accept(selector)
            elif not self._hear(key.data):
                selector.unregister(key.data.line)
                self._gone(key.data)

    def _accept(self, selector: selectors.BaseSelector) -> None:
        assert self._listener is not None
        with suppress(OSError):
            line, _ = self._listener.accept()
            line.settimeout(SILENCE)
            peer = Peer(line)
            with self._lock:
                self._peers.append(peer)
            selector.register(line, selectors.EVENT_READ, peer)

    def _hear(self, peer: Peer) -> bool:
        """Take in what a peer says; False when it says no more."""
        try:
            said = peer.line.recv(LINE)
        except OSError:
            return False
        peer.read += said
        *lines, peer.read = peer.read.split(b"\n")
        try:
            for line in lines:
                self._take(peer, json.loads(line))
        except (ValueError, TypeError, KeyError, AttributeError):
            return False  # somebody who does not belong here
        return bool(said) and len(peer.read) < LINE

    def _take(self, peer: Peer, word: dict[str, Any]) -> None:
        peer.heard = time.monotonic()
        if peer.rank < 0:
            if word["secret"] != self._secret:
                raise ValueError(peer)
            peer.rank, peer.process = int(word["rank"]), str(word["process"])
            if len({one.rank for one in self._peers if one.rank > 0}) == self._place.size - 1:
                self._complete.set()
        elif "lost" in word:
            self._lose(Loss(**word["lost"]))
        elif "left" in word:
            peer.left = True

    def _gone(self, peer: Peer) -> None:
        """A connection has ended: its process took leave, or is dead."""
        with self._lock:
            if peer in self._peers:
                self._peers.remove(peer)
        peer.line.close()
        if peer.rank >= 0 and not peer.left:
            self._lose(Loss(peer.rank, f"Rank {peer.rank} ({peer.process}) has died.", DIED))

    def _look(self, now: float) -> None:
        """Find who is silent, whether the launcher is gone, and whether it is time to end."""
        for peer in self._peers:
            if peer.rank >= 0 and not peer.left and now - peer.heard > SILENCE:
                silent = f"Rank {peer.rank} ({peer.process}) has given no sign of life for {SILENCE:.0f} s."
                self._lose(Loss(peer.rank, silent, HUNG))
        if os.getppid() != self._parent and self._end is None:
            gone = Loss(self._place.rank, "The launcher has died.", "Start again with --resume.", TERMINATED)
            self._end = now + ORPHANED, gone
            os.kill(os.getpid(), signal.SIGTERM)  # as the launcher would have done: the step is saved
        if self._end is not None and now > self._end[0]:
            self._abandon(self._end[1])
            os._exit(self._end[1].status)

    def _lose(self, loss: Loss) -> None:
        """Note a loss, the first one alone, and tell the others."""
        if self._loss is not None:
            return
        self._loss = loss
        if not self._spared:
            self._end = time.monotonic() + GRACE, loss
        for peer in self._peers:
            if peer.rank not in (-1, loss.rank):
                self._send(peer, {"lost": asdict(loss)})
        self._found.set()

    def _send(self, peer: Peer, word: dict[str, Any]) -> None:
        with suppress(OSError):  # a broken line is found by the one who reads it
            peer.line.sendall(json.dumps(word).encode() + b"\n")


DIED = "Look at its machine (memory, other messages), and start again with --resume."
HUNG = "Look at its machine (stopped, swapping, a disk that does not answer), and start again with --resume."


def listening(address: str) -> socket.socket:
    """A socket at a free port of the address by which the others reach this machine."""
    try:
        return socket.create_server((address, 0))
    except OSError:  # a name that leads to a router, which hands on
        return socket.create_server(("", 0))
