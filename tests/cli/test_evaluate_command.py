"""``lenext evaluate``: every image once, classes matched by name."""

import json
import shutil

import pytest
from daylight import COLOURS, draw


def document(lenext, *words):
    status, output, _ = lenext("evaluate", *words, "--json")
    assert status == 0
    return json.loads(output)


def test_the_document(lenext, trained, tmp_path):
    found = document(lenext, trained, draw(tmp_path / "other", COLOURS, count=5))
    assert (found["images"], found["protocol"], found["views"], found["unreadable"]) == (10, "single", 1, [])
    assert found["top1"]["value"] == 1.0
    assert found["top1"]["low"] < 0.8
    assert found["confusion"] == [[5, 0], [0, 5]]
    assert [row["class"] for row in found["per_class"]] == ["day", "night"]


def test_classes_are_matched_by_name_never_by_place(lenext, trained, tmp_path):
    shutil.copytree(draw(tmp_path / "whole", COLOURS, count=2), tmp_path / "data")
    (tmp_path / "data.csv").write_text(
        "path,label\ndata/night/00.png,night\ndata/night/01.png,night\ndata/day/00.png,day\n"
    )
    assert document(lenext, trained, tmp_path / "data.csv")["top1"]["value"] == 1.0


def test_unreadable_files_are_counted_and_named_never_replaced(lenext, trained, tmp_path):
    folder = draw(tmp_path / "other", COLOURS, count=3)
    (folder / "day" / "00.png").write_bytes(b"")
    found = document(lenext, trained, folder)
    assert found["images"] == 5
    assert [(row["path"], row["kind"]) for row in found["unreadable"]] == [("day/00.png", "empty")]


def test_the_data_of_the_run_are_measured_where_they_did_not_train(lenext, trained, photos):
    assert document(lenext, trained, photos)["images"] == 2
    assert document(lenext, trained, photos, "--split", "all")["images"] == 24


def test_words_for_a_person(lenext, trained, photos):
    status, output, said = lenext("evaluate", trained / "model.safetensors", photos)
    assert status == 0
    assert "95 % interval" in output
    assert "2 images" in said


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        (lambda run: run / "nothing", 2, "no model at"),
        (lambda run: (run / "model.safetensors").unlink() or run, 4, "not a finished run"),
        (lambda run: (run / "model.safetensors").write_bytes(b"rubbish") and run, 4, "not a weight file"),
    ],
)
def test_models_that_are_none(refused, trained, photos, tmp_path, change, status, message):
    shutil.copytree(trained, tmp_path / "run")
    found, error = refused("evaluate", change(tmp_path / "run"), photos)
    assert found == status
    assert message in error["message"]


def test_a_folder_that_is_no_run(refused, photos):
    assert refused("evaluate", photos, photos)[0] == 4


def test_unknown_classes_protocols_and_splits(refused, trained, photos, tmp_path):
    dusk = draw(tmp_path / "dusk", {"day": (200,) * 3, "dusk": (90,) * 3}, count=2)
    status, error = refused("evaluate", trained, dusk)
    assert (status, "'dusk'" in error["message"]) == (3, True)
    assert refused("evaluate", trained, photos, "--protocol", "dense")[0] == 2
    assert refused("evaluate", trained, photos, "--split", "test")[0] == 2


def test_one_class_can_be_measured(lenext, trained, tmp_path):
    found = document(lenext, trained, draw(tmp_path / "nights", {"night": COLOURS["night"]}, count=3))
    assert (found["images"], found["top1"]["value"], found["split"]) == (3, 1.0, "all of them")


def test_the_splits_of_the_run_itself_can_be_named(lenext, trained, photos):
    assert document(lenext, trained, photos, "--split", "val")["images"] == 2
    assert document(lenext, trained, photos, "--split", "train")["images"] == 22


def test_several_models_are_an_ensemble(lenext, trained, photos, tmp_path):
    alone = document(lenext, trained, photos, "--split", "all")
    found = document(lenext, trained, trained / "model.safetensors", photos, "--split", "all")
    assert found["models"] == [str(trained), str(trained / "model.safetensors")]
    assert found["views"] == 2
    assert found["loss"] == pytest.approx(alone["loss"])
    assert found["top1"] == alone["top1"]
    assert found["cost"]["macs_per_image"] == 2 * alone["cost"]["macs_per_image"] > 300_000


def test_an_ensemble_of_other_classes_is_refused(lenext, refused, trained, photos, tmp_path):
    dusk, out = draw(tmp_path / "dusk", {"day": (200,) * 3, "dusk": (90,) * 3}, count=4), tmp_path / "run"
    assert lenext("train", dusk, "--model", "lenet5", "--epochs", "1", "--out", out)[0] == 0
    status, error = refused("evaluate", trained, out, photos)
    assert status == 3
    assert "'dusk', 'night'" in error["message"]


def test_another_papers_protocol_is_scaled_and_it_is_said(lenext, trained, photos):
    found = document(lenext, trained, photos, "--split", "all", "--protocol", "googlenet-144-crop")
    assert (found["protocol"], found["views"], found["images"]) == ("googlenet-144-crop", 144, 24)
    assert "32/224" in found["scaled"]
    assert found["shown"][0]["scales"] == [37, 41, 46, 50]
    single = document(lenext, trained, photos, "--split", "all")
    assert (single["scaled"], single["shown"][0]["kind"]) == (None, "SingleCrop")
    assert found["cost"]["macs_per_image"] == 144 * single["cost"]["macs_per_image"]
    status, output, _ = lenext("evaluate", trained, photos, "--protocol", "vgg-dense")
    assert status == 0
    assert "2 views an image" in output
    assert "multiply-adds an image" in output
    assert "32/224 of the paper's" in output


def test_an_unknown_protocol_is_answered_with_near_ones(refused, trained, photos):
    status, error = refused("evaluate", trained, photos, "--protocol", "vgg-dens")
    assert (status, "vgg-dense" in error["remedy"]) == (2, True)
