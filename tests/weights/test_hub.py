"""Weights that lie on the Hub: timm's by their name, ours by their card, and nothing that could run."""

import json

import pytest

pytest.importorskip("huggingface_hub", reason="the extra hub is not installed")

import safetensors.torch
import torch
from hub_stand_in import Held, running

from lenext.errors import UsageError, WeightFileError
from lenext.weights import pretrained
from lenext.weights.adapters import export_state
from lenext.weights.hub import Repository
from lenext.weights.pretrained import create_model


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with running(monkeypatch, tmp_path, token="") as found:
        yield found


def held(network, architecture):
    """A repository as timm publishes one."""
    state = export_state(network, "timm")
    return Held(
        {
            "model.safetensors": safetensors.torch.save(state, metadata={"format": "pt"}),
            "config.json": json.dumps({"architecture": architecture, "num_classes": 3}).encode(),
        }
    )


def same(one, other):
    return all(torch.equal(one.state_dict()[name], tensor) for name, tensor in other.state_dict().items())


def test_weights_that_the_catalogue_knows_are_taken_by_it(monkeypatch):
    chosen = []
    monkeypatch.setattr(pretrained, "published", lambda entry, *_, **__: chosen.append(entry) or create_model("lenet5"))
    create_model("resnet50", weights="hf:timm/resnet50.a1_in1k")
    assert [(entry.name, entry.reading) for entry in chosen] == [("timm:a1_in1k", "v1.5")]


def test_they_are_not_another_networks():
    with pytest.raises(UsageError, match="resnet50, not of resnet18"):
        create_model("resnet18", weights="hf:timm/resnet50.a1_in1k")


@pytest.mark.parametrize(("architecture", "reading"), [("tf_efficientnet_b0", "paper"), ("efficientnet_b0", "timm")])
def test_timms_name_of_the_network_tells_the_reading(hub, architecture, reading):
    torch.manual_seed(1)
    network = create_model("efficientnet_b0", num_classes=3, reading=reading)
    hub.repositories["timm/b0.mine"] = held(network, architecture)
    found = create_model("efficientnet_b0", weights="hf:timm/b0.mine")
    assert found.reading == reading
    assert found.num_classes == 3
    assert same(found, network)


def test_a_repository_of_another_network_is_refused(hub):
    hub.repositories["timm/r.mine"] = held(create_model("resnet18", num_classes=3), "resnet18")
    with pytest.raises(UsageError, match="resnet18, not of resnet34"):
        create_model("resnet34", weights="hf:timm/r.mine")


def test_a_config_that_is_rubbish_tells_nothing(hub):
    network = create_model("resnet18", num_classes=3)
    hub.repositories["timm/r.mine"] = held(network, ["x"])
    assert same(create_model("resnet18", weights="hf:timm/r.mine"), network)


def test_what_is_called_safetensors_and_is_a_pickle_is_not_opened(hub, tmp_path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "pickle")
    hub.repositories["timm/r.mine"] = Held({"model.safetensors": (tmp_path / "pickle").read_bytes()})
    with pytest.raises(WeightFileError, match="safetensors"):
        create_model("resnet18", weights="hf:timm/r.mine")


def test_a_revision_is_asked_for(hub):
    network = create_model("resnet18", num_classes=3)
    hub.repositories["timm/r.mine"] = held(network, "resnet18")
    commit = hub.repositories["timm/r.mine"].commit
    assert same(create_model("resnet18", weights=f"hf:timm/r.mine@{commit}"), network)
    with pytest.raises(UsageError, match="no revision 'v9'"):
        create_model("resnet18", weights="hf:timm/r.mine@v9")


def test_names():
    assert Repository.read("hf:timm/resnet50.a1_in1k@v1") == Repository("timm/resnet50.a1_in1k", "v1")
    assert str(Repository.read("a/b@c")) == "a/b@c"
    for word in ("a", "a/b/c", "a/../b", "a/b@", "a/b--c", "../x", "a/.", ""):
        with pytest.raises(UsageError):
            Repository.read(word)
