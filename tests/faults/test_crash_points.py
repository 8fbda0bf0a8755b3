"""Killed before every call that changes the disk, in the middle of every write: nothing that was made is missing."""

import shutil

import pytest
from disk import Disk, dying, in_child
from moves import SCORES, best_of, found, save
from sittings import bits, photos

import lenext
from lenext.training.checkpoint import Checkpoints
from lenext.weights.card import load
from lenext.weights.durable import remove_unfinished, write_file

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
