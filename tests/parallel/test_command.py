"""``torchrun -m lenext train``: one run, one voice, and the same result as on one process."""

import json

import pytest
from launching import finished, kept, log, torchrun

import lenext
from lenext.errors import UsageError

DIGITS = ["digits", "--model", "lenet5", "--epochs", "1", "--workers", "0"]


def test_two_processes_make_one_run_with_one_voice(tmp_path):
    words = ["-m", "lenext", "train", *DIGITS, "--out", tmp_path / "run", "--deterministic", "--json"]
    status, out, err = finished(torchrun(2, words))
    assert status == 0, err
    document = json.loads(out)  # one document: rank 1 says nothing
    assert document["best"]["images"] == 359
    assert err.count("2 processes, each batch of 128 in 4 shards of about 32 images.") == 1
    assert err.count("epoch   1") == 1
    started = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (started["deterministic"], started["shards"], started["processes"]) == (True, 4, 2)

    lenext.train("digits", model="lenet5", epochs=1, workers=0, threads=1, deterministic=True, out=tmp_path / "one")
    assert kept(tmp_path / "run") == kept(tmp_path / "one")
    with pytest.raises(UsageError, match="started with shards 4, not 2"):
        lenext.train("digits", resume=True, out=tmp_path / "run", deterministic=True, shards=2)
    lenext.train("digits", model="lenet5", epochs=1, workers=0, threads=1, out=tmp_path / "plain")
    with pytest.raises(UsageError, match="started with deterministic False, not True"):
        lenext.train("digits", resume=True, out=tmp_path / "plain", deterministic=True)
    ours, plain = (log(tmp_path / name)[0] for name in ("run", "plain"))
    assert ours == pytest.approx(plain, rel=1e-4)


def test_two_processes_make_one_measurement_of_every_image_once(tmp_path):
    run = tmp_path / "run"
    lenext.train("digits", model="lenet5", epochs=2, workers=0, threads=1, out=run)
    for asked in ({"against": "digits"}, {"protocol": "vgg-dense", "split": "all", "batch_size": 100}):
        alone = lenext.evaluate(run, "digits", workers=0, **asked)
        more = [word for name, value in asked.items() for word in (f"--{name.replace('_', '-')}", value)]
        words = ["-m", "lenext", "evaluate", run, "digits", "--workers", "0", "--json", *more]
        status, out, err = finished(torchrun(2, words))
        assert status == 0, err
        documents = [json.loads(json.dumps(alone)), json.loads(out)]
        for document in documents:
            del document["cost"]["seconds"]
        assert documents[0] == documents[1]
        assert documents[0]["images"] == (1797 if "split" in asked else 359)
        assert err.count("Measuring") == 1


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        ({"deterministic": True, "batch_size": 4}, "batch of 4 is too small for 4 shards"),
        ({"shards": 2}, "--shards divides"),
        ({"deterministic": True, "batch_norm": "sync"}, "--deterministic takes the statistics"),
        ({"batch_norm": "both"}, "no --batch-norm 'both'"),
        ({"deterministic": True, "shards": 0}, "--shards is 0"),
    ],
)
def test_what_cannot_be_divided_is_refused_and_nothing_is_written(asked, match, tmp_path):
    with pytest.raises(UsageError, match=match):
        lenext.train("digits", model="lenet5", epochs=1, out=tmp_path / "run", **asked)
    assert not (tmp_path / "run").exists()
