"""Pictures with a disc, a bar, both or neither: learnt from a CSV of several labels a row, measured, resumed."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lenext.api.train import train
from lenext.cli import main
from lenext.errors import WeightFileError
from lenext.training.watch import Silent
from lenext.weights.card import load, save

LABELS = ("bar", "disc")
NETWORK = ("--model", "resnet20_cifar", "--image-size", "16")


def picture(there, numbers):
    """16 x 16 pixels of dark noise, with the shapes that are there at some place."""
    pixels = numbers.integers(0, 80, (16, 16, 3))
    y, x = numbers.integers(1, 9, 2)
    if there[0]:
        pixels[y, 1:14] = pixels[y + 1, 1:14] = (60, 220, 60)
    if there[1]:
        rows, columns = np.ogrid[:16, :16]
        pixels[(rows - y - 3) ** 2 + (columns - x - 3) ** 2 < 10] = (230, 60, 60)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """120 pictures to learn from and 60 to test, in both forms of a CSV."""
    folder, numbers = tmp_path_factory.mktemp("shapes"), np.random.default_rng(0)
    sets, columns = ["path,labels,split"], ["path,bar,disc,split"]
    for number in range(180):
        there = numbers.random(2) < 0.5
        name, split = f"{number:03}.png", "test" if number >= 120 else ""
        picture(there, numbers).save(folder / name)
        sets.append(f"{name},{'|'.join(np.array(LABELS)[there])},{split}")
        columns.append(f"{name},{int(there[0])},{int(there[1])},{split}")
    (folder / "sets.csv").write_text("\n".join(sets), encoding="utf-8")
    (folder / "columns.csv").write_text("\n".join(columns), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def learnt(shapes, tmp_path_factory):
    out = tmp_path_factory.mktemp("labels") / "run"
    with pytest.raises(SystemExit) as left:
        main(["train", str(shapes / "sets.csv"), *NETWORK, "--epochs", "8", "--validation", "0.2", "--out", str(out)])
    assert left.value.code == 0
    return out


@pytest.fixture
def document(lenext):
    def command(*words):
        status, output, said = lenext(*words, "--json")
        assert status == 0, said
        return json.loads(output)

    return command


class TestLearning:
    def test_the_report_counts_each_picture_once(self, learnt):
        """Not each of its labels."""
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (learnt / "report.html").read_text(encoding="utf-8")))
        assert "Images Smallest label Largest label train 96 " in text
        assert " val 24 " in text
        assert " test 60 " in text

    def test_the_labels_are_learnt_and_every_figure_has_its_interval(self, learnt, shapes, document):
        found = document("evaluate", learnt, shapes / "sets.csv")
        assert (found["task"], found["images"]) == ("multilabel", 60)
        assert found["map"]["value"] > 0.95
        assert found["exact_match"]["value"] > 0.85
        assert found["map"]["low"] < found["map"]["value"] <= found["map"]["high"]
        assert [one["class"] for one in found["per_class"]] == list(LABELS)
        assert not {"top1", "top5", "confusion"} & found.keys()
        assert "confusion" in found["left_out"]
        after = found["calibration"]["nll"]["after"]["value"]
        assert after < found["calibration"]["nll"]["before"]["value"]

    def test_the_other_form_of_the_table_is_the_same_data(self, learnt, shapes, document):
        one, other = (document("evaluate", learnt, shapes / name) for name in ("sets.csv", "columns.csv"))
        for found in (one, other):
            found["cost"] = None
        assert one == other

    def test_a_label_that_the_data_lack_counts_as_absent_and_is_named(self, learnt, shapes, lenext, tmp_path):
        rows = [f"{shapes}/{row.partition(',')[0]},{'disc' if 'disc' in row else ''}" for row in lines(shapes)[120:]]
        (tmp_path / "discs.csv").write_text("\n".join(["path,labels", *rows]), encoding="utf-8")
        _, output, said = lenext("evaluate", learnt, tmp_path / "discs.csv", "--json")
        assert "No image has the labels 'bar', and each counts as absent." in said
        bar, disc = json.loads(output)["per_class"]
        assert (bar["support"], bar["recall"], bar["average_precision"], bar["precision"]) == (0, None, None, 0.0)
        assert disc["f1"] > 0.85

    def test_the_card_has_task_and_thresholds_of_the_validation_images(self, learnt, shapes, document):
        card = load(learnt).card
        assert (card.task, card.activation, card.classes) == ("multilabel", "sigmoid", LABELS)
        found = document("evaluate", learnt, shapes / "sets.csv", "--split", "val")
        assert [one["threshold"] for one in found["per_class"]] == list(card.thresholds)
        assert all(0 < cut < 1 and cut != 0.5 for cut in card.thresholds)
        assert card.metrics["val"]["map"]["value"] == found["map"]["value"]

    def test_the_report_and_the_model_card_tell_label_by_label(self, learnt):
        report, card = ((learnt / name).read_text(encoding="utf-8") for name in ("report.html", "README.md"))
        assert "Label by label" in report
        assert "What is taken for what" not in report
        assert "| disc | " in card
        assert "average precision" in card

    def test_check_counts_labels(self, shapes, document):
        found = document("check", shapes / "columns.csv")
        rows = [line.split(",") for line in (shapes / "columns.csv").read_text(encoding="utf-8").splitlines()[1:]]
        assert found["task"] == "multilabel"
        assert found["classes"] == {name: sum(int(row[1 + k]) for row in rows) for k, name in enumerate(LABELS)}


class TestPredicting:
    def test_all_labels_from_their_threshold_on_are_given(self, learnt, shapes, document):
        found = document("predict", learnt, *(shapes / f"{number:03}.png" for number in range(120, 180)))
        cuts = dict(zip(LABELS, load(learnt).card.thresholds, strict=True))
        assert {len(one["labels"]) for one in found} == {0, 1, 2}
        for one in found:
            assert len(one["predictions"]) == len(LABELS)
            assert one["labels"] == [some for some in one["predictions"] if some["probability"] >= cuts[some["class"]]]
        truth = [set(row.split(",")[1].split("|")) - {""} for row in lines(shapes)[120:]]
        right = [{label["class"] for label in one["labels"]} == some for one, some in zip(found, truth, strict=True)]
        assert np.mean(right) > 0.85

    def test_in_words_and_of_what_is_no_picture(self, learnt, shapes, lenext, document):
        bare = next(row.split(",")[0] for row in lines(shapes) if row.split(",")[1] == "")
        _, output, _ = lenext("predict", learnt, shapes / bare)
        assert "(no label)" in output
        (found,) = [one for one in document("predict", learnt, shapes / "sets.csv", shapes / bare) if one["error"]]
        assert (found["predictions"], found["labels"]) == ([], None)

    def test_a_heat_map_is_of_one_label(self, learnt, shapes, document, tmp_path):
        both = next(row.split(",")[0] for row in lines(shapes) if row.split(",")[1] == "bar|disc")
        for name in LABELS:
            (found,) = document(
                *("explain", learnt, shapes / both, "--class", name, "--method", "occlusion"),
                *("--neighbours", shapes / "sets.csv", "--out", tmp_path / name),
            )
            assert found["probability"] > 0.5
            assert found["neighbours"][0]["class"] == "bar, disc"


def lines(shapes):
    return (shapes / "sets.csv").read_text(encoding="utf-8").splitlines()[1:]


class TestTogether:
    def test_an_ensemble_answers_with_the_means(self, learnt, shapes, document):
        one, two = (document("evaluate", *[learnt] * count, shapes / "sets.csv") for count in (1, 2))
        assert two["per_class"][0]["threshold"] == one["per_class"][0]["threshold"]
        assert two["map"] == one["map"]

    def test_features_only_fits_a_classifier_for_each_label(self, learnt, shapes, document, tmp_path):
        words = ("--weights", learnt, "--features-only", "--folds", "3", "--out", tmp_path / "run")
        found = document("train", whole(shapes, tmp_path), *NETWORK[:2], *words)
        assert found["map"]["mean"] > 0.9
        assert found["images"] == 120
        assert "confusion" not in found

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("predict", "RUN", "000.png", "--unknown", "0.1"), "--unknown is for answers that name one class"),
            (("predict", "RUN", "000.png", "--engine", "openvino"), "Engines run networks of one class"),
            (("evaluate", "RUN", "sets.csv", "--engine", "auto"), "Engines run networks of one class"),
            (("evaluate", "RUN", "sets.csv", "--against", "digits"), "--against is for answers that name one class"),
            (("evaluate", "RUN", "digits"), "digits names one class of each"),
            (("compare", "RUN", "RUN", "--data", "sets.csv"), "compare asks which class is right"),
            (("check", "sets.csv", "--model", "RUN"), "looks for images in a wrong class"),
            (("train", "sets.csv", "--model", "lenet5"), "does not end in a linear layer"),
            (("train", "sets.csv", *NETWORK, "--balance", "sampling"), "shows whole images"),
            (("train", "sets.csv", *NETWORK, "--error-target", "0.1"), "--error-target is for networks"),
            (("train", "sets.csv", *NETWORK, "--set", "loss=Logistic"), "wants one class an image"),
        ],
    )
    def test_what_is_for_one_class_is_refused(self, learnt, shapes, refused, words, said):
        places = {"RUN": learnt, **{name: shapes / name for name in ("sets.csv", "000.png")}}
        _, error = refused(*(places.get(word, word) for word in words))
        assert said in error["message"]


def whole(shapes, folder):
    """The images to learn from alone, in a table of their own."""
    rows = [f"{shapes}/{row.rpartition(',')[0]}" for row in lines(shapes)[:120]]
    path = folder / "whole.csv"
    path.write_text("\n".join(["path,labels", *rows]), encoding="utf-8")
    return path


class TestWeightFile:
    def test_a_reader_that_knows_no_labels_refuses_it_and_reads_all_others(self, learnt, tmp_path):
        model = load(learnt)
        path = tmp_path / "model.safetensors"
        save(path, model.network, replace(model.card, task="multiclass", thresholds=()), model.statistics)
        assert b'\\"task\\"' not in path.read_bytes()
        assert load(path).card.activation == "softmax"
        assert b'\\"task\\": \\"multilabel\\"' in (learnt / "model.safetensors").read_bytes()

    @pytest.mark.parametrize("wrong", [{"task": "segmentation"}, {"thresholds": (0.5,)}, {"thresholds": (0.5, 2.0)}])
    def test_a_card_that_contradicts_itself_is_refused(self, learnt, tmp_path, wrong):
        model = load(learnt)
        path = tmp_path / "model.safetensors"
        save(path, model.network, replace(model.card, **wrong), model.statistics)
        with pytest.raises(WeightFileError):
            load(path)


class Killed(Silent):
    """Ends a run without a word, as a kill does, after so many steps."""

    def __init__(self, steps):
        self.left = steps

    def step(self, moment):  # noqa: ARG002 - that it is called counts
        self.left -= 1
        if not self.left:
            raise SystemError


def test_a_run_that_is_cut_off_and_resumed_ends_in_the_same_bits(shapes, tmp_path):
    """With all that labels have of their own: mixed images, weighted labels, several passes a batch."""

    def learn(out, watcher=None, **more):
        mixing = 'mixing={"kind": "Mixing", "mixup": 1, "cutmix": 1}'
        train(
            shapes / "sets.csv",
            model="resnet20_cifar",
            image_size=16,
            epochs=2,
            batch_size=20,
            micro_batch=6,
            balance="weights",
            settings=(mixing,),
            save_every=0.0,
            out=out,
            watcher=watcher,
            **more,
        )

    learn(tmp_path / "left-alone")
    with pytest.raises(SystemError):
        learn(tmp_path / "killed", Killed(2))
    assert not (tmp_path / "killed/model.safetensors").exists()
    learn(tmp_path / "killed", resume=True)
    for name in ("metrics.jsonl", "model.safetensors"):
        same = [(tmp_path / run / name).read_bytes() for run in ("left-alone", "killed")]
        assert same[0] == same[1], name
