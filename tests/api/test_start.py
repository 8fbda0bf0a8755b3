"""``--weights``: a run that starts from another, what is taken, what is drawn, and what card and folder say of it."""

import json

import pytest
import safetensors.torch
from PIL import Image

import lenext
from lenext.api.run.folder import RunFolder
from lenext.errors import LenextError, UsageError, WeightFileError
from lenext.recipes import Inherit
from lenext.training.practical import practical
from lenext.values import encode
from lenext.weights.card import load

ASKED = {"epochs": 1, "batch_size": 8, "image_size": 8, "workers": 0}


DAY_AND_NIGHT = {"day": (200, 220, 250), "night": (20, 20, 60)}


def draw(folder, colours, count=6):
    """A class folder for each colour with so many pictures of it."""
    for label, colour in colours.items():
        (folder / label).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (8, 8), tuple(min(255, part + number) for part in colour)).save(
                folder / label / f"{number}.png"
            )
    return folder


class Told:
    """A watcher that keeps what it is told."""

    def __init__(self):
        self.said = []

    def message(self, text):
        self.said.append(text)

    def __getattr__(self, name):
        return lambda *_: None


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("data") / "photos", DAY_AND_NIGHT)


@pytest.fixture(scope="module")
def first(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("first") / "run"
    lenext.train(photos, model="resnet20_cifar", out=out, **ASKED)
    return out


def frozen(out, **asked):
    """A run whose steps change nothing but the statistics: its weights are those that it started with."""
    told = Told()
    lenext.train(out=out, settings=("optimizer.lr=0",), watcher=told, **{**ASKED, **asked})
    return load(out), "\n".join(told.said)


def equal(one, other):
    theirs = dict(other.network.named_parameters())
    return {name for name, tensor in one.network.named_parameters() if tensor.equal(theirs[name])}


def test_all_weights_of_the_same_network(photos, first, tmp_path):
    model, said = frozen(tmp_path / "run", data=photos, model="resnet20_cifar", weights=first, seed=9)
    before = load(first)
    assert equal(model, before) == set(dict(before.network.named_parameters()))
    assert "Starts from the weights of resnet20_cifar." in said
    assert model.card.start["weights"] == str(first)
    assert model.card.start["sha256"] == before.card.sha256
    assert "started from resnet20_cifar, whose licence is: that of the training data's owner" in model.card.licence
    started, _ = RunFolder(tmp_path / "run").read()
    assert started["start"] == model.card.start


def test_other_classes_have_a_new_head(first, tmp_path):
    data = draw(tmp_path / "data", {"red": (200, 0, 0), "green": (0, 200, 0), "blue": (0, 0, 200)}, count=4)
    model, said = frozen(tmp_path / "run", data=data, model="resnet20_cifar", weights=first / "model.safetensors")
    kept = {name for name, _ in model.network.named_parameters() if not name.startswith("head.fc")}
    assert {
        name for name in kept if model.network.state_dict()[name].equal(load(first).network.state_dict()[name])
    } == kept
    assert model.card.start["drawn"] == ["head.fc"]
    assert "drawn anew, for these classes: head.fc" in said


@pytest.fixture
def heir(tmp_path):
    """A recipe that inherits a stage, as VGG's inherits layers of the smallest network."""
    recipe = {
        **encode(practical(8)),
        "inherit": encode(Inherit(network="resnet20_cifar", layers=("conv2_1", "conv4_3"))),
    }
    (tmp_path / "heir.json").write_text(json.dumps(recipe))
    return {"model": "plain20_cifar", "recipe": str(tmp_path / "heir.json"), "image_size": None}


def test_layers_that_the_recipe_names(photos, first, tmp_path, heir):
    model, said = frozen(tmp_path / "run", data=photos, weights=first, **heir)
    same = equal(model, load(first))
    convolutions = {name for name in same if "conv" in name.rsplit(".", 2)[-2]}
    assert convolutions == {name for name, tensor in model.network.named_parameters()
                            if tensor.dim() == 4 and (".conv2_1." in name or ".conv4_3." in name)}  # fmt: skip
    assert model.card.start["copied"] == ["stages.conv2_x.conv2_1", "stages.conv4_x.conv4_3"]
    assert "Starts from resnet20_cifar in stages.conv2_x.conv2_1" in said


def test_without_weights_it_says_that_they_are_drawn(photos, tmp_path, heir):
    model, said = frozen(tmp_path / "run", data=photos, **heir)
    assert "conv2_1, conv4_3 are drawn; the recipe takes them from resnet20_cifar (see --weights)" in said
    assert model.card.start is None
    assert "random numbers" in model.card.licence


def test_a_run_names_its_network_itself(photos, first, tmp_path):
    model, said = frozen(tmp_path / "run", data=photos, weights=first)
    assert model.card.network == "resnet20_cifar"
    assert "resnet20_cifar is trained: the network of the weights" in said
    with pytest.raises(UsageError, match="No network was named"):
        lenext.train(photos, out=tmp_path / "other", weights="timm:a1_in1k")


def test_what_a_few_steps_can_teach_is_said(photos, first, tmp_path):
    _, said = frozen(tmp_path / "drawn", data=photos, model="resnet20_cifar")
    assert "2 steps from random weights teach little" in said
    assert said.count("-> 1 epoch") == 1
    assert "  epochs: " not in said, "the rule says it"
    _, said = frozen(tmp_path / "weights", data=photos, model="resnet20_cifar", weights=first)
    assert "teach little" not in said


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"model": "plain20_cifar"}, UsageError, "those of resnet20_cifar"),
        ({"weights": "gone/run"}, UsageError, "gone/run"),
        ({"weights": "imagenet"}, UsageError, "No weights are published for resnet20_cifar"),
        ({"weights": __file__}, WeightFileError, "test_start.py"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_written(photos, first, tmp_path, asked, error, message):
    with pytest.raises(LenextError, match=message) as refused:
        lenext.train(photos, out=tmp_path / "run", **{"model": "resnet20_cifar", "weights": first, **ASKED, **asked})
    assert isinstance(refused.value, error)
    assert refused.value.remedy
    assert not (tmp_path / "run").exists()


class TestResume:
    @pytest.fixture
    def stopped(self, photos, first, tmp_path):
        """A run that was killed before its first checkpoint, and the weights that it began with."""
        source = tmp_path / "source.safetensors"
        source.write_bytes((first / "model.safetensors").read_bytes())
        out = tmp_path / "run"
        frozen(out, data=photos, model="resnet20_cifar", weights=source)
        for path in sorted((out / "checkpoints").rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        (out / "metrics.jsonl").unlink()
        return out, source

    def test_it_begins_with_the_same_weights_again(self, first, stopped):
        lenext.train(out=stopped[0], resume=True)
        assert len(equal(load(stopped[0]), load(first))) == len(list(load(first).network.parameters()))

    def test_other_weights_are_noticed(self, photos, stopped, tmp_path):
        lenext.train(photos, model="resnet20_cifar", out=tmp_path / "other", **{**ASKED, "seed": 1})
        stopped[1].write_bytes((tmp_path / "other" / "model.safetensors").read_bytes())
        with pytest.raises(UsageError, match="are others than when the run was started"):
            lenext.train(out=stopped[0], resume=True)

    def test_another_word_is_another_run(self, first, stopped):
        with pytest.raises(UsageError, match="started with weights"):
            lenext.train(out=stopped[0], resume=True, weights=first)
        with pytest.raises(UsageError, match="started with micro_batch None, not 4"):
            lenext.train(out=stopped[0], resume=True, micro_batch=4)


def test_a_checkpoint_needs_the_weights_no_more(photos, first, tmp_path):
    source = tmp_path / "source.safetensors"
    source.write_bytes((first / "model.safetensors").read_bytes())
    frozen(tmp_path / "run", data=photos, model="resnet20_cifar", weights=source)
    source.unlink()
    document = lenext.train(out=tmp_path / "run", resume=True)
    assert document["epochs"] == 1
    tensors = safetensors.torch.load_file(tmp_path / "run" / "model.safetensors")
    assert tensors["head.fc.weight"].equal(load(first).network.state_dict()["head.fc.weight"])
