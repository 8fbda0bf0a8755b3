"""What befalls the ranks of a run: all stop together with one message, and the run goes on to the same bits.

Slow, because a hung process is only known by its silence; part of `make test-faults`.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "parallel"))

from launching import (
    alive,
    end,
    finished,
    free_port,
    gone,
    kept,
    launch,
    log,
    ranks,
    torchrun,
    training,
    wait_for_steps,
)

EPOCHS = 20
WORDS = ["--model", "lenet5", "--epochs", str(EPOCHS), "--workers", "0", "--seed", "3", "--deterministic"]
OFTEN = ["--save-every", "0.2"]
STOPS, HANGS = 15, 60  # seconds


def train(processes, folder, *words):
    """A run of so many processes from where the folder stands to the end."""
    own = ["-m", "lenext", "train", "digits", "--out", folder, *WORDS, *words]
    status, _, err = finished(torchrun(processes, own) if processes > 1 else [sys.executable, *map(str, own)])
    assert status == 0, err


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks") / "undisturbed"
    train(1, folder)
    return folder


def message(err):
    """The one message of a run that ended, without what the launcher says itself."""
    said = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(said) == 1, err
    assert "Traceback" not in err.partition("torch/distributed/elastic")[0], err
    return said[0]


def ended(launcher, seconds):
    """The messages of a launcher that ends by itself, with status 1, within so many seconds."""
    try:
        _, err = launcher.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"it has not ended within {seconds} s") from None
    assert launcher.returncode == 1
    return err


@pytest.mark.parametrize("lost", [0, 1])
def test_a_rank_that_dies_stops_all_with_its_name(lost, undisturbed, tmp_path, count):
    with training(2, tmp_path / "run", *WORDS, *OFTEN) as (launcher, found):
        os.kill(found[lost], signal.SIGKILL)
        gone(found.values(), STOPS)
        err = ended(launcher, STOPS)
        assert message(err).startswith(f"error: Rank {lost} (process {found[lost]} on ")
    train(2, tmp_path / "run", "--resume")
    assert kept(tmp_path / "run") == kept(undisturbed)
    count("ranks killed, all others gone in 15 s")


@pytest.mark.parametrize("lost", [0, 1])
def test_a_rank_that_hangs_is_noticed(lost, undisturbed, tmp_path, count):
    with training(2, tmp_path / "run", *WORDS, *OFTEN) as (launcher, found):
        began = time.monotonic()
        os.kill(found[lost], signal.SIGSTOP)
        gone([found[1 - lost]], HANGS)
        assert time.monotonic() - began < HANGS
        assert message(ended(launcher, HANGS)).startswith(f"error: Rank {lost} (process {found[lost]} on ")
        assert alive(found.values()) == []
    train(1, tmp_path / "run", "--resume")
    assert kept(tmp_path / "run") == kept(undisturbed)
    count("ranks stopped, noticed in 60 s")


def test_no_process_outlives_its_launcher(undisturbed, tmp_path, count):
    with training(2, tmp_path / "run", *WORDS, *OFTEN) as (launcher, found):
        os.kill(launcher.pid, signal.SIGKILL)
        gone(found.values(), 10)
    train(2, tmp_path / "run", "--resume")
    assert kept(tmp_path / "run") == kept(undisturbed)
    count("launchers killed, no rank left after 10 s")


@pytest.mark.parametrize(
    ("whom", "number", "then"), [("launcher", signal.SIGINT, 4), (0, signal.SIGTERM, 1), (1, signal.SIGTERM, 2)]
)
def test_a_signal_to_one_saves_the_present_step_of_all(whom, number, then, undisturbed, tmp_path, count):
    with training(2, tmp_path / "run", *WORDS) as (launcher, found):
        os.kill(launcher.pid if whom == "launcher" else found[whom], number)
        assert message(ended(launcher, STOPS)).startswith("error: Stopped in epoch ")
        assert alive(found.values()) == []
    train(then, tmp_path / "run", "--resume")
    assert kept(tmp_path / "run") == kept(undisturbed)
    assert [row["epoch"] for row in log(tmp_path / "run")] == list(range(1, EPOCHS + 1))
    count("signals to one rank or the launcher, the step of all saved")


def test_killed_again_and_again_on_one_two_and_four_processes(undisturbed, tmp_path, count):
    """The whole group dies at once, and another number of processes goes on each time."""
    sittings = (2, 1, 4, 2, 1)
    for kill, processes in enumerate(sittings):
        own = ["-m", "lenext", "train", "digits", "--out", tmp_path / "run", "--resume", *WORDS, *OFTEN]
        command = torchrun(processes, own) if processes > 1 else [sys.executable, *map(str, own)]
        launcher, found = launch(command), {}
        try:
            found = ranks(launcher, processes) if processes > 1 else {}
            wait_for_steps(tmp_path / "run", 15 + 30 * kill)
        finally:
            end(launcher, found.values())
    train(2, tmp_path / "run", "--resume")
    assert kept(tmp_path / "run") == kept(undisturbed)
    count("kills of runs on 1, 2 and 4 processes in turn, the end equal to the bit", len(sittings))


def test_a_rank_that_cannot_meet_keeps_nobody_waiting(tmp_path, count):
    """Rank 1 has no such network interface; rank 0, which would wait for it, ends too, and nothing is written."""
    own = [sys.executable, "-m", "lenext", "train", "digits", "--out", str(tmp_path / "run"), *WORDS]
    team = {"SLURM_NTASKS": "2", "SLURM_JOB_NODELIST": "localhost", "MASTER_PORT": str(free_port())}
    ways = [{}, {"GLOO_SOCKET_IFNAME": "nowhere"}]
    both = [
        launch(own, SLURM_PROCID=str(rank), SLURM_LOCALID=str(rank), **team, **way) for rank, way in enumerate(ways)
    ]
    try:
        said = [process.communicate(timeout=HANGS)[1] for process in both]
    finally:
        for process in both:
            end(process)
    assert [process.returncode for process in both] == [1, 1]
    assert "On rank 1: The 2 processes did not meet" in message(said[0])
    assert not (tmp_path / "run").exists()
    count("ranks that could not meet the others")


@pytest.fixture
def machines():
    """Two network namespaces with a cable between them, as two machines have: (name, address) of each."""
    names = [f"lenext{os.getpid()}{end}" for end in "ab"]
    made = [words.split() for words in CABLE.format(*names).splitlines()]
    try:
        for words in made:
            try:
                done = subprocess.run(words, capture_output=True, text=True, check=False)
            except FileNotFoundError:
                pytest.skip("two machines are stood for by network namespaces, which iproute2 (ip) makes")
            if done.returncode:
                pytest.skip(f"network namespaces need the right to make them: {done.stderr.strip()}")
        yield list(zip(names, ("10.77.0.1", "10.77.0.2"), strict=True))
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


CABLE = """ip netns add {0}
ip netns add {1}
ip link add cable netns {0} type veth peer name cable netns {1}
ip -n {0} addr add 10.77.0.1/24 dev cable
ip -n {1} addr add 10.77.0.2/24 dev cable
ip -n {0} link set lo up
ip -n {1} link set lo up
ip -n {0} link set cable up
ip -n {1} link set cable up"""


def on_both(machines, folder):
    """The launchers of one run, one on each machine."""
    own = ["-m", "lenext", "train", "digits", "--out", folder, "--resume", *WORDS, *OFTEN]
    meeting = ["--nnodes", "2", "--master-addr", machines[0][1], "--master-port", str(free_port()), "--node-rank"]
    return [
        launch(["ip", "netns", "exec", name, *torchrun(1, own, *meeting, str(number))])
        for number, (name, _) in enumerate(machines)
    ]


def test_two_machines_whose_cable_is_pulled(machines, undisturbed, tmp_path, count):
    """Each names the other's rank; with the cable back the same command goes on to the same bits."""
    launchers = on_both(machines, tmp_path / "run")
    found = []
    try:
        for launcher in launchers:
            found += ranks(launcher, 1).values()
        wait_for_steps(tmp_path / "run", 15)
        subprocess.run(["ip", "-n", machines[1][0], "link", "set", "cable", "down"], check=True)
        began = time.monotonic()
        gone(found, HANGS)
        for number, launcher in enumerate(launchers):
            err = ended(launcher, HANGS - (time.monotonic() - began))
            assert message(err).startswith(f"error: Rank {1 - number} (process {found[1 - number]} on ")
    finally:
        for launcher in launchers:
            end(launcher, found)
    subprocess.run(["ip", "-n", machines[1][0], "link", "set", "cable", "up"], check=True)
    launchers = on_both(machines, tmp_path / "run")
    try:
        said = [launcher.communicate(timeout=120)[1] for launcher in launchers]
    finally:
        for launcher in launchers:
            end(launcher)
    assert [launcher.returncode for launcher in launchers] == [0, 0], said
    assert kept(tmp_path / "run") == kept(undisturbed)
    count("cables pulled between two machines, noticed on both")
