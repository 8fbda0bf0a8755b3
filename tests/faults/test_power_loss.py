"""The power goes at every moment of a save: of what was not synced all is lost, nothing, or some, in any order."""

import shutil

import pytest
from disk import Disk, PowerCut, keeping
from moves import SCORES, best_of, found, save
from sittings import bits, photos

import lenext
from lenext.api.run.folder import RunFolder
from lenext.training.log import MetricLog
from lenext.weights.card import load


def test_every_moment_of_seven_saves(tmp_path, much, count):
    with Disk(tmp_path / "run").watched() as disk:
        (tmp_path / "run").mkdir()
        disk.calls.clear()  # the folder itself is there, and safe
        ends = []
        for number in range(1, len(SCORES) + 1):
            save(tmp_path / "run" / "checkpoints", number)
            ends.append(len(disk.calls))
    states = 0
    kinds = [("none", 0), ("all", 0), *(("some", seed) for seed in range(much(1, 5)))]
    for moment in range(len(disk.calls) + 1):
        safe = sum(end <= moment for end in ends)
        for kind, seed in kinds:
            root = tmp_path / "after"
            PowerCut(disk.calls[:moment]).show(root, keeping(kind, 1000 * moment + seed))
            newest, best, _ = found(root / "checkpoints")
            assert newest in (safe, safe + 1), f"{kind} after {moment} calls: save {safe} was done"
            assert best == best_of(newest)
            shutil.rmtree(root)
            states += 1
    count("power cuts in saves, all, none or some of what was not synced kept", states)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Data, a run of two epochs, and all that it asked of the disk; ``runs`` did not exist before."""
    folder = tmp_path_factory.mktemp("alone")
    data = photos(folder / "photos", 12)
    with Disk(folder).watched() as disk:
        trained(data, folder / "runs" / "run")
    return (
        data,
        folder / "runs" / "run",
        [call for call in disk.calls if call.path.startswith("runs") or call.path == "."],
    )


def trained(data, out):
    return lenext.train(
        data, model="lenet5", epochs=2, batch_size=16, out=out, resume=True, threads=1, workers=0, save_every=0.0
    )


def done(calls, words):
    """After how many calls the renames to names with these words are safe."""
    renamed = [number for number, call in enumerate(calls) if call.name == "rename" and words in call.to]
    return [
        next(n for n in range(at, len(calls)) if calls[n].name == "fsync") + 1
        for at in renamed
        if "removed" not in calls[at].to
    ]


def test_every_moment_of_a_run(run, tmp_path, much, count):
    """What a run has told once holds after a power cut: that it exists, each checkpoint, the log to its length."""
    _, _, calls = run
    made, saves, exported = (done(calls, words) for words in ("runs/run", "epoch-", "model.safetensors"))
    begun = min(made)
    states = 0
    for moment in range(0, len(calls) + 1, much(3, 1)):
        for kind in ("none", "all", "some")[: 3 if moment % 2 else 2]:
            root = tmp_path / "after"
            PowerCut(calls[:moment]).show(root, keeping(kind, moment))
            folder = RunFolder(root / "runs" / "run")
            if moment >= begun:
                folder.read()
                folder.statistics(subtract_first=True)
            if folder.exists():
                kept = sorted(folder.checkpoints.glob("epoch-*"))
                newest = newest_of(kept)
                assert newest >= max(
                    (name for end, name in zip(saves, names(calls), strict=True) if end <= moment), default=""
                )
                MetricLog(folder.metrics, length_of(folder, newest)).close()
            if moment >= exported[0]:
                load(folder.path)
            shutil.rmtree(root)
            states += 1
    count("power cuts in a whole run", states)


def names(calls):
    found = [call for call in calls if call.name == "rename" and "epoch-" in call.to and "removed" not in call.to]
    return [call.to.rpartition("/")[2] for call in found]


def newest_of(kept):
    from lenext.weights.durable import read_folder

    return next((path.name for path in reversed(kept) if read_folder(path) is not None), "")


def length_of(folder, newest):
    import json

    return json.loads((folder.checkpoints / newest / "progress.json").read_text())["log_bytes"] if newest else 0


def test_some_of_them_go_on_to_the_same_bits(run, tmp_path, much, count):
    data, alone, calls = run
    moments = range(len(calls) // 8, len(calls), len(calls) // much(6, 30))
    for moment in moments:
        root = tmp_path / str(moment)
        PowerCut(calls[:moment]).show(root, keeping("some", moment))
        out = root / "runs" / "run"
        if not out.exists() or RunFolder(out).exists():
            trained(data, out)
            assert bits(out) == bits(alone)
        shutil.rmtree(root)
    count("power cuts after which the run ended in the same bits", len(moments))
