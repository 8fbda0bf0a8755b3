"""A disk that is full after any number of bytes, read-only, or gone: said with its bytes; what was saved is whole."""

import errno
import json
import os
import shutil
import subprocess
import sys

import pytest
from disk import Call, Disk, in_child
from sittings import Heard, bits, photos

import lenext
from lenext.errors import Failed
from lenext.training.watch import Silent
from lenext.weights.durable import read_folder

SIZES = 20


def trained(data, out, **more):
    asked = {"model": "lenet5", "epochs": 2, "batch_size": 16, "threads": 1, "workers": 0, "save_every": 0.0, **more}
    return lenext.train(data, out=out, resume=True, **asked)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Data, a run that had room, and how many bytes it wrote."""
    folder = tmp_path_factory.mktemp("alone")
    data = photos(folder / "photos", 12)
    with Disk(folder / "runs").watched() as disk:
        trained(data, folder / "runs" / "run")
    return data, folder / "runs" / "run", sum(len(call.data) for call in disk.calls)


def attempt(data, out, room, report):
    """Train with so much room; whether it failed, and how, goes into the file ``report``."""
    heard = Heard()
    try:
        with Disk(out.parent, room=room).watched():
            trained(data, out, watcher=heard)
        said = None
    except Failed as error:
        said = [str(error), error.remedy]
    report.write_text(json.dumps({"error": said, "lines": heard.lines}))


@pytest.mark.parametrize("part", range(SIZES))
def test_full_after_so_many_bytes(part, run, tmp_path, count):
    """At any size: one sentence with the bytes, whole checkpoints, and with room again the same bits."""
    data, alone, size = run
    out, report = tmp_path / "runs" / "run", tmp_path / "report.json"
    peak = size / 3  # what is taken away gives its room back
    assert in_child(lambda: attempt(data, out, int(peak * (part + 0.5) / SIZES), report)) == 0
    said = json.loads(report.read_text())
    if said["error"] is not None:
        message, remedy = said["error"]
        assert message.startswith("Cannot write")
        assert "No space left on device" in message
        assert "Free space" in remedy
        assert "--resume" in remedy
    else:
        assert any("tried again" in line for line in said["lines"]) or part > SIZES // 2
    for path in (out / "checkpoints").glob("epoch-*"):
        assert read_folder(path) is not None
    assert not list(out.parent.rglob(".unfinished*")), "what could not be written takes no room"
    assert in_child(lambda: trained(data, out)) == 0
    assert bits(out) == bits(alone)
    count("sizes of a disk that is full")


def test_between_two_ends_of_epochs_it_waits_for_room(run, tmp_path, count):
    """A save in the first epoch is refused; training goes on, and the next one succeeds."""
    data, alone, _ = run
    refused = []

    def full(call: Call, _number: int) -> None:
        if call.name == "write" and "epoch-00000" in call.path and not refused:
            refused.append(call)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    heard = Heard()
    with Disk(tmp_path / "runs", full).watched():
        trained(data, tmp_path / "runs" / "run", watcher=heard)
    said = [line for line in heard.lines if "tried again" in line]
    assert len(said) == len(refused) == 1
    assert "bytes" in said[0]
    assert bits(tmp_path / "runs" / "run") == bits(alone)
    count("saves on a full disk that were tried again")


class Removing(Silent):
    """Takes the run's folder away after the first epoch."""

    def __init__(self, out):
        self.out = out

    def epoch(self, _row):
        shutil.rmtree(self.out)


def test_a_folder_that_is_taken_away(run, tmp_path, count):
    data, _, _ = run
    out = tmp_path / "runs" / "run"
    with pytest.raises(Failed, match=r"Cannot write .*No such file"):
        trained(data, out, watcher=Removing(out))
    assert not out.exists(), "half a run in its place would be worse than none"
    count("folders taken away")


@pytest.fixture
def mounted(tmp_path):
    """Mounts memory of a size as a disk, and takes it away again."""
    places = []

    def mount(size):
        place = tmp_path / f"disk-{len(places)}"
        place.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"a disk of a size needs the right to mount: {done.stderr.strip()}")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", "-l", place], check=True)


def command(data, out, *more):
    words = ["train", data, "--model", "lenet5", "--epochs", "2", "--batch-size", "16", "--threads", "1", "--out", out]
    return subprocess.run(
        [sys.executable, "-m", "lenext", *map(str, words), "--resume", "--json", "--save-every", "0", *more],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_real_disk_that_is_too_small_is_refused_before_anything_is_written(run, mounted, count):
    data, _, _ = run
    place = mounted("2m")
    done = command(data, place / "run")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 1
    assert "bytes free; the run needs" in error["message"]
    assert not list(place.iterdir())
    count("disks that were found too small before anything was written")


def test_a_real_disk_that_fills_up(run, mounted, count):
    """Room enough at the start, which somebody else takes: the run says so, and goes on when it is given back."""
    data, alone, _ = run
    place = mounted("9m")
    half = command(data, place / "run", "--epochs", "2")
    assert half.returncode == 0, half.stderr
    shutil.rmtree(place / "run")
    other = place / "other"
    process = subprocess.Popen(
        [sys.executable, "-c", FILLING, str(place), str(other)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    done = command(data, place / "run")
    process.kill()
    process.wait()
    assert done.returncode == 1, done.stderr
    assert "No space left on device" in json.loads(done.stdout)["error"]["message"]
    for path in (place / "run" / "checkpoints").glob("epoch-*"):
        assert read_folder(path) is not None
    other.unlink()
    assert command(data, place / "run").returncode == 0
    assert bits(place / "run") == bits(alone)
    count("real disks that filled up")


FILLING = """if True:
    import sys, time
    from pathlib import Path
    place, other = map(Path, sys.argv[1:])
    while not list((place / "run" / "checkpoints").glob("epoch-*")):
        time.sleep(0.001)
    with other.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                time.sleep(0.0005)
"""


def test_a_disk_that_is_read_only(run, mounted, count):
    data, alone, _ = run
    place = mounted("9m")
    shutil.copytree(alone, place / "run")
    subprocess.run(["mount", "-o", "remount,ro", place], check=True)
    for out in (place / "run", place / "new"):
        done = command(data, out)
        assert done.returncode == 1
        error = json.loads(done.stdout)["error"]
        assert "Read-only file system" in error["message"]
        assert error["remedy"]
    count("read-only disks", 2)
