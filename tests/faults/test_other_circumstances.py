"""Two runs on one folder, less memory, and a resume on another machine or with other data: named, or refused."""

import json
import resource
import shutil
import subprocess

import pytest
import torch
from disk import in_child
from sittings import bits, command, photos, saved, wait_for

import lenext
from lenext.api import run_folder, same_machine
from lenext.errors import DataError, Failed, UsageError
from lenext.training.task import Task
from lenext.training.watch import Silent
from lenext.weights.durable import read_folder, write_folder


def trained(data, out, **more):
    asked = {"model": "lenet5", "epochs": 2, "batch_size": 8, "threads": 1, "workers": 0, **more}
    return lenext.train(data, out=out, resume=True, **asked)


class Heard(Silent):
    def __init__(self):
        self.lines = []

    def message(self, text):
        self.lines.append(text)


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




def test_out_of_memory(tmp_path, count):
    """A step that does not fit says how many images do, and with so many at a time it fits."""
    data, report = photos(tmp_path / "photos", 30), tmp_path / "report.json"
    asked = {"model": "vgg11", "epochs": 1, "batch_size": 64, "image_size": 64, "settings": ("optimizer.lr=1e-4",)}
    learn = Task.learn

    def short(self, batch, at, rate):
        if not report.exists():
            report.write_text("")
            pages = int(open("/proc/self/statm").read().split()[0])
            room = pages * resource.getpagesize() + ROOM
            resource.setrlimit(resource.RLIMIT_AS, (room, room))
        return learn(self, batch, at, rate)

    def attempt():
        Task.learn = short
        try:
            trained(data, tmp_path / "run", **asked)
        except Failed as error:
            report.write_text(json.dumps([str(error), error.remedy]))

    assert in_child(attempt) == 0
    message, remedy = json.loads(report.read_text())
    assert message.startswith("There is not enough memory for a step on 64 images at once")
    assert "--micro-batch" in remedy
    fits = int(remedy.split("--micro-batch ")[1].split(",")[0])
    assert f"{fits} at a time fit" in message
    assert 1 < fits < 64
    report.unlink()
    shutil.rmtree(tmp_path / "run")
    asked["micro_batch"] = fits
    assert in_child(lambda: setattr(Task, "learn", short) or trained(data, tmp_path / "run", **asked)) == 0
    assert (tmp_path / "run" / "model.safetensors").exists()
    count("steps without enough memory")


ROOM = 1100 * 2**20  # bytes beside the network: its gradient, the optimiser's state, and some of the 64 images


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
    assert run_folder.processor() == same_machine.processor()


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
    with pytest.raises(DataError, match="stone" if change == "a class" else "have changed"):
        trained(tmp_path / "photos", whole)
    count("resumes with other data, refused")
