"""``lenext bench`` as a user gives it: a table, a document, a file; and what it refuses."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

import lenext
from lenext.api.bench import BenchOptions, reading_of
from lenext.benchmark.case import Case, documented, ours
from lenext.benchmark.rivals import RIVALS
from lenext.benchmark.run import Row, against_best, compared, together
from lenext.benchmark.timing import Sample, Timing
from lenext.benchmark.worker import Worker
from lenext.errors import Failed, UsageError


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "lenext", "bench", *words], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """lenet5 beside torch, on one thread; the file and standard output say the same."""
    path = tmp_path_factory.mktemp("bench") / "found.json"
    done = command("lenet5", "--threads", "1", "--rounds", "2", "--batch", "2", "--against", "torch",
                   "--precision", "fp32", "--json", "--out", str(path))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(path.read_text()) == json.loads(done.stdout)
    return json.loads(done.stdout)


def test_the_document_says_what_was_measured_how_and_by_whom(document):
    assert (document["precision"], document["threads"]) == ("fp32", 1)
    assert document["limit"]["gflops"] > 1
    assert {"lenext", "torch", "python"} <= set(document["versions"])
    assert [(row["network"], row["by"], row["batch"]) for row in document["measurements"]] == [
        ("lenet5", "lenext", 2),
        ("lenet5", "torch", 2),
    ]


def test_figures_agree_with_one_another(document):
    first, second = document["measurements"]
    for row in (first, second):
        milliseconds = row["milliseconds"]
        assert 0 < milliseconds["low"] <= milliseconds["value"] <= milliseconds["high"]
        assert row["images_per_second"] == pytest.approx(2e3 / milliseconds["value"])
        assert row["share_of_limit"] == pytest.approx(row["gflops"] / document["limit"]["gflops"])
        assert row["gflops"] * milliseconds["value"] == pytest.approx(2 * 0.83, rel=0.02)  # C3 as a dense convolution
        assert row["samples"] == 2
        assert not row["disturbed"]
    (ratio,) = document["ratios"]
    assert ratio["against"] == "torch"
    assert ratio["value"] == pytest.approx(second["milliseconds"]["value"] / first["milliseconds"]["value"])
    assert ratio["low"] <= ratio["value"] <= ratio["high"]


def test_an_engine_takes_our_place(tmp_path):
    path = tmp_path / "found.json"
    done = command("lenet5", "--engine", "onnxruntime", "--threads", "1", "--rounds", "1", "--batch", "2",
                   "--precision", "fp32", "--against", "torch", "--quiet", "--out", str(path))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2].split()[:3] == ["lenet5", "lenext", "2"]
    document = json.loads(path.read_text())
    ours_row, torch_row = document["measurements"]
    assert (ours_row["engine"], ours_row["precision"]) == ("onnxruntime", "fp32")
    assert "engine" not in torch_row
    assert document["command"].count("--engine onnxruntime") == 1
    assert document["against_best"]["least"] == document["ratios"][0]["value"]
    assert "fastest rival" in done.stdout.splitlines()[-1]


def test_the_fastest_rival_of_the_same_precision_counts():
    def ratio(name, precision, value):
        return {"name": name, "precision": precision, "value": value}

    found = against_best(
        [ratio("a", "bf16", 4.0), ratio("a", "bf16", 2.0), ratio("a", "fp32", 0.5), ratio("b", "bf16", 0.5)], "bf16"
    )
    assert [case["value"] for case in found["cases"]] == [2.0, 0.5]
    assert (found["least"], found["geometric_mean"]) == (0.5, pytest.approx(1.0))
    assert against_best([ratio("a", "fp32", 1.0)], "bf16") is None


def test_the_command_repeats_the_measurement(monkeypatch):
    monkeypatch.setattr("lenext.api.bench.measure", lambda *_: [row("lenext", 1.0)])
    command = lenext.bench(
        "lenet5",
        training=True,
        save_memory=True,
        image_size=32,
        reading="caffe",
        batches=(3,),
        device="cpu",
        rounds=1,
        starts=2,
    )["command"]
    for words in (
        "--training",
        "--save-memory",
        "--image-size 32",
        "--reading caffe",
        "--batch 3",
        "--device cpu",
        "--starts 2",
    ):
        assert words in command


def test_onnx_runtime_is_measured_in_the_one_precision_that_it_has(monkeypatch):
    seen = []
    monkeypatch.setattr("lenext.evaluation.inference.fast_precision", lambda _: "bf16")
    monkeypatch.setattr("lenext.api.bench.measure", lambda case, *_: seen.append(case) or [row("lenext", 1.0)])
    document = lenext.bench("lenet5", engine="onnxruntime", batches=(2,), rounds=1)
    assert (seen[0].precision, document["precision"]) == ("fp32", "fp32")


def row(by, seconds):
    return Row("lenet5", by, 2, Timing((Sample(seconds, None),), by_clock=False), 1.0, 0.1, None, "fp32")


def test_where_ours_could_not_run_nothing_is_said_of_it():
    assert compared([row("torch", 1.0), row("timm", 2.0)]) == []
    (ratio,) = compared([row("lenext", 1.0), row("torch", 2.0)])
    assert (ratio["name"], ratio["against"], ratio["value"]) == ("lenext, lenet5, batch 2", "torch", 2.0)


def test_samples_of_several_starts_make_one_row():
    rows = together([row("lenext", 1.0), row("timm", 4.0), row("lenext", 2.0), row("timm", 4.0)])
    assert [row.by for row in rows] == ["lenext", "timm"]
    assert [sample.seconds for sample in rows[0].timing.samples] == [1.0, 2.0]
    assert rows[0].document()["milliseconds"] == {"value": 1500.0, "low": 1000.0, "high": 2000.0}
    (ratio,) = compared(rows)
    assert (ratio["low"], ratio["high"]) == (2.0, 4.0)


@pytest.mark.parametrize("refusing", ["lenext", "timm"])
def test_what_one_of_several_starts_refused_is_not_compared(refusing):
    """Its samples are no pairs; and none of ours, which comes behind the others then, is taken for another case's."""
    starts = [row("lenext", 1.0), row("torch", 2.0), row("timm", 4.0)]
    first = [one for one in starts if one.by != refusing]
    others = [] if refusing == "lenext" else ["torch"]
    assert [ratio["against"] for ratio in compared(together([*first, *starts]))] == others


def test_a_table_without_a_row_is_an_error(tmp_path):
    done = command("lenet5", "--image-size", "20", "--batch", "2", "--rounds", "1", "--threads", "1",
                   "--quiet", "--out", str(tmp_path / "found.json"))  # fmt: skip
    assert done.returncode == 1
    assert "Nothing was measured: lenext cannot run lenet5: " in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_step_of_training_is_a_table_for_a_person():
    done = command("lenet5", "--training", "--threads", "1", "--rounds", "1", "--batch", "4", "--quiet")
    assert done.returncode == 0, done.stderr
    head, names, row = done.stdout.splitlines()
    assert head.startswith("a training step")
    assert names.split()[:3] == ["network", "by", "batch"]
    assert row.split()[:3] == ["lenet5", "lenext", "4"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"against": ("tensorrt",)}, "no rival 'tensorrt'"),
        ({"against": ("openvino",), "training": True}, "openvino is not measured in training"),
        ({"engine": "openvino", "training": True}, "Engines do not train"),
        ({"engine": "tensorrt"}, "no engine 'tensorrt'"),
        ({"engine": "onnxruntime", "precision": "bf16"}, "onnxruntime has no bf16"),
        ({"reading": "v9"}, "lenet5 has no reading 'v9'"),
        ({"save_memory": True}, "--save-memory is for a step of training"),
        ({"threads": 0}, "--threads is 0"),
        ({"batches": (1,), "training": True}, "A batch has 1 images"),
        ({"out": "no/such/folder/a.json"}, "no folder no/such/folder"),
        ({"out": "/"}, "/ is a folder"),
        ({"batch": 3}, "takes no 'batch'"),
    ],
)
def test_what_cannot_be_measured_is_refused(asked, message):
    with pytest.raises(UsageError, match=message) as refused:
        lenext.bench("lenet5", **asked)
    assert refused.value.remedy


def test_a_rival_that_is_not_installed_is_refused(monkeypatch):
    monkeypatch.setitem(RIVALS, "absent", replace(RIVALS["keras"], name="absent", package="no-such-package"))
    with pytest.raises(UsageError, match="no-such-package is not installed"):
        lenext.bench("lenet5", against=("absent",))


def test_unknown_networks_and_empty_patterns_are_refused():
    for name in ("lenet6", "nothing*"):
        with pytest.raises(UsageError):
            lenext.bench(name)


def test_beside_a_library_its_reading_is_measured():
    assert reading_of("resnet50", BenchOptions()) == "paper"
    assert reading_of("resnet50", BenchOptions(against=("torchvision",))) == "v1.5"
    assert reading_of("resnet50", BenchOptions(against=("torchvision",), reading="caffe")) == "caffe"
    assert reading_of("lenet5", BenchOptions(against=("timm",))) == "paper"


def test_a_step_changes_the_copy_and_not_the_case():
    case = Case("lenet5", 4, training=True)
    before = [parameter.clone() for parameter in case.network.parameters()]
    steps = ours(case), documented(case, case.fresh())
    for step in steps:
        step()
    assert all((a == b).all() for a, b in zip(before, case.network.parameters(), strict=True))


def test_training_costs_more_operations_than_a_pass():
    assert Case("lenet5", 4, training=True).operations > 2 * Case("lenet5", 4).operations > 0
    assert Case("lenet5", 4).operations == pytest.approx(2 * Case("lenet5", 2).operations)


def test_a_contestant_says_what_it_cannot_run():
    with Worker("lenext") as worker:
        assert "lenet5" in worker.prepare(Case("lenet5", 2, image_size=20))["refused"]
        assert "calls" in worker.prepare(Case("lenet5", 2))


def test_an_engine_that_refuses_a_case_is_no_end_of_its_process():
    with Worker("lenext", ("-m", "lenext.api.bench_worker")) as worker:
        refused = worker.prepare(Case("lenet5", 2, engine="onnxruntime", precision="bf16"))["refused"]
        assert refused == "lenext cannot run lenet5: The engine onnxruntime has no bf16 here."
        assert "calls" in worker.prepare(Case("lenet5", 2, engine="eager"))


def test_a_contestant_whose_process_ended_is_an_error_and_no_traceback():
    with Worker("lenext", ("-c", "")) as worker, pytest.raises(Failed, match="lenext ended"):
        worker.sample(1)
