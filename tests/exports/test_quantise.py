"""Eight bits: what stays in full precision, and that the extremes of what was seen are kept."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from lenext.data.statistics import Statistics
from lenext.engines.openvino import OpenVino, runtime
from lenext.exports.graph import Deployed, program, write_onnx, write_openvino
from lenext.exports.quantise import products, quantise
from lenext.layers.squeeze_excite import SqueezeExcite

SHAPE = (16, 16, 3)


@pytest.fixture
def exported(tmp_path):
    """A small network with squeeze and excitation, and pictures one of which is far brighter than the others."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.SiLU(), SqueezeExcite(8, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    )
    write_onnx(program(Deployed(network, Statistics((0.5,) * 3, (0.25,) * 3), 0.05, SHAPE), SHAPE), tmp_path)
    write_openvino(tmp_path / "model.onnx", tmp_path)
    pictures = np.random.default_rng(0).integers(0, 90, (24, *SHAPE), np.uint8)
    pictures[0] = 255 - pictures[0] // 4
    return tmp_path, pictures.transpose(0, 3, 1, 2)


def test_products_of_two_maps_are_found_and_the_normalisation_is_not(exported):
    model = runtime().Core().read_model(str(exported[0] / "model.xml"))
    multiplications = [node for node in model.get_ops() if node.get_type_name() == "Multiply"]
    assert len(products(model)) == 2  # SiLU and excitation
    assert len(multiplications) > 2


def test_the_brightest_picture_is_answered_as_before(exported):
    folder, pictures = exported
    before = OpenVino(folder / "model.xml").predict(pictures)
    quantise(folder, "openvino", pictures)
    after = OpenVino(folder / "model.xml").predict(pictures)
    assert np.abs(after - before).max() > 0, "nothing was quantised"
    assert np.abs(after - before)[0].max() < 0.01  # 0.03 where the ranges are means over pictures
    assert (after.argmax(1) == before.argmax(1)).mean() > 0.9


REPORTING = """
import openvino, openvino_telemetry
from pathlib import Path
from lenext.exports.quantise import by_nncf
try:
    by_nncf(Path("nowhere"), [])
except RuntimeError:
    from nncf.telemetry.wrapper import telemetry
    print(type(telemetry).__name__)
"""


def test_nothing_is_reported_where_the_caller_loaded_the_reporter():
    """In a process of its own: NNCF is silent where it sees pytest."""
    done = subprocess.run([sys.executable, "-c", REPORTING], capture_output=True, text=True, check=False)
    assert done.stdout.split()[-1:] == ["MagicMock"], done.stderr
