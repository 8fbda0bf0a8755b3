"""OpenVINO answers alike however many images go through together, and "auto" tries several numbers of them."""

import weakref

import numpy as np
import pytest
import torch
from torch import nn

from lenext.data.statistics import Statistics
from lenext.engines.opening import in_pieces, open_graph
from lenext.exports.graph import Deployed, program, write_onnx


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small network as ONNX."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    folder, shape = tmp_path_factory.mktemp("graph"), (6, 8, 3)
    write_onnx(program(Deployed(network, Statistics((0.5,) * 3, (0.1,) * 3), 1.0, shape), shape), folder)
    return folder


@pytest.mark.parametrize("threads", ["1", "2"])
def test_every_piece_gives_the_same_answers_in_order(folder, threads, monkeypatch, tmp_path):
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 6, 8, 3), np.uint8).transpose(0, 3, 1, 2)
    expected = open_graph(folder, "onnx", "onnxruntime").predict(pixels)
    assert np.ptp(expected, axis=0).max() > 0.01  # pictures differ, so that their order shows
    for piece in (1, 4, 9):
        engine = open_graph(folder, "onnx", "openvino", batch=9, piece=piece)
        for few in (9, 3, 9):
            np.testing.assert_allclose(engine.predict(pixels[:few]), expected[:few], atol=1e-5)


def test_what_auto_tries(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert in_pieces(["eager", "openvino"], 1) == {"eager": ("eager", 1), "openvino": ("openvino", 1)}
    assert [in_pieces(["openvino"], batch) for batch in (2, 6, 32)] == [
        {f"openvino:{piece}" if piece > 1 else "openvino": ("openvino", piece) for piece in pieces}
        for pieces in ((1, 2), (1, 3, 6), (1, 4, 16, 32))
    ]


@pytest.mark.parametrize("piece", [1, 4])
def test_an_engine_that_nobody_holds_is_gone(folder, piece, monkeypatch, tmp_path):
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path))
    engine = open_graph(folder, "onnx", "openvino", batch=8, piece=piece)
    engine.predict(np.zeros((8, 3, 6, 8), np.uint8))
    gone = weakref.ref(engine)
    del engine
    assert gone() is None
