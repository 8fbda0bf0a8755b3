"""A run that is killed and resumed ends in the same bits as one that was left alone, whatever the number of workers."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

KILLS = 3


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three classes of 40 small pictures that differ in colour and grain."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    numbers = np.random.default_rng(0)
    for label, colour in {"brick": (180, 90, 70), "grass": (80, 150, 60), "water": (60, 90, 170)}.items():
        (folder / label).mkdir(parents=True)
        for index in range(40):
            noise = numbers.integers(-60, 60, (40, 36, 3))
            picture = Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8))
            picture.save(folder / label / f"{index:02}.png")
    return folder


def command(photos, out, *more):
    """Batch normalisation, random crops and flips, momentum terms of AdamW, a schedule that moves at every step.

    And mixed images, averaged weights, several passes a batch, statistics taken anew at the end.
    """
    return [
        *(sys.executable, "-m", "lenext", "train", str(photos), "--model", "resnet20_cifar", "--out", str(out)),
        *("--epochs", "4", "--batch-size", "8", "--seed", "7", "--save-every", "0.05", "--threads", "1", "--json"),
        *("--micro-batch", "5", "--set", 'mixing={"kind": "Mixing", "mixup": 1, "cutmix": 1}', "--set", "clip=1"),
        *("--set", 'average={"kind": "Average", "decay": 0.9, "rising": true}', "--set", "exact_statistics=50"),
        *more,
    ]


def run(arguments):
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def undisturbed(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    document = run(command(photos, out, "--workers", "1"))
    return out, document


def state(out):
    """The bytes that must be equal: last weights, optimiser state, metric log; and the weights that were chosen."""
    last = max((out / "checkpoints").glob("epoch-*"))
    kept = {
        name: (last / name).read_bytes()
        for name in ("network.safetensors", "average.safetensors", "optimizer.safetensors")
    }
    chosen = safetensors.numpy.load_file(out / "model.safetensors")
    return {
        **kept,
        "log": (out / "metrics.jsonl").read_bytes(),
        "chosen": {name: tensor.tobytes() for name, tensor in sorted(chosen.items())},
    }


def wait_for(condition, seconds=60):
    """Whether ``condition`` came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def saved(out):
    return sorted(path.name for path in (out / "checkpoints").glob("epoch-*"))


@pytest.mark.parametrize("workers", [0, 2])
def test_killed_at_random_moments_and_resumed(workers, photos, undisturbed, tmp_path):
    out, moments, killed = tmp_path / "run", random.Random(workers), 0
    arguments = command(photos, out, "--workers", str(workers), "--resume")
    while killed < KILLS:
        before = saved(out)
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        assert wait_for(lambda before=before, process=process: saved(out) != before or process.poll() is not None)
        time.sleep(moments.random() * 0.3)
        alive = process.poll() is None
        os.killpg(process.pid, signal.SIGKILL) if alive else None
        message = process.communicate()[1].decode()
        assert alive, f"the run ended after {killed} of {KILLS} kills: {message}"
        killed += 1
    document = run(arguments)
    assert state(out) == state(undisturbed[0])
    assert document["best"] == undisturbed[1]["best"]
    assert not list(out.rglob(".unfinished*")), "a killed writer's rest was not cleared"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_the_present_step(number, status, photos, undisturbed, tmp_path):
    out = tmp_path / "run"
    arguments = [word if word != "0.05" else "600" for word in command(photos, out, "--workers", "2")]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert wait_for(lambda: len(saved(out)) == 1)  # the end of the first epoch; the next save is ten minutes away
    time.sleep(0.1)
    process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == status
    error = json.loads(output)["error"]
    assert error["kind"] == "interrupted"
    assert "--resume" in error["remedy"]
    assert len(saved(out)) == 2
    run([*arguments, "--resume"])
    assert state(out) == state(undisturbed[0])
