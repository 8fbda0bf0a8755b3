"""A real run, killed at random moments with other numbers of threads each time, ends in the bits of one left alone."""

import os
import random
import signal
import subprocess
import time
from collections import Counter

import pytest
from sittings import RECIPES, bits, command, finished, photos, saved, used, wait_for

from lenext.weights.durable import read_folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return photos(tmp_path_factory.mktemp("data") / "photos")


def killed(arguments, out, numbers):
    """Start the run and kill its process group at a random moment; whether it was still running."""
    before = saved(out)
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
    if numbers.random() < 0.8:  # else also while Python, torch and the data are loaded
        wait_for(lambda: saved(out) != before or process.poll() is not None)
        time.sleep(numbers.random() ** 2)
    else:
        time.sleep(numbers.random() * 4)
    alive = process.poll() is None
    if alive:
        os.killpg(process.pid, signal.SIGKILL)
    message = process.communicate()[1].decode()
    assert alive or process.returncode == 0, message
    return alive


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_storm_of_kills_changes_no_bit(recipe, data, tmp_path, much, count):
    alone = tmp_path / "alone"
    document = finished(command(data, alone, recipe, "--workers", "1"))
    numbers, kills, wanted, storm = random.Random(recipe), 0, much(4, 84), 0
    while kills < wanted:
        out = tmp_path / f"storm-{storm}"
        storm += 1
        while kills < wanted and killed(
            command(data, out, recipe, "--workers", str(numbers.randrange(4))), out, numbers
        ):
            kills += 1
            torn = [name for name in saved(out) if read_folder(out / "checkpoints" / name) is None]
            assert not torn
        again = finished(command(data, out, recipe, "--workers", str(numbers.randrange(4))))
        assert bits(out) == bits(alone)
        assert again["best"] == document["best"]
        assert used(out) == used(alone)
        assert not list(out.rglob(".unfinished*"))
    count("kills of a whole process group at random moments, the end equal to the bit", kills)


@pytest.mark.parametrize("recipe", ["lenet"])
def test_every_sample_is_used_once_an_epoch(recipe, data, tmp_path, count):
    out = tmp_path / "run"
    document = finished(command(data, out, recipe))
    steps = used(out)
    assert len(steps) == document["steps"]
    epochs = Counter()
    for epoch in range(document["epochs"]):
        rows = Counter(row for one, rows in steps if one == epoch for row in rows)
        assert set(rows.values()) == {1}
        assert len(rows) == 72 - document["evaluations"]["val"]["images"]
        epochs.update(rows)
    count("samples, each used once in every epoch", len(epochs))
