"""Ctrl-C and SIGTERM, to a process or its group, once or twice: the step is saved, the status says which it was."""

import json
import os
import random
import signal
import subprocess
import time

import pytest
from sittings import bits, command, finished, photos, saved, used, wait_for

from lenext.weights.durable import read_folder

PATIENCE = 10.0  # seconds, or one step; a step takes 50 ms here


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    data = photos(folder / "photos")
    finished(command(data, folder / "run", "resnet"))
    return data, folder / "run"


def begun(arguments, out):
    """The process, after its first step."""
    journal = out.with_suffix(".journal")
    before = journal.stat().st_size if journal.exists() else 0
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert wait_for(lambda: process.poll() is not None or (journal.exists() and journal.stat().st_size > before + 1))
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("group", [False, True], ids=["process", "group"])
def test_one_signal(number, group, run, tmp_path, much, count):
    data, alone = run
    moments, signals, wanted, runs = random.Random(int(number) + group), 0, much(3, 25), 0
    while signals < wanted:
        out = tmp_path / f"run-{runs}"
        runs += 1
        arguments = [*command(data, out, "resnet")]
        arguments[arguments.index("--save-every") + 1] = "600"  # only ends of epochs are saved by themselves
        signals += stopped(arguments, out, number, group, moments, wanted - signals)
        finished(arguments)
        assert bits(out) == bits(alone)
        assert used(out) == used(alone)
    count("signals answered with the step saved, status 130 or 143", signals)


def stopped(arguments, out, number, group, moments, most):
    """Stop a run again and again, until it has ended by itself or was stopped so many times; how many it was."""
    for signals in range(most):
        process = begun(arguments, out)
        ended = wait_for(lambda process=process: process.poll() is not None, moments.random() * 0.4)
        sent = time.monotonic()
        if not ended:  # by itself: there is nobody to signal any more
            (os.killpg if group else os.kill)(process.pid, number)
        output, said = process.communicate(timeout=60)
        if trained_to_the_end(out):  # it measures or ends, and has no step to save
            assert process.returncode in (0, -number, 128 + number), said
            return signals
        assert process.returncode == 128 + number, said
        assert time.monotonic() - sent < PATIENCE
        error = json.loads(output)["error"]
        assert (error["kind"], "--resume" in error["remedy"]) == ("interrupted", True)
    return most


def trained_to_the_end(out):
    files = read_folder(out / "checkpoints" / saved(out)[-1])
    return json.loads(files["progress.json"])["finished"]


@pytest.mark.parametrize(("first", "second"), [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)])
def test_a_second_signal_stops_at_once(first, second, run, tmp_path, count):
    data, alone = run
    out = tmp_path / "run"
    arguments = command(data, out, "resnet")
    process = begun(arguments, out)
    os.killpg(process.pid, first)
    os.killpg(process.pid, second)
    sent = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode in (-second, 128 + first, 128 + second), (
        "killed, or both came as one and it ended in order"
    )
    assert time.monotonic() - sent < PATIENCE
    finished(arguments)
    assert bits(out) == bits(alone)
    count("second signals, which stop at once")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_before_the_first_step(number, run, tmp_path, count):
    """While data are read or the network is built: nothing half-made, and the same command begins."""
    data, alone = run
    out = tmp_path / "run"
    arguments = command(data, out, "resnet")
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert "photos" in process.stderr.readline()  # the data were read, nothing is trained
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    finished(arguments)
    assert bits(out) == bits(alone)
    count("signals before the first step")
