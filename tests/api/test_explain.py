"""``lenext.explain``: maps as arrays on the picture, judged, for networks trained and not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import lenext
from lenext.api.explained.folder import plain_stem
from lenext.api.explained.nearest import trained
from lenext.api.run.pictures import chosen_classes
from lenext.data.folds import with_fold
from lenext.data.item import TEST, Item
from lenext.data.listing import find, fingerprint, part
from lenext.data.statistics import Statistics
from lenext.errors import UsageError
from lenext.evaluation.measure import Examples, measure
from lenext.protocol import Preprocessing, SingleCrop
from lenext.weights.card import Card, save


@pytest.fixture(scope="module")
def corner(tmp_path_factory):
    """A VGG-like weight file whose class "bright" is nothing but brightness, and pictures with one bright corner."""
    folder = tmp_path_factory.mktemp("corner")
    torch.manual_seed(0)
    network = lenext.create_model("resnet20_cifar", num_classes=2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.stem[0].weight[:, :, 1, 1] = 1 / 3
        for name, module in network.named_modules():
            if name.startswith("stem") and isinstance(module, torch.nn.BatchNorm2d):
                module.weight.fill_(1)
        network.get_classifier().weight[1] = 1
    view = SingleCrop(resize=32, crop=32)
    shown = Preprocessing(channels=3, view=view, mean=(0.0,) * 3, std=(1.0,) * 3)
    card = Card(network="resnet20_cifar", reading="paper", classes=("dark", "bright"), preprocessing=shown)
    save(folder / "model.safetensors", network, card, Statistics((0.0,) * 3, (1.0,) * 3))
    pixels = np.zeros((40, 60, 3), dtype=np.uint8)
    pixels[2:12, 40:48] = 255
    Image.fromarray(pixels).save(folder / "upright.png")
    turned = Image.fromarray(pixels).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera that was held upright: turn by 90 degrees clockwise to see it
    turned.save(folder / "turned.jpg", exif=exif, quality=95)
    return folder


@pytest.mark.parametrize("method", ["gradcam", "occlusion"])
@pytest.mark.parametrize("file", ["upright.png", "turned.jpg"])
def test_the_map_lies_where_the_picture_is_bright(corner, method, file):
    (found,) = lenext.explain(corner, corner / file, method=method, target="bright", stage=None)
    assert found["class"] == "bright"
    assert found["heat"].shape == (40, 60)
    assert found["heat"].dtype == np.float32
    assert found["region"] == "upper right"
    y, x = found["peak"]
    assert abs(y - 6.5) <= 4
    assert abs(x - 43.5) <= 6
    assert found["share"] > 0.4
    assert found["hidden"] < found["probability"]
    assert found["map"] is None


def test_no_evidence_is_said(corner, tmp_path):
    Image.new("RGB", (32, 32)).save(tmp_path / "black.png")
    (found,) = lenext.explain(corner, tmp_path / "black.png", target="bright")
    assert found["peak"] is None
    assert found["hidden"] is None
    assert "cold everywhere" in found["why"][0]


def test_one_call_writes_pictures_and_page(corner, tmp_path):
    out = tmp_path / "out"
    found = list(lenext.explain(corner, [corner / "upright.png"], out=str(out), target="bright"))
    with Image.open(found[0]["map"]) as drawn:
        assert drawn.size == (300, 200)  # enlarged by a whole number
    assert "upper right" in (out / "index.html").read_text()
    with pytest.raises(UsageError, match="already holds"):
        lenext.explain(corner, [corner / "upright.png"], out=str(out))


def test_neighbours_come_from_the_images_that_train(corner, tmp_path):
    for label, level in (("dark", 5), ("bright", 250)):
        (tmp_path / label).mkdir()
        for number in range(3):
            Image.new("RGB", (32, 32), (level, level - number, level)).save(tmp_path / label / f"{number}.png")
    (found,) = lenext.explain(corner, corner / "upright.png", neighbours=str(tmp_path), nearest=2, trials=0)
    assert len(found["neighbours"]) == 2
    assert {set(one) == {"path", "class", "distance"} for one in found["neighbours"]} == {True}
    assert found["better_than_random"] is None
    assert found["random"] == {"matched": 0, "trials": 0}


def test_what_a_fold_was_tested_on_is_no_neighbour():
    listing = find("digits")
    listing = replace(listing, items=tuple(Item(item.path, item.label) for item in listing.items))
    shown = Preprocessing(channels=1, view=SingleCrop(resize=8, crop=8), mean=(0.0,), std=(1.0,))
    data = {"fingerprint": fingerprint(listing), "validation": 0.0, "seed": 0, "fold": "1/3", "split": 3}
    card = Card(network="lenet5", reading="paper", classes=listing.classes, preprocessing=shown, data=data)
    tested = set(part(with_fold(listing, "1/3", seed=0), TEST).names)
    assert len(tested) == 599
    assert set(trained(listing, card).names) == {item.path for item in listing.items} - tested


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"method": "gradcams"}, "no method"),
        ({"target": "brigt"}, "does not know a class"),
        ({"stage": "conv9_x"}, "no stage"),
        ({"stage": "conv2_x", "method": "occlusion"}, "of no use"),
        ({"patch": 4}, "belong to occlusion"),
        ({"method": "occlusion", "patch": 99}, "does not lie"),
        ({"method": "activations", "target": "dark"}, "of no use"),
        ({"method": "filters", "neighbours": "digits"}, "no neighbours"),
        ({"trials": -1}, "count from 0"),
        ({"stages": "conv2_x"}, "stages"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_before_the_work(corner, asked, words):
    with pytest.raises(UsageError, match=words) as refused:
        lenext.explain(corner, corner / "upright.png", **asked)
    assert refused.value.remedy


def test_no_image_is_refused(corner):
    with pytest.raises(UsageError, match="No image"):
        lenext.explain(corner, [])
    assert next(lenext.explain(corner, method="filters"))["path"] is None


def test_names_of_files_are_plain():
    assert plain_stem("a/<img src=x>/ü b.c.png") == "_b_c"
    assert plain_stem(None) == "network"


def test_examples_are_the_surest_right_and_wrong_of_each_class():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]], dtype=np.float32)
    labels = np.array([0, 0, 0, 1, 1])
    found = measure(probabilities, labels, names=list("abcde"), classes=["x", "y"], protocol="single", views=1).examples
    assert [(one.name, one.right and one.right.name, one.wrong and one.wrong.name) for one in found] == [
        ("x", "a", "c"),
        ("y", "e", None),
    ]
    assert found[0].wrong.answer == "y"
    assert found[0].wrong.probability == pytest.approx(0.8)


def test_of_many_classes_those_that_are_hardest_are_shown():
    examples = tuple(Examples(name=str(number), right=None, wrong=None) for number in range(20))
    hardest = ["7", "3", "class without an image", *map(str, range(8, 20))]
    assert [one.name for one in chosen_classes(examples, hardest)] == ["7", "3", "8", "9", "10", "11", "12", "13"]
    assert chosen_classes(examples[:5], []) == list(examples[:5])
