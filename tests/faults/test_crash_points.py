"""Killed before every call that changes the disk, in the middle of every write: nothing that was made is missing."""

import json
import shutil
from types import SimpleNamespace

import pytest
from disk import Call, Disk, PowerCut, dying, in_child, keeping
from moves import SCORES, best_of, found, save
from sittings import bits, photos

import lenext
from lenext.api.trained import exporting
from lenext.training.checkpoint import Checkpoints
from lenext.weights.card import load
from lenext.weights.durable import read_folder, remove_unfinished, write_file

KILLED = -9


@pytest.mark.parametrize("number", range(1, len(SCORES) + 1))
def test_save_rotate_and_best(number, tmp_path, count):
    """Save ``number`` is killed before every one of its calls; the one after goes on as if nothing had been."""
    before = tmp_path / "before" / "checkpoints"
    before.parent.mkdir()
    for earlier in range(1, number):
        save(before, earlier)
    points = 0
    while True:
        root = tmp_path / str(points)
        shutil.copytree(before.parent, root)
        status = dying(root, lambda root=root: save(root / "checkpoints", number), points)
        newest, best, damaged = found(root / "checkpoints")
        assert damaged == []
        if status == 0:
            assert (newest, best) == (number, best_of(number))
            break
        assert status == KILLED
        assert newest in (number - 1, number)
        assert best == best_of(newest)
        Checkpoints(root / "checkpoints").clear_unfinished()
        save(root / "checkpoints", number)
        assert found(root / "checkpoints") == (number, best_of(number), [])
        assert not list(root.rglob(".unfinished*"))
        points += 1
    assert points >= 15, "five files and folders made, written, synced and renamed"
    count("crash points of save, rotation and best", points)


def test_a_file_that_is_replaced(tmp_path, count):
    points = 0
    while True:
        path = tmp_path / str(points) / "report.html"
        path.parent.mkdir()
        path.write_bytes(b"old")
        status = dying(path.parent, lambda path=path: write_file(path, b"new"), points)
        assert path.read_bytes() in ((b"new",) if status == 0 else (b"old", b"new"))
        remove_unfinished(path.parent)
        assert [one.name for one in path.parent.iterdir()] == ["report.html"]
        if status == 0:
            break
        points += 1
    assert points == 5
    count("crash points of a file that is replaced", points)


def test_an_export(tmp_path, monkeypatch, count):
    """Its files, which other libraries write, stand for any; a kill at every call, and the power that goes there."""

    def graph(_model, _form, folder, _scales):
        for name in ("model.xml", "model.bin"):
            (folder / name).write_bytes(name.encode())

    monkeypatch.setattr(exporting, "write_graph", graph)
    monkeypatch.setattr(exporting, "parity", lambda *_, **__: [SimpleNamespace(share=0.0)])
    monkeypatch.setattr(exporting, "one_class", lambda _: None)
    monkeypatch.setattr(exporting, "described", lambda *_: SimpleNamespace(text=lambda: b"{}"))
    expected = {"model.xml": b"model.xml", "model.bin": b"model.bin", exporting.FILE: b"{}"}

    def export(root):
        exporting.write(None, "openvino", root / "exports" / "one", None)

    def files(root):
        return {file.name: file.read_bytes() for file in (root / "exports" / "one").glob("*")}

    points = 0
    while True:
        root = tmp_path / str(points)
        status = dying(root, lambda root=root: export(root), points)
        assert files(root) in ({}, expected)
        if status == 0:
            break
        assert status == KILLED
        points += 1
    with Disk(tmp_path / "watched").watched() as disk:
        export(tmp_path / "watched")
    for moment in range(len(disk.calls) + 1):
        for kind in ("none", "all", "some"):
            PowerCut(disk.calls[:moment]).show(tmp_path / "after", keeping(kind, moment))
            assert files(tmp_path / "after") in ({}, expected)
            shutil.rmtree(tmp_path / "after")
    assert points == len(disk.calls)
    assert files(root) == expected
    count("crash points of an export, and as many power cuts of each kind", points)


def trained(data, out):
    """The smallest run that makes, saves, rotates, chooses the best and exports its weights; it goes on where it is."""
    return lenext.train(
        data, model="lenet5", epochs=2, batch_size=16, out=out, resume=True, threads=1, workers=0, save_every=0.0
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Data, a run that was let alone, and the calls that it made."""
    folder = tmp_path_factory.mktemp("alone")
    data = photos(folder / "photos", 12)
    with Disk(folder / "runs").watched() as disk:
        trained(data, folder / "runs" / "run")
    return data, folder / "runs" / "run", disk.calls


def whole(out):
    """What must hold at every moment: no torn file is taken for a whole one."""
    if (out / "model.safetensors").exists():
        load(out)
    for name in ("report.html", "README.md"):
        assert not (out / name).exists() or (out / name).read_text(encoding="utf-8").rstrip().endswith(("</html>", "."))


def test_every_call_of_a_whole_run(run, tmp_path, count):
    """What a kill before each call leaves, and within each write: nothing is torn, the last and the best are there."""
    _, _, calls = run
    saves = {
        call.to.rpartition("/")[2]: at for at, call in enumerate(calls) if call.to.startswith("run/checkpoints/ep")
    }
    scores, states = {}, 0
    for at, call in enumerate([*calls, Call("end", "run")]):
        cut = [Call("write", call.path, data=call.data[: len(call.data) // 2])] if call.name == "write" else []
        for left in (calls[:at], *([[*calls[:at], *cut]] if cut else [])):
            PowerCut(left).show(tmp_path / "killed", keeping("all", 0))
            kept = sorted((tmp_path / "killed" / "run" / "checkpoints").glob("epoch-*"))
            for path in kept:
                files = read_folder(path)
                assert files is not None
                scores[path.name] = json.loads(files["progress.json"])["score"]
            made = [name for name, when in saves.items() if when < at]
            tested = [name for name in made if scores[name] is not None]
            assert not made or made[-1] in [path.name for path in kept]
            assert not tested or max(tested, key=scores.get) in [path.name for path in kept]
            whole(tmp_path / "killed" / "run")
            shutil.rmtree(tmp_path / "killed")
            states += 1
    assert len(scores) == 4
    count("crash points of a whole run, nothing torn and nothing missing", states)


def test_a_whole_run(run, tmp_path, much, count):
    """From the folder's first call to the model card's last: the same command line goes on to the same bits."""
    data, alone, calls = run
    expected, points = bits(alone), 0
    step = much(11, 1)
    exports = [number for number, call in enumerate(calls) if "model.safetensors" in call.path]
    assert len(exports) >= 4
    for at in sorted({*range(0, len(calls), step), *exports[:: much(2, 1)]}):
        out = tmp_path / str(at) / "run"
        status = dying(out.parent, lambda out=out: trained(data, out), at)
        assert status == KILLED
        if out.exists():
            whole(out)
        assert in_child(lambda out=out: trained(data, out)) == 0
        assert bits(out) == expected
        assert not list(out.parent.rglob(".unfinished*"))
        shutil.rmtree(out.parent)
        points += 1
    count("crash points of a whole run, which then ends in the same bits", points)
