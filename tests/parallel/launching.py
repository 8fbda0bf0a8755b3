"""Processes that torchrun starts, as a user starts them; free ports on this machine."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def torchrun(processes, words, *options):
    """The command that starts so many processes with these words for Python."""
    port = ["--master-addr", "127.0.0.1", "--master-port", str(free_port())]
    return [*TORCHRUN, *(options or port), "--nproc-per-node", str(processes), *map(str, words)]


def launch(command, **environment):
    """Start a command in a session of its own; its output is kept."""
    return subprocess.Popen(
        command,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(command, seconds=120, **environment):
    """The status, output and messages of a command."""
    process = launch(command, **environment)
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        end(process)
    return process.returncode, out, err


def ranks(launcher, processes, seconds=60):
    """The process identifiers of the ranks of a launcher, by rank."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()
        found = {}
        for child in children:
            try:
                environment = Path(f"/proc/{child}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            named = [entry[5:] for entry in environment if entry.startswith(b"RANK=")]
            found |= {int(name): int(child) for name in named}
        if len(found) == processes:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{launcher.args} started no {processes} processes")


def alive(identifiers):
    """Those of some processes that still run; one that has ended, but was not asked how, does not."""
    found = []
    for identifier in identifiers:
        try:
            state = Path(f"/proc/{identifier}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        found += [identifier] if state != "Z" else []
    return found


def gone(identifiers, seconds):
    """Seconds until none of these processes runs."""
    began = time.monotonic()
    while alive(identifiers):
        assert time.monotonic() - began < seconds, f"{alive(identifiers)} still run"
        time.sleep(0.05)
    return time.monotonic() - began


def wait_for_steps(folder, steps, seconds=60):
    """Until a run has a checkpoint of at least so many steps."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done = [int(path.name.rpartition("-")[2]) for path in (folder / "checkpoints").glob("epoch-*")]
        if max(done, default=0) >= steps:
            return
        time.sleep(0.05)
    raise AssertionError(f"{folder} came to no step {steps}")


def end(process, identifiers=()):
    """Leave nothing running: the launcher's session, and the ranks, which have sessions of their own."""
    for identifier in alive(identifiers):
        os.kill(identifier, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        pipe.close()


@contextmanager
def training(processes, folder, *words, steps=1):
    """A run that torchrun has started and that has come to a step; gives the launcher and the ranks' identifiers."""
    command = torchrun(processes, ["-m", "lenext", "train", "digits", "--out", folder, *words])
    launcher = launch(command)
    found = {}
    try:
        found = ranks(launcher, processes)
        wait_for_steps(folder, steps)
        yield launcher, found
    finally:
        end(launcher, found.values())


def kept(folder):
    """What a run leaves that must be the same to the bit."""
    newest = max((folder / "checkpoints").glob("epoch-*"))
    files = {path.name: path.read_bytes() for path in newest.glob("*.safetensors")}
    return {**files, "log": (folder / "metrics.jsonl").read_bytes(), "at": newest.name}


def log(folder):
    """The rows of a metric log."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
