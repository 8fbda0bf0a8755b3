"""What every version so far has written is read by this one."""

import json
import shutil
from pathlib import Path

import pytest
from moves import found, marked
from sittings import photos

import lenext
from lenext.api.data import ready
from lenext.api.run.folder import RunFolder
from lenext.data.folds import divided
from lenext.data.split import RULE, to_csv
from lenext.training.checkpoint import Checkpoints
from lenext.training.watch import Silent
from lenext.weights.durable import read_folder, write_folder

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("folder", sorted(GOLDEN.glob("checkpoints-*")), ids=lambda path: path.name)
def test_a_checkpoint(folder, count):
    assert found(folder) == (3, 3, [])
    (network, optimizer), average = marked(0), None if folder.name == "checkpoints-1" else marked(0)[0]
    progress, damaged = Checkpoints(folder).restore_newest(network, optimizer, average)
    assert damaged == []
    assert (progress.epoch, progress.step, progress.rollbacks, progress.finished) == (3, 30, 0, False)
    if average is not None:
        assert all((tensor == 3).all() for tensor in average.state_dict().values())
    count("formats of checkpoints")


def test_a_run_goes_on(tmp_path, count):
    shutil.copytree(GOLDEN / "run-1", tmp_path / "run")
    _, recipe = RunFolder(tmp_path / "run").read()
    assert recipe.optimizer.spared == ("vectors",)
    document = lenext.train(out=tmp_path / "run", resume=True)
    assert (document["model"], document["epochs"]) == ("lenet5", 1)
    assert (tmp_path / "run" / "model.safetensors").exists()
    count("formats of run folders, gone on with")


@pytest.mark.parametrize("said", [True, False], ids=["2", "before there were numbers"])
def test_a_run_keeps_its_validation_split(said, tmp_path, count):
    """Of data with equal pictures the first rule divides otherwise; runs and cards that name no rule keep theirs."""
    data = photos(tmp_path / "photos", 12)
    for number in range(6):  # six pictures that the class has twice
        shutil.copy(data / "brick" / f"{number:02}.png", data / "brick" / f"copy-{number}.png")
    listing = ready(str(data), data_root=None, workers=0, on_bad="skip", watcher=Silent(), least=1)
    by = {rule: divided(listing, fraction=0.3, seed=0, rule=rule) for rule in (1, 2)}
    assert to_csv(by[1], tmp_path) != to_csv(by[2], tmp_path)
    out, rule = tmp_path / "run", 2 if said else 1
    asked = {
        "model": "lenet5",
        "epochs": 1,
        "batch_size": 8,
        "threads": 1,
        "validation": 0.3,
        "out": out,
        "resume": True,
    }
    lenext.train(data, **asked)
    shutil.rmtree(out / "checkpoints")
    files = read_folder(out)
    started = json.loads(files["run.json"])
    assert started["split"] == RULE
    if not said:
        del started["split"]
        csv = to_csv(by[1], out).encode()
        write_folder(tmp_path / "new", {**files, "run.json": json.dumps(started).encode(), "data.csv": csv})
        for path in (tmp_path / "new").iterdir():
            shutil.move(path, out / path.name)
    lenext.train(data, **asked)
    held_out = sum(item.split == "val" for item in by[rule].items)
    assert sum(lenext.load(out).card.data["counts"]["val"].values()) == held_out
    assert lenext.evaluate(out, data)["images"] == held_out
    count("runs that keep the split of their rule")
