"""What can happen to the threads that read images: a file that vanishes or changes, an error inside, a file that hangs.

They are threads of the one process, so that none can be killed, stopped or left over by itself; what a killed or
stopped worker process is elsewhere is this here.
"""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from sittings import bits, photos, saved, wait_for

import lenext
from lenext.data.decoded import DecodedImages
from lenext.errors import ImageError
from lenext.training.watch import Silent

ASKED = {"cache": "off", "model": "lenet5", "epochs": 3, "batch_size": 8, "threads": 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    data = photos(folder / "photos", 12)
    lenext.train(data, out=folder / "run", workers=2, **ASKED)
    return data, folder / "run"


class AfterTwoEpochs(Silent):
    """Does something to the data in the middle of a run."""

    def __init__(self, work):
        self.work, self.epochs = work, 0

    def epoch(self, _row):
        self.epochs += 1
        if self.epochs == 2:
            self.work()


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("fault", ["vanishes", "is cut", "is another kind of file"])
def test_a_file_that_is_no_longer_what_it_was(fault, workers, run, tmp_path, count):
    """It is named, the steps before it are saved, and when it is back the run ends in the same bits."""
    data, alone = run
    picture = sorted((data / "grass").iterdir())[4]
    whole = picture.read_bytes()

    def spoil():
        picture.unlink()
        if fault == "is cut":
            picture.write_bytes(whole[: len(whole) // 2])
        elif fault == "is another kind of file":
            os.mkfifo(picture)  # whoever opens one without care waits for ever

    try:
        with pytest.raises(ImageError, match=picture.name) as caught:
            lenext.train(data, out=tmp_path / "run", workers=workers, watcher=AfterTwoEpochs(spoil), **ASKED)
    finally:
        picture.unlink(missing_ok=True)
        picture.write_bytes(whole)
    assert caught.value.exit_status == 3
    assert saved(tmp_path / "run")[-1].startswith("epoch-00002")
    lenext.train(data, out=tmp_path / "run", workers=2, resume=True, **ASKED)
    assert bits(tmp_path / "run") == bits(alone)
    count("files that vanished or changed under a reading thread")


def test_an_error_inside_a_thread_is_the_run_s_own(run, tmp_path, monkeypatch, count):
    data, alone = run
    read, calls = DecodedImages.read, []

    def failing(self, index, *asked):
        calls.append(index)
        if len(calls) == 60:
            raise ZeroDivisionError
        return read(self, index, *asked)

    monkeypatch.setattr(DecodedImages, "read", failing)
    with pytest.raises(ZeroDivisionError):
        lenext.train(data, out=tmp_path / "run", workers=3, **ASKED)
    monkeypatch.undo()
    lenext.train(data, out=tmp_path / "run", workers=1, resume=True, **ASKED)
    assert bits(tmp_path / "run") == bits(alone)
    count("errors inside a reading thread")


HANGING = """if True:
    import sys, threading
    from pathlib import Path
    from lenext.cli import main
    from lenext.data.decoded import DecodedImages
    read, calls, mark = DecodedImages.read, [], Path(sys.argv[1])
    def hanging(self, *asked):
        calls.append(asked)
        if len(calls) == 90:
            mark.write_text("")
            threading.Event().wait()
        return read(self, *asked)
    DecodedImages.read = hanging
    main(sys.argv[2:])
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_file_that_never_answers(number, run, tmp_path, count):
    """A signal is answered all the same within ten seconds, with the last step saved, and nothing is left running."""
    data, alone = run
    words = [sys.executable, "-c", HANGING, str(tmp_path / "hangs"), "train", str(data), "--out", str(tmp_path / "run")]
    words += ["--model", "lenet5", "--epochs", "3", "--batch-size", "8", "--threads", "1", "--workers", "2"]
    words += ["--cache", "off", "--json"]  # every epoch reads its files, so that the 90th call comes
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert wait_for(lambda: (tmp_path / "hangs").exists() or process.poll() is not None)
    time.sleep(0.5)  # all that was read before is used up
    sent = time.monotonic()
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert time.monotonic() - sent < 10
    assert "--resume" in json.loads(output)["error"]["remedy"]
    lenext.train(data, out=tmp_path / "run", workers=2, resume=True, **ASKED)
    assert bits(tmp_path / "run") == bits(alone)
    count("files that never answered, and a signal meanwhile")
