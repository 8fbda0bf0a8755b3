"""What OpenVINO compiled is kept, found again without the graph, and made anew where it is damaged."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from lenext.data.statistics import Statistics
from lenext.engines.artefact import FILE, Artefact, digest
from lenext.engines.opening import open_graph
from lenext.errors import WeightFileError
from lenext.exports.graph import Deployed, program, write_onnx
from lenext.protocol import Preprocessing, SingleCrop

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 6, 8, 3), np.uint8).transpose(0, 3, 1, 2)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A small network as ONNX, with something that its folder says of it."""
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    folder, shape = tmp_path / "graph", (6, 8, 3)
    folder.mkdir()
    write_onnx(program(Deployed(network, Statistics((0.5,) * 3, (0.1,) * 3), 1.0, shape), shape), folder)
    describe(folder)
    return folder


def describe(folder, temperature=1.0):
    """What the folder says of itself."""
    seen = Preprocessing(channels=3, view=SingleCrop(resize=8, crop=6), mean=(0.5,) * 3, std=(0.1,) * 3)
    files = {"model.onnx": digest(folder / "model.onnx")}
    told = Artefact(
        format="onnx",
        precision="fp32",
        files=files,
        classes=tuple("abcde"),
        preprocessing=seen,
        temperature=temperature,
    )
    (folder / FILE).write_bytes(told.text())


def answers(folder, **how):
    return open_graph(folder, "onnx", "openvino", batch=5, **how).predict(PIXELS)


def kept(folder):
    return list((folder.parent / "cache" / "openvino").glob("*"))


def test_it_is_found_without_the_graph(folder):
    expected = answers(folder)
    (folder / "model.onnx").unlink()
    np.testing.assert_array_equal(answers(folder), expected)


def flipped(data):
    """Bits among the weights."""
    return data[:300] + bytes(byte ^ 64 for byte in data[300:320]) + data[320:]


DAMAGES = [
    lambda _: b"",
    lambda _: b"short",
    lambda data: data[: len(data) // 2],
    lambda data: bytes(len(data)),
    flipped,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_is_made_anew(folder, damage):
    expected = answers(folder)
    (file,) = kept(folder)
    whole = file.read_bytes()
    damaged = damage(whole)
    file.write_bytes(damaged)
    np.testing.assert_array_equal(answers(folder), expected)
    assert [one.read_bytes()[:8] for one in kept(folder)] == [whole[:8]]
    assert file.read_bytes() != damaged


def test_other_files_and_other_pieces_are_kept_apart(folder):
    answers(folder)
    answers(folder, piece=4)
    describe(folder, temperature=2.0)
    answers(folder)
    assert len(kept(folder)) == 3


@pytest.mark.parametrize("other", ["version", "processor"])
def test_another_version_or_processor_compiles_for_itself(folder, monkeypatch, other):
    answers(folder)
    if other == "version":
        monkeypatch.setattr("openvino.__version__", "2026.0.0")
    else:
        monkeypatch.setattr("lenext.engines.openvino.capabilities", lambda: ["FP32"])
    answers(folder)
    assert len(kept(folder)) == 2


def test_what_was_compiled_long_ago_makes_room(folder, monkeypatch):
    monkeypatch.setenv("LENEXT_CACHE_GIB", "0")
    answers(folder)
    (first,) = kept(folder)
    os.utime(first, (0, 0))
    answers(folder)
    assert first.stat().st_mtime > 0
    os.utime(first, (0, 0))
    answers(folder, piece=4)
    assert first not in kept(folder)
    assert len(kept(folder)) == 1


def test_a_damaged_graph_is_not_kept_in_the_place_of_the_whole_one(folder):
    told = (folder / FILE).read_text()
    (folder / FILE).write_text(told.replace(digest(folder / "model.onnx"), 64 * "0"))
    with pytest.raises(WeightFileError, match="not what was written"):
        answers(folder)
    assert kept(folder) == []


def test_a_graph_of_which_nothing_is_said_is_not_kept(folder):
    (folder / FILE).unlink()
    answers(folder)
    assert kept(folder) == []


ENDING = """
import faulthandler, signal, sys
from pathlib import Path
from lenext.engines.opening import open_graph
faulthandler.enable()
for piece in (1, 4, 9):
    engine = open_graph(Path(sys.argv[1]), "onnx", "openvino", batch=9, piece=piece)
del engine
signal.signal(signal.SIGINT, lambda *_: print("heard"))
signal.raise_signal(signal.SIGINT)
"""


def test_a_signal_is_heard_after_engines_that_ended_out_of_turn(folder):
    done = subprocess.run([sys.executable, "-c", ENDING, folder], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr
