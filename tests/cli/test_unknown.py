"""Calibrated answers, `unknown`, and pictures that a network should not know, as commands."""

import json

import numpy as np
import pytest
from PIL import Image

from lenext.cli import main
from lenext.weights.card import load


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """A LeNet-5 that reads digits badly, with enough validation images to know it."""
    out = tmp_path_factory.mktemp("reader") / "run"
    words = ["train", "digits", "--model", "lenet5", "--epochs", "10", "--validation", "0.3", "--error-target", "0.3"]
    with pytest.raises(SystemExit) as left:
        main([*words, "--out", str(out), "--quiet"])
    assert left.value.code == 0
    return out


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    """Pictures that are no digits."""
    folder = tmp_path_factory.mktemp("stripes")
    for number in range(12):
        (folder / "ab"[number % 2]).mkdir(exist_ok=True)
        pixels = np.where(np.arange(32)[:, None] // (number + 1) % 2, 255, 0) * np.ones((32, 32))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "ab"[number % 2] / f"{number:02}.png")
    return folder


def test_the_weight_file_holds_it_and_evaluate_measures_with_it(lenext, reader):
    model = load(reader)
    assert model.card.calibration.target == 0.3
    assert model.familiar.whitening.shape == (model.card.calibration.novelty.features,) * 2
    status, output, _ = lenext("evaluate", reader, "digits", "--json")
    found = json.loads(output)
    assert status == 0
    assert found["loss"] == pytest.approx(model.card.metrics["test"]["loss"])
    assert found["top1"] == model.card.metrics["test"]["top1"]
    assert found["calibration"]["temperature"] == model.card.calibration.temperature
    assert found["calibration"]["ece"]["after"] == pytest.approx(model.card.calibration.measured["ece"]["after"])
    assert found["calibration"]["nll"]["after"] < found["calibration"]["nll"]["before"]
    assert found["unknown"]["target"] == 0.3
    assert set(found["unknown"]["coverage"]) == {"value", "low", "high"}
    assert "against" not in found


def test_an_ensemble_and_other_protocols_are_not_calibrated(lenext, refused, reader):
    status, output, _ = lenext("evaluate", reader, reader, "digits", "--json")
    assert (status, json.loads(output)["calibration"]) == (0, None)
    status, error = refused("evaluate", reader, reader, "digits", "--unknown", "0.3")
    assert (status, "one network" in error["message"]) == (2, True)


def test_other_pictures_are_found_to_be_others(lenext, reader, stripes):
    status, output, _ = lenext("evaluate", reader, "digits", "--against", stripes, "--json")
    found = json.loads(output)["against"]
    assert (status, found["images"]) == (0, 12)
    assert found["unknown"]["value"] > 0.9
    assert found["novelty"]["auroc"]["value"] > 0.9
    assert 0 <= found["novelty"]["fpr95"]["low"] <= found["novelty"]["fpr95"]["high"] <= 1
    status, output, _ = lenext("evaluate", reader, "digits", "--against", stripes)
    assert (status, "answered unknown" in output, "AUROC" in output) == (0, True, True)


def test_predict_may_be_silent(lenext, reader, stripes, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"")
    status, output, _ = lenext("predict", reader, stripes, tmp_path / "broken.png", "--unknown", "0.3", "--json")
    answers = json.loads(output)
    assert status == 0
    assert [answer["answer"] for answer in answers].count("unknown") > 10
    assert answers[-1]["error"]["kind"] == "empty"
    assert (answers[-1]["answer"], answers[-1]["doubt"]) == (None, None)
    assert len(answers[0]["predictions"]) == 5
    assert answers[0]["doubt"]["reasons"]
    plain = json.loads(lenext("predict", reader, stripes, "--json")[1])
    assert [answer["predictions"] for answer in plain] == [answer["predictions"] for answer in answers[:-1]]
    assert "answer" not in plain[0]
    assert "\tunknown\t" in lenext("predict", reader, stripes, "--unknown", "0.3")[1]


def test_what_cannot_be_promised_is_refused(refused, reader, stripes):
    status, error = refused("predict", reader, stripes, "--unknown", "0.0001")
    assert (status, "cannot be promised" in error["message"]) == (1, True)
    assert refused("predict", reader, stripes, "--unknown", "1.5")[0] == 2
    assert refused("train", "digits", "--model", "lenet5", "--error-target", "0")[0] == 2


def test_a_network_that_was_never_calibrated_says_so(lenext, refused, trained, photos, stripes):
    status, error = refused("predict", trained, photos, "--unknown", "0.05")
    assert (status, "never was" in error["message"]) == (2, True)
    assert refused("evaluate", trained, photos, "--against", stripes)[0] == 2
    found = json.loads(lenext("evaluate", trained, photos, "--json")[1])
    assert (found["calibration"], found["unknown"]) == (None, None)
    assert "only 2 validation images" in (trained / "report.html").read_text()
