"""Runs from trained weights: a head fitted on frozen features, then steps; what is kept, frozen, divided, resumed."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression

import lenext
from lenext.api.options import TrainOptions
from lenext.api.run.folds import SUMMARY
from lenext.api.run.job import decide
from lenext.api.run.transfer import sees_any_size
from lenext.data.folds import divided
from lenext.data.item import TEST, TRAIN
from lenext.data.listing import find, part
from lenext.data.loader import Loader
from lenext.data.scan import scan
from lenext.errors import UsageError
from lenext.protocol import SingleCrop
from lenext.recipes import ChannelMean, Transfer
from lenext.training.linear import compact
from lenext.training.log import read_log
from lenext.training.watch import Silent
from lenext.values import encode
from lenext.weights.adapters import export_state
from lenext.weights.card import load

SMALL = {"workers": 0, "threads": 1}
COLOURS = {"brick": (180, 90, 70), "grass": (80, 150, 60), "water": (60, 90, 170)}


def draw(folder, colours, count=12):
    """A class folder a colour, of grainy pictures."""
    numbers = np.random.default_rng(0)
    for label, colour in colours.items():
        (folder / label).mkdir(parents=True)
        for index in range(count):
            noise = numbers.integers(-60, 60, (20, 18, 3))
            Image.fromarray(np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)).save(
                folder / label / f"{index:02}.png"
            )
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("data") / "photos", COLOURS)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A network that was trained on other classes, with constants of its input that no recipe of ours has."""
    folder = tmp_path_factory.mktemp("first")
    data = draw(folder / "data", {"day": (200, 220, 250), "night": (20, 20, 60)}, count=6)
    normalise = 'normalise={"kind": "FixedChannels", "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.4]}'
    asked = {"epochs": 1, "batch_size": 4, "image_size": 16, "settings": (normalise,)}
    lenext.train(data, model="resnet20_cifar", out=folder / "run", **asked, **SMALL)
    return folder / "run"


def transfer(photos, first, out, **asked):
    return lenext.train(photos, model="resnet20_cifar", weights=first, out=out, **{**SMALL, **asked})


def parameters(run):
    return dict(load(run).network.named_parameters())


@pytest.fixture(scope="module")
def transferred(photos, first, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run"
    return out, transfer(photos, first, out, epochs=2)


class TestRecipe:
    def test_it_is_ours_for_transfer(self, transferred):
        assert transferred[1]["recipe"]["name"] == "transfer"
        assert transferred[1]["recipe"]["transfer"]["freeze"] == "lower"
        assert transferred[1]["epochs"] == 2

    def test_the_input_of_the_weights_is_kept(self, transferred, first):
        before, after = (load(path).card.preprocessing for path in (first, transferred[0]))
        assert (after.mean, after.std, after.channels) == (before.mean, before.std, before.channels)
        assert (after.view.crop, after.view.interpolation) == (before.view.crop, before.view.interpolation)

    def test_the_head_comes_first_and_is_an_epoch_of_its_own(self, transferred):
        rows = read_log(transferred[0] / "metrics.jsonl")
        assert [row["epoch"] for row in rows] == [0, 1, 2]
        assert rows[0]["step"] == 0
        assert rows[0]["train_top1"] > 0.6

    def test_statistics_stay_and_weights_move(self, transferred, first):
        before, after = (load(path).network.state_dict() for path in (first, transferred[0]))
        kept = [name for name in before if "running" in name]
        assert kept
        assert all(before[name].equal(after[name]) for name in kept)

    def test_the_same_classes_keep_their_head(self, first, tmp_path):
        lenext.train(first.parent / "data", model="resnet20_cifar", weights=first, out=tmp_path / "run",
                     epochs=1, settings=("optimizer.lr=0",), **SMALL)  # fmt: skip
        assert all(value.equal(parameters(first)[name]) for name, value in parameters(tmp_path / "run").items())
        assert [row["epoch"] for row in read_log(tmp_path / "run" / "metrics.jsonl")] == [1]


class Counted(Silent):
    """Remembers the totals of what was counted to its end, and all messages."""

    def __init__(self):
        self.totals, self.messages = [], []

    def scan(self, done, total):
        self.totals += [total] if done == total else []

    def message(self, text):
        self.messages.append(text)


def test_few_images_end_with_the_head(photos, first, tmp_path):
    counted = Counted()
    document = transfer(photos, first, tmp_path / "run", watcher=counted)
    assert counted.totals == [36, 33, 3], "read, made features of, measured"
    assert (document["epochs"], document["steps"]) == (0, 0)
    kept = document["recipe"]["transfer"]
    assert (kept["freeze"], kept["classifier"]) == ("all", "discriminant")
    assert any("fewer than 500 images" in rule for rule in document["rules"])
    card = (tmp_path / "run" / "README.md").read_text(encoding="utf-8")
    assert "Starting weights: resnet20" in card
    assert "trained from scratch" not in card
    assert "chose the best epoch" not in card, "there was one only"
    assert "Learning curves" not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_only_a_head_that_takes_a_mean_sees_several_scales():
    assert sees_any_size("resnet18")
    assert not sees_any_size("alexnet")


def test_frozen_stages_stay(photos, first, tmp_path):
    transfer(photos, first, tmp_path / "run", epochs=1, freeze="conv3_x", validation=0.0)
    before, after = parameters(first), parameters(tmp_path / "run")
    moved = {name for name in after if "head" not in name and not after[name].equal(before[name])}
    assert moved
    assert all(name.startswith("stages.conv4_x") for name in moved)


@pytest.fixture(scope="module")
def featured(photos, first, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "run"
    settings = (
        "transfer.views=1",
        "transfer.scales=[]",
        "transfer.strengths=[10.0]",
        "transfer.classifier=logistic",
    )
    return out, transfer(photos, first, out, features_only=True, settings=settings)


class TestFeaturesOnly:
    def test_there_are_no_steps(self, featured, first):
        assert (featured[1]["epochs"], featured[1]["steps"]) == (0, 0)
        before, after = parameters(first), parameters(featured[0])
        assert all(after[name].equal(before[name]) for name in after if "head" not in name)

    def test_the_network_answers_as_scikit_learns_model(self, featured, photos):
        model = load(featured[0])
        listing = divided(scan(find(str(photos))), fraction=0.1, seed=0)
        features = {}
        for split in (TRAIN, None):
            views = Loader(part(listing, split), 3).views(model.card.preprocessing.view, 64)
            with torch.inference_mode():
                inputs = torch.cat([model.statistics.normalise(one) for one in views])
                maps = model.network.forward_features(inputs)
                features[split] = model.network.forward_head(maps, pre_logits=True).double().numpy()
        forward = compact(features[TRAIN][None])[1].T
        theirs = LogisticRegression(C=10.0, max_iter=1000).fit(features[TRAIN] @ forward, part(listing, TRAIN).labels)
        wanted = theirs.predict_proba(features[None] @ forward)
        paths = [photos / name for name in part(listing, None).names]
        found = [{one["class"]: one["probability"] for one in answer["predictions"]}
                 for answer in lenext.predict(featured[0], paths, top=3)]  # fmt: skip
        classes = model.card.classes
        assert np.array([[one[name] for name in classes] for one in found]) == pytest.approx(wanted, abs=1e-5)

    def test_evaluation_repeats_the_runs_own(self, featured, photos):
        again = lenext.evaluate(featured[0], photos)
        assert again["top1"] == featured[1]["evaluations"]["val"]["top1"]
        assert again["loss"] == pytest.approx(featured[1]["evaluations"]["val"]["loss"], abs=1e-6)

    def test_an_svm_of_several_scales(self, photos, first, tmp_path):
        settings = ("transfer.classifier=svm", "transfer.scales=[0.75, 1.0, 1.25]")
        document = transfer(photos, first, tmp_path / "run", features_only=True, settings=settings)
        assert document["best"]["top1"]["value"] > 0.5


@pytest.fixture(scope="module")
def by_name(first, tmp_path_factory):
    """A recipe of a paper's that fits features, with constants of the input that are its own weights'."""
    own = replace(
        lenext.recipe("resnet20_cifar"),
        name="features",
        iterations=None,
        epochs=0,
        init=None,
        augment=(SingleCrop(resize=16, crop=16, squash=True),),
        view=SingleCrop(resize=16, crop=16, squash=True),
        normalise=ChannelMean(),
        transfer=Transfer(freeze="all", classifier="svm", scales=(1.0, 0.75), unit_length=True, strengths=(1.0, 10.0)),
    )
    path = tmp_path_factory.mktemp("recipe") / "features.json"
    path.write_text(json.dumps(encode(own)))
    return path


class TestFeaturesByName:
    """As VGG's Appendix B: a recipe of the file's own, not ours for trained weights."""

    def test_the_input_of_the_weights_is_kept(self, photos, first, by_name, tmp_path):
        document = transfer(photos, first, tmp_path / "run", recipe=by_name)
        before, after = (load(path).card for path in (first, tmp_path / "run"))
        assert (after.preprocessing.mean, after.preprocessing.std) == (
            before.preprocessing.mean,
            before.preprocessing.std,
        )
        assert any(line.startswith("normalise") for line in document["deviations"])
        assert not any("fewer than" in rule for rule in document["rules"])
        assert (after.options["unit_length"], after.options["scales"]) == (True, [1.0, 0.75])
        assert document["best"]["top1"]["value"] > 0.5
        again = lenext.evaluate(tmp_path / "run", photos)
        assert again["loss"] == pytest.approx(document["evaluations"]["val"]["loss"], abs=1e-6)
        assert transfer(photos, first, tmp_path / "run", recipe=by_name, resume=True)["epochs"] == 0

    def test_what_is_asked_for_stays(self, photos, first, by_name, tmp_path):
        transfer(photos, first, tmp_path / "run", recipe=by_name, settings=("normalise=ChannelMean",))
        assert load(tmp_path / "run").card.preprocessing.mean != load(first).card.preprocessing.mean

    def test_a_larger_view_slides_a_head_that_flattens(self, photos):
        listing = divided(scan(find(str(photos))), fraction=0.1, seed=0)
        features = decide(TrainOptions(model="vgg16", recipe="paper:features"), listing)
        assert "image_size" not in features.options
        assert features.recipe.view.crop == 512
        s384 = decide(TrainOptions(model="vgg16", recipe="paper:s384", image_size=96), listing)
        assert s384.options["image_size"] == 96
        none = TrainOptions(model="vgg16", recipe="paper:s384", image_size=256, options={"scales": []})
        assert decide(none, listing).options["image_size"] == 256


def test_a_file_of_anothers_is_what_a_run_starts_from(photos, tmp_path):
    torch.manual_seed(0)
    network = lenext.create_model("resnet18")
    torch.save(export_state(network, "torchvision"), tmp_path / "resnet18.pth")
    lenext.train(photos, model="resnet18", weights=tmp_path / "resnet18.pth", out=tmp_path / "run", image_size=32,
                 features_only=True, **SMALL)  # fmt: skip
    found = load(tmp_path / "run")
    assert found.network.stem.conv1.weight.equal(network.stem.conv1.weight)
    assert found.card.preprocessing.mean == (0.485, 0.456, 0.406)
    with pytest.raises(UsageError, match="No network was named for the weights"):
        lenext.train(photos, weights=tmp_path / "resnet18.pth", out=tmp_path / "other", **SMALL)


@pytest.fixture(scope="module")
def folded(photos, first, tmp_path_factory):
    out, counted = tmp_path_factory.mktemp("folds") / "run", Counted()
    document = transfer(photos, first, out, folds=3, epochs=1, watcher=counted)
    return out, document, counted.messages


class TestFolds:
    def test_every_image_is_tested_once(self, folded):
        document = folded[1]
        assert document["images"] == 36 == sum(fold["images"] for fold in document["folds"])
        assert np.sum(document["confusion"]) == 36
        right = np.trace(document["confusion"])
        assert document["top1"]["value"] == pytest.approx(right / 36)
        assert document["top1"]["low"] < document["top1"]["value"] < document["top1"]["high"]
        assert document["top1"]["mean"] == pytest.approx(np.mean([fold["top1"]["value"] for fold in document["folds"]]))

    def test_what_all_folds_say_of_the_data_is_said_once(self, folded):
        assert sum(text.startswith("splits: none 36") for text in folded[2]) == 1
        assert sum(text.startswith("top-1 ") for text in folded[2]) == 4, "three folds and all"

    def test_the_summary_is_kept(self, folded):
        assert json.loads((folded[0] / SUMMARY).read_text()) == folded[1]

    def test_a_fold_alone_gives_the_same_bits(self, folded, photos, first, tmp_path):
        transfer(photos, first, tmp_path / "run", fold="2/3", epochs=1)
        alone, within = (load(path).network.state_dict() for path in (tmp_path / "run", folded[0] / "fold-2"))
        assert all(alone[name].equal(within[name]) for name in alone)

    def test_a_fold_is_measured_on_its_own_images(self, folded, photos):
        document = lenext.evaluate(folded[0] / "fold-1", photos)
        assert document["images"] == folded[1]["folds"][0]["images"]
        assert document["top1"] == folded[1]["folds"][0]["top1"]

    def test_nothing_is_held_out_of_a_folds_training(self, folded, photos):
        listing = divided(scan(find(str(photos))), fraction=0, seed=0, fold="1/3")
        counts = load(folded[0] / "fold-1").card.data["counts"]
        assert {split: sum(found.values()) for split, found in counts.items()} == {
            TRAIN: len(part(listing, TRAIN)), TEST: len(part(listing, TEST))}  # fmt: skip

    def test_resume_takes_what_is_finished(self, folded, photos, first):
        assert transfer(photos, first, folded[0], folds=3, epochs=1, resume=True)["top1"] == folded[1]["top1"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"freeze": "conv9"}, "has no stage 'conv9' to freeze up to"),
        ({"weights": None, "freeze": "conv2_x"}, "--freeze needs trained weights"),
        ({"weights": "none", "features_only": True}, "--features-only needs trained weights"),
        ({"features_only": True, "freeze": "conv2_x"}, "leaves some free"),
        ({"features_only": True, "epochs": 3}, "has no --epochs"),
        ({"recipe": "paper", "freeze": "conv2_x"}, "not one for transfer"),
        ({"folds": 1}, "--folds is 1"),
        ({"folds": 13}, "which make no 13 folds"),
        ({"folds": 3, "fold": "1/3"}, "--folds trains every fold"),
        ({"fold": "4/3"}, "There is no fold '4/3'"),
        ({"settings": ("transfer.classifier=tree",)}, "no classifier 'tree'"),
        ({"weights": None, "settings": ("transfer=Transfer",)}, "no weights are given"),
        ({"weights": None, "settings": ("epochs=0",)}, "0 epochs"),
    ],
)
def test_what_is_refused_before_anything_is_written(photos, first, tmp_path, asked, message):
    with pytest.raises(UsageError, match=message) as refused:
        lenext.train(photos, **{"model": "resnet20_cifar", "weights": first, "out": tmp_path / "run", **SMALL, **asked})
    assert refused.value.remedy
    assert not (tmp_path / "run").exists()


def test_no_weights_is_a_word(photos, tmp_path):
    document = lenext.train(photos, model="resnet20_cifar", weights="none", out=tmp_path / "run", epochs=1, **SMALL)
    assert document["recipe"]["name"] == "practical"


def command(photos, first, out):
    return [
        *(sys.executable, "-m", "lenext", "train", str(photos), "--model", "resnet20_cifar", "--weights", str(first)),
        *("--out", str(out), "--epochs", "4", "--save-every", "0", "--threads", "1", "--workers", "1", "--resume"),
        *("--set", "transfer.views=8", "--quiet"),
    ]


def killed_when(arguments, condition):
    """Start the run and kill it as soon as the condition holds; whether it was still alive."""
    process = subprocess.Popen(arguments, start_new_session=True, stderr=subprocess.PIPE)
    end = time.monotonic() + 300
    while time.monotonic() < end and process.poll() is None and not condition():
        time.sleep(0.002)
    alive = process.poll() is None
    os.killpg(process.pid, signal.SIGKILL) if alive else None
    process.communicate()
    return alive


def test_killed_in_both_phases_it_ends_in_the_same_bits(photos, first, tmp_path):
    out, other = tmp_path / "run", tmp_path / "other"
    arguments = command(photos, first, out)
    saved = lambda: sorted(path.name for path in (out / "checkpoints").glob("epoch-*"))  # noqa: E731
    assert killed_when(arguments, (out / "checkpoints").is_dir), "the run ended in its first phase"
    assert saved() == [], "it was killed too late for the first phase"
    assert killed_when(arguments, lambda: bool(saved()) and saved()[-1] >= "epoch-00001"), "it ended before"
    subprocess.run(arguments, check=True)
    subprocess.run(command(photos, first, other), check=True)
    one, two = (load(path).network.state_dict() for path in (out, other))
    assert all(one[name].equal(two[name]) for name in one)
    assert (out / "metrics.jsonl").read_bytes() == (other / "metrics.jsonl").read_bytes()
