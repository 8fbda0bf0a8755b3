"""A run goes to a repository of the Hub and comes back the same to the bit; what goes wrong is said with a remedy."""

import json
import re
import shutil
import sys

import pytest

pytest.importorskip("huggingface_hub", reason="the extra hub is not installed")

import safetensors.torch
import torch
import yaml
from hub_stand_in import Held, running

from lenext.weights.card import FILE, load

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # huggingface_hub's own upload
NAME = "ada/day-and-night"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with running(monkeypatch, tmp_path) as found:
        yield found


@pytest.fixture
def stranger(monkeypatch, tmp_path):
    """The Hub to somebody without a token."""
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with running(monkeypatch, tmp_path, token="") as found:
        yield found


def document(done):
    status, output, said = done
    assert status == 0, said
    return json.loads(output)


def answers(lenext, model, photos):
    return document(lenext("predict", model, photos, "--json"))


def test_a_run_is_sent_and_is_then_a_model(hub, lenext, trained, photos, tmp_path):
    sent = document(lenext("push", trained, NAME, "--json"))
    held = hub.repositories[NAME]
    assert held.private
    assert set(held.files) == {"model.safetensors", "README.md", "report.html"}
    assert held.files["model.safetensors"] == (trained / FILE).read_bytes()
    assert sent["files"] == {name: len(content) for name, content in held.files.items()}
    assert sent["commit"] == held.commit
    assert answers(lenext, f"hf:{NAME}", photos) == answers(lenext, trained, photos)

    pulled = document(lenext("pull", NAME, "--out", tmp_path / "back", "--json"))
    assert [path.name for path in (tmp_path / "back").iterdir()] == [FILE]
    assert pulled["classes"] == ["day", "night"]
    assert pulled["sha256"] == sent["sha256"]
    assert answers(lenext, tmp_path / "back", photos) == answers(lenext, trained, photos)


def test_the_model_card_has_what_the_hub_reads(hub, lenext, trained):
    document(lenext("push", trained, NAME, "--licence", "apache-2.0", "--no-report", "--public", "--json"))
    held = hub.repositories[NAME]
    assert not held.private
    assert set(held.files) == {"model.safetensors", "README.md"}
    _, front, body = held.files["README.md"].decode().split("---\n", 2)
    facts = yaml.safe_load(front)
    assert facts["license"] == "apache-2.0"
    assert facts["library_name"] == "lenext"
    assert "lenet5" in facts["tags"]
    measured = load(trained).card.metrics
    results = facts["model-index"][0]["results"]
    assert [one["metrics"][0]["value"] for one in results] == [one["top1"]["value"] for one in measured.values()]
    assert body.lstrip().startswith("# ")
    assert f"lenext predict hf:{NAME} image.jpg" in body


def test_a_weight_file_alone_has_a_short_card(hub, lenext, trained, tmp_path):
    shutil.copy(trained / FILE, tmp_path / "w.safetensors")
    document(lenext("push", tmp_path / "w.safetensors", NAME, "--json"))
    assert set(hub.repositories[NAME].files) == {"model.safetensors", "README.md"}
    assert b"day, night" in hub.repositories[NAME].files["README.md"]


def test_a_second_push_is_a_commit_more(hub, lenext, trained):
    document(lenext("push", trained, NAME, "--json"))
    document(lenext("push", trained, NAME, "--json"))
    assert hub.repositories[NAME].commits == 2


def test_a_damaged_run_is_not_sent(hub, refused, trained, tmp_path):
    content = bytearray((trained / FILE).read_bytes())
    content[-1] ^= 1
    (tmp_path / FILE).write_bytes(content)
    status, error = refused("push", tmp_path, NAME)
    assert (status, error["kind"]) == (4, "weight-file")
    assert hub.asked == []


def test_what_was_pulled_is_not_what_its_card_says(hub, refused, trained, tmp_path):
    content = bytearray((trained / FILE).read_bytes())
    content[-1] ^= 1
    hub.repositories[NAME] = Held({FILE: bytes(content)})
    status, error = refused("pull", NAME, "--out", tmp_path / "back")
    assert status == 4
    assert "SHA-256" in error["message"]
    assert not (tmp_path / "back").exists()


def test_a_file_without_a_card_is_not_used(hub, refused, tmp_path):
    hub.repositories[NAME] = Held({FILE: safetensors.torch.save({"weight": torch.zeros(3)})})
    assert refused("pull", NAME, "--out", tmp_path / "back")[0] == 4


def test_a_pickle_is_not_even_fetched(hub, refused, tmp_path):
    hub.repositories[NAME] = Held({"pytorch_model.bin": b"\x80\x04cposix\nsystem\n"})
    status, error = refused("pull", NAME, "--out", tmp_path / "back")
    assert status == 2
    assert "model.safetensors" in error["message"]
    assert not any("pytorch_model" in line for line in hub.asked)


def test_what_lies_there_is_not_overwritten(hub, refused, trained, tmp_path):
    (tmp_path / "back").mkdir()
    (tmp_path / "back" / FILE).write_bytes(b"mine")
    assert refused("pull", NAME, "--out", tmp_path / "back")[0] == 2
    assert (tmp_path / "back" / FILE).read_bytes() == b"mine"
    assert hub.asked == []


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ((401, ""), "no repository|token"),
        ((403, ""), "right"),
        ((500, ""), "500"),
        ((404, "RepoNotFound"), "no repository"),
    ],
)
def test_what_the_hub_refuses(hub, refused, trained, status, message, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)  # the library tries again
    hub.status = status
    _, error = refused("push", trained, NAME)
    assert re.search(message, error["message"])


def test_somebody_elses_name(hub, refused, trained):
    status, error = refused("push", trained, "grace/photos")
    assert status == 1
    assert "right" in error["message"]


def test_an_upload_that_breaks(hub, refused, trained, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)

    def broken(request):
        request.body()  # an answer before the body's end may be lost with the connection
        request.refuse(500, "")

    monkeypatch.setattr(hub, "do_PUT", broken)
    status, error = refused("push", trained, NAME)
    assert status == 1
    assert "500" in error["message"]
    assert hub.repositories[NAME].files == {}


def test_without_a_token_nothing_is_sent(stranger, refused, trained):
    status, error = refused("push", trained, NAME)
    assert status == 1
    assert "HF_TOKEN" in error["remedy"]
    assert not stranger.asked


@pytest.mark.parametrize(
    ("held", "name", "message"),
    [
        (None, NAME, "no repository"),
        (Held(private=True), NAME, "private"),
        (Held(gated=True), NAME, "gated"),
        (Held(), NAME, "model.safetensors"),
        (Held(), f"{NAME}@no-such", "no revision 'no-such'"),
    ],
)
def test_what_cannot_be_had(stranger, refused, photos, held, name, message):
    if held is not None:
        stranger.repositories[NAME] = held
    _, error = refused("predict", f"hf:{name}", photos)
    assert message in error["message"]


def test_without_a_network(hub, refused, photos, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda _: None)
    status, error = refused("predict", f"hf:{NAME}", photos)
    assert status == 1
    assert "connection" in error["remedy"]


@pytest.mark.parametrize("variable", ["LENEXT_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_only_the_cache_is_used(hub, lenext, refused, trained, photos, variable, monkeypatch):
    hub.repositories[NAME] = Held({FILE: (trained / FILE).read_bytes()})
    monkeypatch.setenv(variable, "1")
    status, error = refused("predict", f"hf:{NAME}", photos)
    assert status == 1
    assert variable in error["message"]
    assert refused("push", trained, NAME)[0] == 1
    assert hub.asked == []
    monkeypatch.delenv(variable)
    answers(lenext, f"hf:{NAME}", photos)
    hub.asked.clear()
    monkeypatch.setenv(variable, "1")
    answers(lenext, f"hf:{NAME}", photos)
    assert hub.asked == []


@pytest.mark.parametrize("name", ["ada", "ada/../grace", "a/b/c", "ada/", "ada/x y", "https://huggingface.co/ada/x"])
def test_what_is_no_name(refused, photos, name):
    status, error = refused("predict", f"hf:{name}", photos)
    assert status == 2
    assert "USER/NAME" in error["remedy"]


def test_without_the_library(refused, trained, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    status, error = refused("push", trained, NAME)
    assert status == 2
    assert "lenext[hub]" in error["remedy"]
