"""``lenext compare``: two networks on the same images, and whether the difference is chance."""

import json
import shutil

import pytest
from daylight import COLOURS, draw

import lenext as public
from lenext.cli import main


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    """Two seeds of one recipe on digits."""
    runs = [tmp_path_factory.mktemp("seeds") / f"seed{seed}" for seed in (0, 1)]
    for seed, run in enumerate(runs):
        words = ["train", "digits", "--model", "lenet5", "--epochs", "6", "--batch-size", "16"]
        with pytest.raises(SystemExit) as left:
            main([*words, "--seed", str(seed), "--out", str(run)])
        assert left.value.code == 0
    return runs


def document(lenext, *words):
    status, output, _ = lenext("compare", *words, "--json")
    assert status == 0
    return json.loads(output)


def test_two_seeds_of_one_recipe_are_no_different(lenext, seeds):
    found = document(lenext, *seeds, "--data", "digits")
    assert found["better"] is None
    assert found["verdict"].startswith("No difference found")
    assert (found["images"], found["split"]) == (359, "the test split")
    assert found["mcnemar"]["p"] >= 0.05
    assert len(found["changed"]) == found["mcnemar"]["only_a"] + found["mcnemar"]["only_b"]
    assert found["difference"]["low"] <= 0 <= found["difference"]["high"]
    for side, run in zip("ab", seeds, strict=True):
        status, output, _ = lenext("evaluate", run, "digits", "--json")
        assert status == 0
        assert json.loads(output)["top1"] == found["top1"][side]


def test_a_network_is_not_better_than_itself(lenext, trained, photos):
    found = document(lenext, trained, trained, "--data", photos, "--split", "all")
    assert (found["mcnemar"]["p"], found["changed"], found["better"]) == (1.0, [], None)


def test_a_worse_network_is_found_out_and_so_are_its_images(lenext, trained, tmp_path):
    """The same pictures with their classes the other way round teach a network to be wrong."""
    folder = draw(tmp_path / "photos", COLOURS)
    swapped = tmp_path / "swapped"
    for name, other in (("day", "night"), ("night", "day")):
        shutil.copytree(folder / name, swapped / other)
    words = ["--model", "lenet5", "--epochs", "12", "--batch-size", "4", "--out", tmp_path / "b"]
    assert lenext("train", swapped, *words)[0] == 0
    others = draw(tmp_path / "others", COLOURS, count=6)
    found = document(lenext, trained, tmp_path / "b", "--data", others)
    assert found["better"] == "a"
    assert found["difference"]["value"] == 1.0
    assert {(row["truth"], row["a"], row["b"]) for row in found["changed"]} == {
        ("day", "day", "night"),
        ("night", "night", "day"),
    }
    status, output, said = lenext("compare", tmp_path / "b", trained, "--data", others)
    assert status == 0
    assert output.startswith("B is better by 100.00 points")
    assert "day/00.png: day; A says night, B day" in output
    assert "Comparing on 12 images" in said


def test_unreadable_files_are_left_out_for_both(lenext, trained, tmp_path):
    folder = draw(tmp_path / "other", COLOURS, count=3)
    (folder / "day" / "00.png").write_bytes(b"")
    found = document(lenext, trained, trained, "--data", folder)
    assert found["images"] == 5
    assert [(row["path"], row["kind"]) for row in found["unreadable"]] == [("day/00.png", "empty")]


def test_protocols_are_scaled_for_both_and_it_is_said(lenext, trained, photos):
    found = document(lenext, trained, trained, "--data", photos, "--protocol", "alexnet-ten-crop")
    assert found["protocol"] == "alexnet-ten-crop"
    assert all("of the paper's" in said for said in found["scaled"])
    status, output, _ = lenext("compare", trained, trained, "--data", photos, "--protocol", "alexnet-ten-crop")
    assert status == 0
    assert "of the paper's" in output


def test_from_python(trained, photos):
    found = public.compare(trained, trained, photos, split="all")
    assert (found["images"], found["better"]) == (24, None)


def test_what_is_refused(refused, trained, photos, seeds, tmp_path):
    assert refused("compare", trained, photos, "--data", photos)[0] == 4
    assert refused("compare", trained, tmp_path / "none", "--data", photos)[0] == 2
    assert refused("compare", trained, trained)[0] == 2
    assert refused("compare", trained, trained, "--data", photos, "--protocol", "x")[0] == 2
    status, error = refused("compare", trained, seeds[0], "--data", photos)
    assert (status, "'day', 'night'" in error["message"]) == (3, True)
