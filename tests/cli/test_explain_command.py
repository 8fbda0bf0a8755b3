"""``lenext explain``: one document, a page that stays whole, and names that are nothing but names."""

import json
import re
from html.parser import HTMLParser

import pytest
from daylight import draw
from PIL import Image

HOSTILE = "<img src=x onerror=alert(1)>"
KEYS = {"path", "class", "probability", "predicted", "method", "stage", "map", "peak", "share", "error"}


def explained(lenext, *words):
    status, output, said = lenext("explain", *words, "--json")
    assert status == 0, said
    return json.loads(output)


@pytest.mark.parametrize("method", ["gradcam", "occlusion"])
def test_maps_and_page(lenext, trained, photos, tmp_path, method):
    paths = [photos / "day" / "00.png", photos / "night" / "01.png"]
    found = explained(lenext, trained, *paths, "--method", method, "--out", tmp_path / "why")
    assert [row["path"] for row in found] == list(map(str, paths))
    assert all(set(row) >= KEYS for row in found)
    assert [row["class"] for row in found] == ["day", "night"]
    assert [row["stage"] for row in found] == (["s4", "s4"] if method == "gradcam" else [None, None])
    for row in found:
        with Image.open(row["map"]) as drawn:
            assert drawn.format == "PNG"
    page = (tmp_path / "why" / "index.html").read_text()
    assert page.count('class="layer"') == 2


def test_the_class_and_stage_that_are_asked_for(lenext, trained, photos, tmp_path):
    words = (photos / "day" / "00.png", "--class", "night", "--stage", "c3", "--out", tmp_path / "why")
    (found,) = explained(lenext, trained, *words)
    assert (found["class"], found["stage"], found["predicted"]["class"]) == ("night", "c3", "day")
    assert found["probability"] < 0.5


@pytest.mark.parametrize("method", ["filters", "activations"])
def test_sheets(lenext, trained, photos, tmp_path, method):
    images = [] if method == "filters" else [photos / "day" / "00.png"]
    (found,) = explained(lenext, trained, *images, "--method", method, "--out", tmp_path / "why")
    assert found["peak"] is None
    with Image.open(found["map"]) as drawn:
        assert min(drawn.size) > 90


def test_neighbours_of_the_same_class(lenext, trained, photos, tmp_path):
    words = ("--neighbours", photos, "--nearest", "3", "--out", tmp_path / "why")
    (found,) = explained(lenext, trained, photos / "night" / "03.png", *words)
    assert [near["class"] for near in found["neighbours"]] == ["night"] * 3
    distances = [near["distance"] for near in found["neighbours"]]
    assert distances == sorted(distances)


def test_folders_are_numbered_and_one_that_is_full_is_refused(lenext, refused, trained, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("explain", "explain-2"):
        status, output, said = lenext("explain", trained, photos / "day" / "00.png")
        assert status == 0
        assert f"{name}/index.html" in said
        assert "What speaks for day" in output or "cold everywhere" in output
    status, error = refused("explain", trained, photos / "day" / "00.png", "--out", "explain")
    assert status == 2
    assert "already holds" in error["message"]


def test_a_bad_file_is_named_and_hides_no_other(lenext, trained, photos, tmp_path):
    (tmp_path / "letter.png").write_text("Dear Mum")
    words = (tmp_path / "letter.png", photos / "day" / "00.png", "--out", tmp_path / "why")
    bad, good = explained(lenext, trained, *words)
    assert bad["error"]["kind"] == "not-an-image"
    assert good["error"] is None
    status, output, _ = lenext("explain", trained, tmp_path / "letter.png", "--out", tmp_path / "other", "--json")
    assert status == 3
    assert len(json.loads(output)) == 1


def test_wrong_uses(refused, trained, photos, tmp_path):
    image = photos / "day" / "00.png"
    out = ("--out", tmp_path / "why")
    assert refused("explain", trained, *out)[0] == 2
    assert refused("explain", trained, image, "--class", "noon", *out)[0] == 2
    assert refused("explain", trained, image, "--stage", "c5", *out)[0] == 2
    assert refused("explain", photos, image, *out)[0] == 4
    assert not (tmp_path / "why").exists()


class Images(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.sources = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        assert tag not in {"script", "iframe", "link"}
        assert not [name for name in attrs if name.startswith("on")]
        if tag == "img":
            self.sources.append(attrs["src"])


def test_names_stay_names_in_page_and_report(lenext, tmp_path):
    data = draw(tmp_path / "data", {HOSTILE: (200, 200, 200), "b": (40, 40, 40)})
    run = tmp_path / "run"
    words = ("train", data, "--model", "lenet5", "--epochs", "2", "--batch-size", "4", "--out", run, "--quiet")
    assert lenext(*words)[0] == 0
    (data / HOSTILE / "00.png").rename(data / HOSTILE / f"{HOSTILE}.png")
    out = ("--neighbours", data, "--out", tmp_path / "why")
    explained(lenext, run, data / HOSTILE / f"{HOSTILE}.png", "--class", HOSTILE, *out)
    for page in (tmp_path / "why" / "index.html", run / "report.html"):
        text = page.read_text()
        sources = Images(text).sources
        assert sources
        assert all(source.startswith("data:image/") for source in sources)
        assert not re.search(r"https?://", re.sub(r"data:[^\"]*", "", text))
        assert len(text) < 3_000_000


def test_the_report_has_the_best_and_worst_of_each_class_with_their_maps(trained):
    text = (trained / "report.html").read_text()
    assert 'id="examples"' in text
    assert text.count('class="layer"') >= 2
    assert "without the hottest tenth" in text
