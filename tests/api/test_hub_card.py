"""The front matter that the Hub reads: no name out of the data breaks out of it."""

import pytest

from lenext.api.hub import front_matter, readme
from lenext.protocol import Preprocessing, SingleCrop
from lenext.weights.card import Card
from lenext.weights.hub import Repository

yaml = pytest.importorskip("yaml", reason="the extra hub is not installed")

HOSTILE = 'x"\n---\nlicense: mit\n\u2028\x07{é}'
PLACE = Repository("ada/x")


def card(**facts):
    view = SingleCrop(resize=32, crop=32)
    shown = Preprocessing(channels=3, view=view, mean=(0.5,) * 3, std=(0.5,) * 3)
    return Card(network="resnet20_cifar", reading="paper", classes=("a", HOSTILE), preprocessing=shown, **facts)


def test_a_hostile_name_stays_a_name(tmp_path):
    top1 = {"value": 0.5, "low": 0.4, "high": 0.6}
    written = readme(card(data={"name": HOSTILE}, metrics={"val": {"top1": top1}}), tmp_path / "none", PLACE, "other")
    _, front, body = written.decode().split("---\n", 2)
    facts = yaml.safe_load(front)
    assert facts["license"] == "other"
    assert facts["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.5
    assert "license: mit" not in body.splitlines()


def test_without_a_measurement_there_is_no_index():
    for metrics in ({}, {"val": {"top1": None}}, {"val": "x"}):
        front = front_matter(card(metrics=metrics), PLACE, "mit").strip("-\n")
        assert "model-index" not in yaml.safe_load(front)


def test_labels_have_the_mean_of_their_average_precisions():
    measured = {"val": {"map": {"value": 0.7, "low": 0.6, "high": 0.8}}}
    front = front_matter(card(metrics=measured, task="multilabel"), PLACE, "mit").strip("-\n")
    (metric,) = yaml.safe_load(front)["model-index"][0]["results"][0]["metrics"]
    assert (metric["type"], metric["value"]) == ("mean_average_precision", 0.7)
