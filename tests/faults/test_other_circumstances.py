"""Two runs on one folder, less memory, and a resume on another machine or with other data: named, or refused."""

import json
import shutil
import subprocess
from threading import Barrier, Thread

import pytest
import torch
from sittings import Heard, bits, command, photos, saved, wait_for

import lenext
from lenext.api.run.folder import RunFolder
from lenext.data.listing import find
from lenext.data.statistics import Statistics
from lenext.errors import DataError, Failed, UsageError
from lenext.evaluation.memory import enough_memory, ran_out
from lenext.training.gradients import Gradients
from lenext.training.practical import practical
from lenext.weights.durable import read_folder, write_folder


def trained(data, out, **more):
    asked = {"model": "lenet5", "epochs": 2, "batch_size": 8, "threads": 1, "workers": 0, **more}
    return lenext.train(data, out=out, resume=True, **asked)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    data = photos(folder / "photos", 12)
    trained(data, folder / "run")
    return data, folder / "run"


def test_two_runs_on_one_folder(run, tmp_path, count):
    data, _ = run
    out = tmp_path / "run"
    arguments = command(data, out, "resnet", "--set", "epochs=60")
    first = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        assert wait_for(lambda: saved(out) or first.poll() is not None)
        second = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert first.poll() is None, "the first is not disturbed"
    finally:
        first.kill()
        first.communicate()
    assert second.returncode == 1
    error = json.loads(second.stdout)["error"]
    assert "Another process is training" in error["message"]
    assert error["remedy"]
    count("second runs on a folder that is in use")


def test_two_runs_that_begin_at_one_moment(tmp_path, count):
    """One of them has the folder, whole, and the other is told so; nothing of either is left beside it."""
    listing, recipe, statistics = find("digits"), practical(32), Statistics((0.0,), (1.0,))
    for number in range(20):
        folder, both, said = RunFolder(tmp_path / f"run-{number}"), Barrier(2), []

        def create(folder=folder, both=both, said=said):
            both.wait()
            try:
                folder.create({"seed": 0}, recipe, listing, statistics, 0)
            except Failed as error:
                said.append(str(error))

        threads = [Thread(target=create) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert said == [f"{folder.path} already holds a run."]
        assert folder.read()[1] == recipe
    assert not list(tmp_path.glob(".unfinished*"))
    count("runs that began beside another")


def test_out_of_memory(tmp_path, monkeypatch, count):
    """A pass that does not fit says how many images do, and with so many at a time it fits.

    torch's allocator refuses in earnest, for passes of more than 11 images; a limit of the address space, which would
    be nearer to a user's machine, makes torch 2.13 die of a segmentation fault inside a convolution.
    """
    data, passed = photos(tmp_path / "photos"), Gradients.of_pass

    def short(self, inputs, targets, labels, share):
        if len(labels) > 11:
            torch.empty(2**60 // 8, dtype=torch.uint8)
        return passed(self, inputs, targets, labels, share)

    monkeypatch.setattr(Gradients, "of_pass", short)
    with pytest.raises(Failed) as caught:
        trained(data, tmp_path / "run", batch_size=32)
    assert str(caught.value) == "There is not enough memory for a step on 32 images at once; 8 at a time fit."
    assert "--micro-batch 8" in caught.value.remedy
    assert trained(data, tmp_path / "fits", batch_size=32, micro_batch=8)["epochs"] == 2
    count("steps without enough memory")


@pytest.mark.parametrize(
    "words",
    [
        "could not create a primitive",
        "[enforce fail] DefaultCPUAllocator: out of memory",
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for requested buffer of size 9",
    ],
)
def test_words_of_memory_that_is_short(words, count):
    assert ran_out(RuntimeError(words))
    count("words for memory that is short")
    for error in (RuntimeError(words), Exception(words)):  # ONNX Runtime's are the latter
        with pytest.raises(Failed, match="not enough memory for 8 images"), enough_memory(8):
            raise error
    with pytest.raises(Failed, match="another"), enough_memory(8):
        raise Failed(f"another: {words}")


def test_words_of_what_cannot_be_computed():
    words = "could not create a primitive descriptor for the matmul primitive. Run workload with ONEDNN_VERBOSE=all"
    assert not ran_out(RuntimeError(words))


def rewritten(run, folder, **changes):
    """A copy of the run, started under other circumstances."""
    shutil.copytree(run, folder)
    files = read_folder(folder)
    started = json.loads(files["run.json"])
    for name, value in changes.items():
        started[name] = {**started[name], **value} if isinstance(value, dict) else value
    write_folder(folder.with_name("new"), {**files, "run.json": json.dumps(started).encode()})
    for path in folder.with_name("new").iterdir():
        shutil.move(path, folder / path.name)
    return folder


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"versions": {"torch": "2.11.0"}}, "torch 2.11.0 (now "),
        ({"versions": {"numpy": "1.99"}}, "numpy 1.99 (now "),
        ({"processor": "sparc"}, "processor sparc (now "),
        ({"device": "cuda"}, "device cuda (now cpu)"),
        ({"threads": 2}, "Computing with 2 threads"),
    ],
)
def test_what_cannot_be_had_back_is_named(changes, said, run, tmp_path, count):
    data, whole = run
    heard = Heard()
    try:
        trained(data, rewritten(whole, tmp_path / "run", **changes), threads=None, watcher=heard)
    finally:
        torch.set_num_threads(1)
    assert sum(said in line for line in heard.lines) == 1
    count("resumes under other circumstances that are named")


def test_under_the_same_nothing_is_said(run, tmp_path):
    data, whole = run
    shutil.copytree(whole, tmp_path / "run")
    heard = Heard()
    trained(data, tmp_path / "run", watcher=heard)
    assert not any("started with" in line or "Computing" in line for line in heard.lines)
    assert bits(tmp_path / "run") == bits(whole)


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"threads": 2}, "threads 1, not 2"), ({"seed": 4}, "seed"), ({"precision": "bf16"}, "precision fp32, not bf16"),
     ({"micro_batch": 3}, "micro_batch"), ({"batch_size": 4}, "another recipe")],
)  # fmt: skip
def test_what_would_break_the_promise_is_refused(asked, said, run, count):
    data, whole = run
    with pytest.raises(UsageError, match=said):
        trained(data, whole, **asked)
    count("resumes that would break the promise, refused")


@pytest.mark.parametrize("change", ["a picture", "a class", "a file less"])
def test_other_data_are_refused(change, run, tmp_path, count):
    data, whole = run
    shutil.copytree(data, tmp_path / "photos")
    picture = tmp_path / "photos" / "brick" / "03.png"
    if change == "a picture":
        shutil.copy(tmp_path / "photos" / "grass" / "05.png", picture)
    elif change == "a class":
        (tmp_path / "photos" / "brick").rename(tmp_path / "photos" / "stone")
    else:
        picture.unlink()
    said = {
        "a picture": "other than they were: brick/03.png",
        "a class": "stone",
        "a file less": "unreadable: brick/03.png",
    }
    with pytest.raises(DataError, match=said[change]):
        trained(tmp_path / "photos", whole)
    count("resumes with other data, refused")
