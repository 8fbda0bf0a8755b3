"""A weight file gives back what was saved, and everything else is refused in one sentence."""

import json
import os
import pickle
import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
import safetensors.torch
import torch

from lenext.data.statistics import Statistics
from lenext.errors import LenextError, UsageError, WeightFileError
from lenext.models import create_model
from lenext.protocol import Preprocessing, SingleCrop
from lenext.values import encode
from lenext.weights.card import FILE, Card, has_card, load, save
from lenext.weights.trust import Calibration, Familiar, Novelty

DIGITS = Card(
    network="lenet5",
    reading="paper",
    classes=tuple("0123456789"),
    preprocessing=Preprocessing(channels=1, view=SingleCrop(resize=28, crop=32), mean=(0.1 / 1.275,), std=(0.7843,)),
    recipe={"name": "lenet5:practical", "epochs": 3},
    metrics={"test": {"top1": {"value": 0.1 + 0.2, "low": 0.2, "high": 0.4}}},
    versions={"lenext": "0.1.0"},
)
ANIMALS = Card(
    network="resnet20_cifar",
    reading="paper",
    classes=("猫", "dog\n", "caf\udce9"),  # the last as Python carries a file name that is not UTF-8
    preprocessing=Preprocessing(
        channels=3, view=SingleCrop(resize=32, crop=32), mean=(0.0,) * 3, std=(1 / 255,) * 3, pixel_mean=True
    ),
    options={"shortcut": "B"},
)
TREES = Card(
    network="vgg11",
    reading="paper",
    classes=("oak", "fir"),
    preprocessing=Preprocessing(
        channels=1, view=SingleCrop(resize=36, crop=32), mean=(0.5,), std=(0.25,), background=0
    ),
    options={"image_size": 32, "dropout": 0.25},
)


def built(card):
    torch.manual_seed(1)
    shown = card.preprocessing
    network = create_model(
        card.network, num_classes=len(card.classes), in_channels=shown.channels, reading=card.reading, **card.options
    )
    for name, buffer in network.named_buffers():
        if "running" in name:
            buffer.uniform_(0.5, 1.5)
    mean = torch.rand(shown.channels, shown.view.crop, shown.view.crop) * 255 if shown.pixel_mean else None
    return network, Statistics(shown.mean, shown.std, mean)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """The bytes of a sound weight file of digits."""
    path = tmp_path_factory.mktemp("sound") / FILE
    network, statistics = built(DIGITS)
    save(path, network, DIGITS, statistics)
    return path.read_bytes()


def refused(path, *words):
    """Loading fails with the one error and says these words."""
    with pytest.raises(WeightFileError) as caught:
        load(path)
    message = str(caught.value)
    assert str(path) in message
    assert all(word in message for word in words), message
    assert "\n" not in message
    assert caught.value.remedy
    assert caught.value.exit_status == 4
    return caught.value


class TestRoundTrip:
    @pytest.mark.parametrize("card", [DIGITS, ANIMALS, TREES], ids=lambda card: card.network)
    def test_card_weights_and_answers_are_the_same_to_the_bit(self, tmp_path, card):
        network, statistics = built(card)
        save(tmp_path / FILE, network, card, statistics)
        model = load(tmp_path)
        assert model.card == replace(card, sha256=model.card.sha256)
        assert not model.network.training
        assert (model.network.name, model.network.reading) == (card.network, card.reading)
        saved = network.state_dict()
        assert saved.keys() == model.network.state_dict().keys()
        assert all(tensor.equal(saved[name]) for name, tensor in model.network.state_dict().items())
        side = card.preprocessing.view.crop
        shape = (2, card.preprocessing.channels, side, side)
        pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
        input_ = model.statistics.normalise(pixels)
        assert input_.equal(statistics.normalise(pixels))
        with torch.inference_mode():
            assert model.network(input_).equal(network.eval()(input_))

    def test_a_run_folder_and_its_file_are_the_same_model(self, tmp_path, sound):
        (tmp_path / FILE).write_bytes(sound)
        assert load(tmp_path).card == load(tmp_path / FILE).card == load(str(tmp_path)).card

    def test_the_file_is_written_whole_or_not_at_all(self, tmp_path, monkeypatch):
        def full(_):
            raise OSError(28, "No space left on device")

        network, statistics = built(DIGITS)
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(LenextError, match="No space left"):
            save(tmp_path / FILE, network, DIGITS, statistics)
        assert list(tmp_path.iterdir()) == []

    def test_anybody_can_read_the_card(self, sound):
        """It is JSON in the header of a safetensors file; no program of ours is needed."""
        length = struct.unpack("<Q", sound[:8])[0]
        card = json.loads(json.loads(sound[8 : 8 + length])["__metadata__"]["lenext"])
        assert card["network"] == "lenet5"
        assert card["classes"] == list("0123456789")
        view = {"kind": "SingleCrop", "resize": 28, "crop": 32, "fill": 0}
        assert card["preprocessing"]["view"].items() >= view.items()


class TestPlaces:
    @pytest.mark.parametrize("name", ["gone", "gone.png"])
    def test_where_nothing_is_the_path_was_wrong(self, tmp_path, name):
        with pytest.raises(UsageError, match="There is no model at") as caught:
            load(tmp_path / name)
        assert caught.value.remedy

    def test_a_folder_that_is_no_run(self, tmp_path):
        assert "lenext train" in refused(tmp_path, "not a finished run").remedy

    def test_an_image_in_the_place_of_the_model(self, tmp_path):
        (tmp_path / "owl.PNG").write_bytes(b"\x89PNG\r\n\x1a\n" * 9)
        assert "after it" in refused(tmp_path / "owl.PNG", "is an image, not a model").remedy

    def test_a_run_that_is_not_finished(self, tmp_path):
        (tmp_path / "checkpoints").mkdir()
        assert "--resume" in refused(tmp_path, "not a finished run").remedy

    def test_the_folder_of_folds(self, tmp_path):
        (tmp_path / "fold-1").mkdir()
        (tmp_path / "fold-1" / "model.safetensors").write_bytes(b"")
        assert str(tmp_path / "fold-1") in refused(tmp_path, "not a finished run").remedy

    def test_one_that_may_not_be_read(self, tmp_path, monkeypatch):
        (tmp_path / "model").write_bytes(b"x")
        monkeypatch.setattr(Path, "open", Mock(side_effect=PermissionError(13, "Permission denied")))
        assert "permissions" in refused(tmp_path / "model", "cannot be read").remedy

    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        refused(tmp_path / "pipe", "neither a file nor a folder")

    def test_a_device(self):
        refused("/dev/null")


class TestForeignFiles:
    @pytest.mark.parametrize("content", [b"", b"x", b"\0" * 8, b"\xff" * 64, b"not a weight file, a text\n" * 9])
    def test_bytes_that_are_no_weight_file(self, tmp_path, content):
        (tmp_path / "model").write_bytes(content)
        refused(tmp_path / "model", "is not a weight file, or a damaged one")

    @pytest.mark.parametrize("zipped", [False, True])
    def test_a_pickle_is_never_opened(self, tmp_path, zipped):
        class Trap:
            def __reduce__(self):
                return (os.mkdir, (str(tmp_path / "sprung"),))

        path = tmp_path / "model.pth"
        if zipped:
            torch.save({"weight": Trap()}, path)
            assert zipfile.is_zipfile(path)
        else:
            path.write_bytes(pickle.dumps(Trap()))
        refused(path, "is not a weight file")
        assert not (tmp_path / "sprung").exists()

    def test_weights_without_a_card(self, tmp_path):
        safetensors.torch.save_file(built(DIGITS)[0].state_dict(), tmp_path / "model")
        assert "lenext wrote" in refused(tmp_path / "model", "has no card").remedy

    def test_weights_with_the_metadata_of_others(self, tmp_path):
        safetensors.torch.save_file(built(DIGITS)[0].state_dict(), tmp_path / "model", metadata={"format": "pt"})
        refused(tmp_path / "model", "has no card")


def written(folder, card=DIGITS, change=None, document=None):
    """A file whose tensors or card were changed."""
    network, statistics = built(DIGITS)
    tensors = dict(network.state_dict())
    if statistics.pixel_mean is not None:
        tensors["preprocessing.pixel_mean"] = statistics.pixel_mean
    if change:
        change(tensors)
    text = document if isinstance(document, str) else json.dumps(document or encode(card))
    path = folder / "changed.safetensors"
    safetensors.torch.save_file(tensors, path, metadata={"lenext": text})
    return path


class TestTensors:
    def test_one_too_many(self, tmp_path):
        refused(written(tmp_path, change=lambda t: t.update(more=torch.ones(1))), "unknown tensor 'more'")

    def test_one_too_few(self, tmp_path):
        refused(written(tmp_path, change=lambda t: t.pop("head.f6.bias")), "lacks tensor 'head.f6.bias'")

    def test_another_shape(self, tmp_path):
        path = written(tmp_path, change=lambda t: t.update({"head.f6.bias": torch.ones(85)}))
        refused(path, "head.f6.bias", "(85,)", "(84,)")

    def test_another_type_of_number(self, tmp_path):
        path = written(tmp_path, change=lambda t: t.update({"head.f6.bias": torch.ones(84, dtype=torch.int32)}))
        refused(path, "head.f6.bias", "int32", "float32")

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
    def test_what_is_not_a_number(self, tmp_path, value):
        path = written(tmp_path, change=lambda t: t["head.f6.bias"][7:8].fill_(value))
        refused(path, "head.f6.bias", "not numbers")

    def test_those_of_another_network(self, tmp_path):
        path = tmp_path / "other.safetensors"
        other = create_model("resnet20_cifar", num_classes=10, in_channels=1)
        save(path, other, DIGITS, Statistics((0.0,), (1.0,)))
        refused(path, "tensor")

    def test_another_number_of_classes_than_the_card_has(self, tmp_path):
        refused(written(tmp_path, replace(DIGITS, classes=("a", "b"))), "shape", "(10, 84)", "(2, 84)")

    def test_a_mean_image_that_the_card_promises_and_that_is_not_there(self, tmp_path):
        card = replace(DIGITS, preprocessing=replace(DIGITS.preprocessing, pixel_mean=True))
        refused(written(tmp_path, card), "lacks tensor 'preprocessing.pixel_mean'")

    def test_a_mean_image_that_the_card_does_not_know(self, tmp_path):
        path = written(tmp_path, change=lambda t: t.update({"preprocessing.pixel_mean": torch.zeros(1, 32, 32)}))
        refused(path, "unknown tensor 'preprocessing.pixel_mean'")

    def test_a_mean_image_of_another_size(self, tmp_path):
        card = replace(DIGITS, preprocessing=replace(DIGITS.preprocessing, pixel_mean=True))
        path = written(tmp_path, card, lambda t: t.update({"preprocessing.pixel_mean": torch.zeros(1, 28, 28)}))
        refused(path, "preprocessing.pixel_mean", "(1, 28, 28)", "(1, 32, 32)")
        path = written(tmp_path, card, lambda t: t.update({"preprocessing.pixel_mean": torch.zeros(1, 36, 40)}))
        refused(path, "preprocessing.pixel_mean", "(1, 36, 40)", "(1, 40, 40)")

    def test_a_mean_image_may_be_larger_than_the_view(self, tmp_path):
        """AlexNet's has 256 pixels."""
        network, statistics = built(DIGITS)
        card = replace(DIGITS, preprocessing=replace(DIGITS.preprocessing, pixel_mean=True))
        save(tmp_path / FILE, network, card, replace(statistics, pixel_mean=torch.ones(1, 40, 40)))
        assert load(tmp_path / FILE).statistics.pixel_mean.equal(torch.ones(1, 40, 40))


def changed(**fields):
    return {**encode(DIGITS), **fields}


def shown(**fields):
    return changed(preprocessing={**encode(DIGITS.preprocessing), **fields})


class TestCards:
    @pytest.mark.parametrize(
        ("document", "word"),
        [
            (changed(colour="red"), "colour"),
            (changed(network="lenet6"), "lenet6"),
            (changed(network=5), "network"),
            (changed(reading="torchvision"), "torchvision"),
            (changed(classes="0123456789"), "classes"),
            (changed(classes=[0, 1]), "classes"),
            (changed(classes=[]), "classes"),
            (changed(options={"depth": 3}), "depth"),
            (changed(options={"num_classes": 10}), "cannot be built"),
            (changed(options={"in_channels": -1}), "cannot be built"),
            (changed(network="resnet20_cifar", options={"shortcut": 5}), "cannot be built"),
            (changed(network="vgg11", options={"image_size": "big"}), "cannot be built"),
            (changed(options=[]), "options"),
            (changed(preprocessing=None), "preprocessing"),
            (changed(preprocessing={"kind": ["Preprocessing"]}), "preprocessing"),
            (shown(mean=[0.1, 0.1]), "contradicts itself"),
            (shown(std=[0.0]), "contradicts itself"),
            (shown(std=[]), "contradicts itself"),
            (shown(channels=3), "contradicts itself"),
            (shown(channels=0, mean=[], std=[]), "contradicts itself"),
            (shown(view={"resize": 0, "crop": 32}), "contradicts itself"),
            (shown(view={"resize": 28, "crop": -1}), "contradicts itself"),
            (shown(mean=[float("nan")]), "mean"),
            ({key: value for key, value in changed().items() if key != "classes"}, "classes"),
            ([], "Card"),
            ("null", "Card"),
            ("{", "damaged"),
            ("", "damaged"),
            ("[" * 100_000, "damaged"),
        ],
    )
    def test_what_contradicts_itself_or_the_network_is_refused(self, tmp_path, document, word):
        path = written(tmp_path, document=document if document != [] else "[]")
        refused(path, word)

    def test_a_near_name_is_offered(self, tmp_path):
        assert "licence" in refused(written(tmp_path, document=changed(license="MIT")), "license").remedy


class TestDamage:
    def test_any_cut_is_noticed(self, tmp_path, sound):
        for length in (*range(0, 64, 7), 2000, len(sound) // 2, len(sound) - 1):
            (tmp_path / "cut").write_bytes(sound[:length])
            refused(tmp_path / "cut")

    def test_bytes_that_follow_are_noticed(self, tmp_path, sound):
        (tmp_path / "more").write_bytes(sound + b"\0")
        refused(tmp_path / "more")

    def test_no_flipped_byte_gives_another_error(self, tmp_path, sound):
        """Most hits lie in the header, where the danger is; a changed weight may pass, if it is a number."""
        rng = np.random.default_rng(0)
        header = 8 + struct.unpack("<Q", sound[:8])[0]
        errors = []
        for number in range(200):
            data = bytearray(sound)
            for place in rng.integers(0, header if number % 4 else len(sound), 1 + number % 3):
                data[place] = rng.integers(256)
            (tmp_path / "flipped").write_bytes(data)
            try:
                load(tmp_path / "flipped")
            except LenextError as error:
                errors.append(error)
        assert len(errors) > 100
        assert all(error.remedy for error in errors)


def test_a_bit_that_turned_over_is_noticed(tmp_path, sound):
    """Every value is still a number, and every shape right: only the SHA-256 knows."""
    data = bytearray(sound)
    data[-3] ^= 1
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(WeightFileError, match="SHA-256 differs"):
        load(tmp_path)


class TestCalibration:
    CALIBRATION = Calibration(
        temperature=1.5,
        images=40,
        answered=(40, 30),
        wrong=(4, 1),
        target=0.05,
        novelty=Novelty(features=3, limit=2.5, rejected=1, images=40),
        measured={"ece": {"before": 0.1, "after": 0.05}},
    )
    FAMILIAR = Familiar(mean=torch.arange(3.0), whitening=torch.eye(3))

    def saved(self, path, calibration, familiar=FAMILIAR):
        network, statistics = built(DIGITS)
        save(path / FILE, network, replace(DIGITS, calibration=calibration), statistics, familiar)
        return path / FILE

    def test_it_comes_back_with_its_tensors(self, tmp_path):
        model = load(self.saved(tmp_path, self.CALIBRATION))
        assert model.card.calibration == self.CALIBRATION
        assert model.familiar.mean.equal(self.FAMILIAR.mean)
        assert model.familiar.whitening.equal(self.FAMILIAR.whitening)

    def test_a_file_without_it_has_none(self, tmp_path):
        model = load(self.saved(tmp_path, None, None))
        assert (model.card.calibration, model.familiar) == (None, None)

    def test_tensors_and_card_must_agree(self, tmp_path):
        refused(self.saved(tmp_path, None), "unknown tensor 'novelty.mean'")
        refused(self.saved(tmp_path, self.CALIBRATION, None), "lacks tensor 'novelty.mean'")
        other = Familiar(mean=torch.zeros(4), whitening=torch.eye(4))
        refused(self.saved(tmp_path, self.CALIBRATION, other), "shape (4,)")

    @pytest.mark.parametrize(
        "change",
        [{"temperature": 0.0}, {"temperature": -1.0}, {"wrong": (4,)}, {"wrong": (41, 1)}, {"target": 0.0}],
    )
    def test_figures_that_cannot_be_are_refused(self, tmp_path, change):
        refused(self.saved(tmp_path, replace(self.CALIBRATION, **change)), "contradicts itself")


@pytest.mark.parametrize(
    ("name", "ours"),
    [("a.safetensors", True), ("a.pth", False), ("a.pth.tar", False), ("a.ckpt", False), ("a.PTH", False)],
)
def test_a_file_in_anothers_format_is_no_damaged_one_of_ours(tmp_path, name, ours):
    torch.save({"weight": torch.zeros(1)}, tmp_path / name)
    assert has_card(tmp_path / name) is ours
