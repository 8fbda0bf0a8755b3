"""``lenext export``, and what becomes of its folders: the same answers, by every engine, without torch."""

import json
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lenext.api.trained.engine import in_cache
from lenext.engines.artefact import read_artefact
from lenext.errors import Failed

FORMATS = ("onnx", "openvino", "torch")


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENEXT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def exported(trained, photos, tmp_path_factory):
    """The folders of all formats, and what export said."""
    import lenext

    root = tmp_path_factory.mktemp("exported")
    return {to: lenext.export(trained, to=to, out=str(root / to), data=str(photos)) for to in FORMATS}


def answers(lenext, *words):
    status, output, said = lenext("predict", *words, "--json")
    assert status == 0, said
    return json.loads(output)


@pytest.mark.parametrize("to", FORMATS)
def test_a_folder_answers_as_the_run_does(lenext, trained, photos, exported, to):
    document = exported[to]
    assert document["parity"][0]["changed_labels"] == 0
    assert document["parity"][0]["largest_difference"] < 1e-4
    assert document["parity"][0]["top1"]["exported"] == document["parity"][0]["top1"]["network"]
    (photos / "broken.png").write_text("no picture")
    try:
        expected, found = (answers(lenext, model, photos) for model in (trained, document["out"]))
    finally:
        (photos / "broken.png").unlink()
    assert [row["path"] for row in found] == [row["path"] for row in expected]
    assert [row["error"] for row in found] == [row["error"] for row in expected]
    for one, other in zip(found, expected, strict=True):
        assert [guess["class"] for guess in one["predictions"]] == [guess["class"] for guess in other["predictions"]]
        for guess, before in zip(one["predictions"], other["predictions"], strict=True):
            assert guess["probability"] == pytest.approx(before["probability"], abs=0.01)  # pixels: one grey level


@pytest.mark.parametrize("to", FORMATS)
def test_it_is_measured_as_the_run_is(lenext, trained, photos, exported, to):
    measured = [json.loads(lenext("evaluate", model, photos, "--json")[1]) for model in (trained, exported[to]["out"])]
    assert measured[0]["confusion"] == measured[1]["confusion"]
    assert measured[0]["split"] == measured[1]["split"]
    assert measured[0]["cost"]["macs_per_image"] > 0
    assert measured[1]["cost"]["macs_per_image"] is None  # a closed graph does not say


@pytest.mark.parametrize("to", FORMATS)
def test_in_the_quickest_precision(lenext, photos, exported, to):
    quick, full = (answers(lenext, exported[to]["out"], photos, "--precision", name) for name in ("auto", "fp32"))
    for one, other in zip(quick, full, strict=True):
        assert one["predictions"][0]["probability"] == pytest.approx(other["predictions"][0]["probability"], abs=0.05)


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_torch_is_not_imported(photos, exported, to, tmp_path):
    code = f"""if True:
        import sys
        from lenext.cli import main
        try:
            main(["predict", {exported[to]["out"]!r}, {str(photos)!r}, "--out", {str(tmp_path / "p.csv")!r}])
        finally:
            assert "torch" not in sys.modules
            assert not {{"sklearn", "scipy", "matplotlib"}} & set(sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 25


@pytest.mark.parametrize("engine", ["eager", "openvino", "onnxruntime", "auto"])
def test_engines_agree(lenext, trained, photos, engine, monkeypatch):
    monkeypatch.setattr("lenext.api.trained.engine.compiler_missing", lambda _: "none")  # it takes a minute
    expected, found = answers(lenext, trained, photos), answers(lenext, trained, photos, "--engine", engine)
    for one, other in zip(found, expected, strict=True):
        assert one["path"] == other["path"]
        assert one["predictions"][0]["class"] == other["predictions"][0]["class"]
        assert one["predictions"][0]["probability"] == pytest.approx(other["predictions"][0]["probability"], abs=1e-4)


def test_a_run_that_was_stopped_goes_on(lenext, photos, exported, tmp_path):
    words = ("predict", exported["onnx"]["out"], photos, "--out", tmp_path / "p.jsonl")
    assert lenext(*words)[0] == 0
    whole = (tmp_path / "p.jsonl").read_bytes()
    (tmp_path / "p.jsonl").write_bytes(whole[:-10])
    status, output, _ = lenext(*words, "--resume", "--json")
    assert status == 0
    assert json.loads(output)["images"] == 1
    assert json.loads(output)["before"] == 23
    rows, before = ([json.loads(line) for line in text.splitlines()] for text in (whole, words[-1].read_bytes()))
    assert [row["path"] for row in rows] == [row["path"] for row in before]


def test_eight_bits_with_their_cost(lenext, trained, photos, tmp_path):
    words = ("export", trained, "--int8", "--calibrate", photos, "--limit", "0.5")
    for to in ("onnx", "openvino"):
        status, output, said = lenext(*words, "--to", to, "--out", tmp_path / to, "--json")
        assert status == 0, said
        document = json.loads(output)
        assert document["precision"] == "int8"
        assert document["parity"][0]["precision"] == "int8"
        assert set(document["parity"][0]["top1"]) == {"network", "exported"}
        assert len(answers(lenext, tmp_path / to, photos)) == 24


def test_a_file_that_answers_otherwise_is_not_kept(refused, trained, photos, tmp_path, monkeypatch):
    """Quantised on noise, and every image answered the other way about by the network itself."""
    from lenext.engines.eager import Eager

    honest = Eager.predict
    monkeypatch.setattr(Eager, "predict", lambda self, batch: np.ascontiguousarray(honest(self, batch)[:, ::-1]))
    status, error = refused("export", trained, "--data", photos, "--out", tmp_path / "out")
    assert status == 1
    assert "labels changed" in error["message"]
    assert list(tmp_path.iterdir()) == []


def test_damage_is_seen(refused, photos, exported, tmp_path):
    for name, damage in (("model.onnx", b"x"), ("lenext.json", b"}")):
        shutil.copytree(exported["onnx"]["out"], tmp_path / name)
        with (tmp_path / name / name).open("ab") as file:
            file.write(damage)
        assert refused("predict", tmp_path / name, photos)[0] == 4
        assert refused("evaluate", tmp_path / name, photos)[0] == 4


EDITS = [
    ('"night"', '"night", "dusk"'), ('"day",', ""), ('"crop": 32', '"crop": 40'), ('"crop": 32', '"crop": 0'),
    ('"day"', '"noon"'), ('"temperature": ', '"temperature": 1'), ('"background": 255', '"background": 0'),
]  # fmt: skip


@pytest.mark.parametrize("words", EDITS)
def test_a_description_that_was_edited_is_seen(refused, photos, exported, tmp_path, words):
    shutil.copytree(exported["onnx"]["out"], tmp_path / "folder")
    described = (tmp_path / "folder" / "lenext.json").read_text()
    assert described.count(words[0]) >= 1
    (tmp_path / "folder" / "lenext.json").write_text(described.replace(words[0], words[1], 1))
    for engine in ("onnxruntime", "openvino"):
        status, error = refused("predict", tmp_path / "folder", photos, "--engine", engine)
        assert (status, error["kind"]) == (4, "weight-file")
        assert "lenext.json" in error["message"]


def test_a_description_may_be_laid_out_otherwise(lenext, photos, exported, tmp_path):
    shutil.copytree(exported["onnx"]["out"], tmp_path / "folder")
    file = tmp_path / "folder" / "lenext.json"
    file.write_bytes(json.dumps(json.loads(file.read_text()), indent=3, sort_keys=True).replace("\n", "\r\n").encode())
    assert len(answers(lenext, tmp_path / "folder", photos)) == 24


def test_a_description_without_its_sum_is_of_an_older_version(lenext, photos, exported, tmp_path):
    shutil.copytree(exported["onnx"]["out"], tmp_path / "folder")
    file = tmp_path / "folder" / "lenext.json"
    told = json.loads(file.read_text())
    del told["sha256"]
    file.write_text(json.dumps(told))
    assert len(answers(lenext, tmp_path / "folder", photos)) == 24


@pytest.mark.parametrize(
    ("to", "engine"), [("onnx", None), ("onnx", "openvino"), ("onnx", "auto"), ("openvino", None), ("torch", None)]
)
def test_a_graph_of_another_shape_is_seen_before_a_picture_is(refused, exported, tmp_path, monkeypatch, to, engine):
    monkeypatch.setattr("lenext.api.trained.exported.read_pixels", None)
    told = read_artefact(Path(exported[to]["out"]))
    view = replace(told.preprocessing, view=replace(told.preprocessing.view, crop=64 if engine == "auto" else 10**7))
    coloured = replace(told.preprocessing, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)
    for number, one in enumerate((replace(told, preprocessing=view), replace(told, preprocessing=coloured),
                                  replace(told, classes=("day", "night", "dusk")))):  # fmt: skip
        folder = tmp_path / str(number)
        shutil.copytree(exported[to]["out"], folder)
        (folder / "lenext.json").write_bytes(one.text())
        status, error = refused("predict", folder, tmp_path, *([] if engine is None else ["--engine", engine]))
        assert (status, error["kind"]) == (4, "weight-file")
        assert "its graph has 32 x 32 x 1 pixels, 2 classes" in error["message"]


SHORT = RuntimeError("Exception from src/inference:84:\nstd::bad_alloc\n\n")


@pytest.mark.parametrize("error", [SHORT, MemoryError(), Exception("[ONNXRuntimeError] : Failed to allocate memory")])
def test_memory_that_ends_is_no_damage(refused, photos, exported, monkeypatch, error):
    def fails(*_):
        raise error

    monkeypatch.setattr("lenext.engines.onnxruntime.OnnxRuntime.predict", fails)
    one = next(photos.rglob("*.png"))
    for words, remedy in (
        (("predict", exported["onnx"]["out"], one), "Free memory."),
        (("evaluate", exported["onnx"]["out"], photos), "Give a smaller --batch-size, or free memory."),
    ):
        status, told = refused(*words)
        assert (status, told["remedy"]) == (1, remedy)
        assert "not enough memory" in told["message"]


def test_memory_that_ends_for_a_run(refused, trained, photos, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("lenext.layers.network.Network.forward", fails)
    for verb in ("predict", "evaluate"):
        status, told = refused(verb, trained, photos)
        assert status == 1
        assert "not enough memory" in told["message"]


def test_an_engine_that_fails_is_quoted(refused, photos, exported, monkeypatch):
    def fails(*_):
        raise RuntimeError("Exception from src/core.cpp:84:\nno such instruction\n")

    monkeypatch.setattr("lenext.engines.onnxruntime.OnnxRuntime.predict", fails)
    status, told = refused("predict", exported["onnx"]["out"], photos)
    assert status == 1
    assert told["message"].endswith("(no such instruction).")
    assert "--engine" in told["remedy"]


def test_a_whole_file_that_cannot_be_opened_is_not_called_damaged(refused, photos, exported, monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("Exception from src/core.cpp:84:\nstd::bad_alloc\n\n")

    monkeypatch.setattr("lenext.api.trained.exported.open_graph", fails)
    status, error = refused("predict", exported["onnx"]["out"], photos)
    assert (status, error["kind"]) == (1, "failed")
    assert error["message"].endswith("is whole, and cannot be opened here (std::bad_alloc).")
    assert "Free memory" in error["remedy"]


def test_wrong_uses(refused, trained, photos, exported, tmp_path):
    onnx = exported["onnx"]["out"]
    assert refused("export", trained, "--out", onnx)[0] == 2
    assert refused("export", trained, "--int8")[0] == 2
    assert refused("export", trained, "--calibrate", photos)[0] == 2
    assert refused("export", trained, "--to", "torch", "--int8", "--calibrate", photos)[0] == 2
    assert refused("export", onnx)[0] == 2
    assert refused("predict", onnx, photos, "--engine", "eager")[0] == 2
    assert refused("predict", onnx, photos, "--engine", "fastest")[0] == 2
    assert refused("predict", onnx, photos, "--unknown", "0.1")[0] == 2
    assert refused("predict", onnx, photos, "--device", "cuda")[0] == 2
    assert refused("predict", onnx, photos, "--engine", "onnxruntime", "--precision", "bf16")[0] == 2
    error = refused("predict", exported["torch"]["out"], photos, "--precision", "bf16")[1]
    assert error["remedy"] == "Use --precision fp32, or --engine compiled."  # which runs torch's format
    assert refused("predict", trained, photos, "--resume")[0] == 2
    assert refused("predict", trained, photos, "--out", tmp_path / "p.txt")[0] == 2
    assert refused("evaluate", onnx, photos, "--protocol", "ten-crop")[0] == 2


def test_what_the_cache_holds_is_made_once_and_made_anew_when_damaged(trained):
    import lenext
    from lenext.training.watch import Silent

    model = lenext.load(trained)
    folder = in_cache(model, "onnx", Silent())
    stamp = (folder / "model.onnx").stat().st_mtime_ns
    assert in_cache(model, "onnx", Silent()) == folder
    assert (folder / "model.onnx").stat().st_mtime_ns == stamp
    (folder / "model.onnx").write_bytes(b"damaged")
    in_cache(model, "onnx", Silent())
    assert read_artefact(folder).files["model.onnx"]
    assert (folder / "model.onnx").stat().st_size > 100


def test_a_full_disk_leaves_nothing(trained, tmp_path, monkeypatch):
    import lenext

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lenext.exports.graph.write_onnx", full)
    with pytest.raises(Failed, match="No space left"):
        lenext.export(trained, out=str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk():
    """Call it, and no file may grow beyond 20,000 bytes until the test ends."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_torch_does_not_end_the_process_where_the_disk_is_full(trained, tmp_path):
    code = f"""if True:
        import resource, sys
        from lenext.cli import main
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        main(["export", {str(trained)!r}, "--to", "torch", "--out", {str(tmp_path / "out")!r}])"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "Cannot write" in done.stderr
    assert "File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_known_by_whatever_name(trained, tmp_path, monkeypatch, small_disk):
    import lenext

    def fails(*_):
        raise RuntimeError("basic_ios::clear: iostream error")

    def full(*given):
        small_disk()
        fails(*given)

    monkeypatch.setattr("lenext.exports.graph.save_openvino", fails)
    with pytest.raises(RuntimeError, match="iostream"):
        lenext.export(trained, to="openvino", out=str(tmp_path / "out"))
    monkeypatch.setattr("lenext.exports.graph.save_openvino", full)
    with pytest.raises(Failed, match=r"Cannot write .*out: File too large"):
        lenext.export(trained, to="openvino", out=str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_two_do_not_export_to_one_folder(trained, tmp_path, monkeypatch):
    """While one writes its graph, another is refused and disturbs nothing; what a killed one left is cleared away."""
    import lenext
    from lenext.exports import graph

    (tmp_path / ".unfinished-out" / "small").mkdir(parents=True)
    (tmp_path / ".unfinished-out" / "model.onnx").write_bytes(b"half")
    write, said = graph.write_onnx, []

    def late(*given):
        write(*given)
        monkeypatch.setattr("lenext.exports.graph.write_onnx", write)
        with pytest.raises(Failed) as caught:
            lenext.export(trained, out=str(tmp_path / "out"))
        said.append(caught.value.message)

    monkeypatch.setattr("lenext.exports.graph.write_onnx", late)
    assert lenext.export(trained, out=str(tmp_path / "out"))["parity"][0]["changed_labels"] == 0
    assert said == [f"Another process is exporting to {tmp_path / 'out'}."]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["lenext.json", "model.onnx"]


def test_another_process_may_fill_the_same_cache(trained, tmp_path, monkeypatch):
    """While this one exports, another begins, ends and has given the folder its name."""
    import lenext
    from lenext.api.trained import engine
    from lenext.training.watch import Silent

    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path))
    model, write, nested = lenext.load(trained), engine.write, []

    def late(*given):
        if not nested:
            nested.append(given)
            in_cache(model, "onnx", Silent())
        return write(*given)

    monkeypatch.setattr(engine, "write", late)
    folder = in_cache(model, "onnx", Silent())
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert sorted(path.name for path in folder.iterdir()) == ["lenext.json", "model.onnx"]


def test_a_cache_that_takes_nothing_is_said(refused, trained, photos, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path / "file" / "cache"))
    status, error = refused("predict", trained, photos, "--engine", "onnxruntime")
    assert status == 1
    assert "--engine eager" in error["remedy"]
    assert "LENEXT_CACHE" in error["remedy"]


def test_a_folder_from_a_cache_that_takes_nothing(lenext, photos, exported, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path / "file" / "cache"))
    status, output, said = lenext("predict", exported["openvino"]["out"], photos, "--json")
    assert (status, len(json.loads(output))) == (0, 24)
    assert said.count("\n") == 1
    assert "Nothing can be kept" in said
    assert "$LENEXT_CACHE" in said
    assert lenext("predict", exported["openvino"]["out"], photos, "--quiet")[2] == ""


def test_openvino_alone_is_enough(lenext, trained, photos, exported, tmp_path, monkeypatch):
    """Where ONNX Runtime is not installed, OpenVINO compares what was exported for it, and runs ONNX."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path))
    assert len(answers(lenext, trained, photos, "--engine", "openvino")) == 24
    assert len(answers(lenext, exported["onnx"]["out"], photos)) == 24
    assert lenext("predict", exported["onnx"]["out"], photos, "--engine", "onnxruntime")[0] == 2
