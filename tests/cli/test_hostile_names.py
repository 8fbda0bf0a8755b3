"""Names from the data that act where they are shown, through every command and page; and no connection is opened."""

import csv
import json
import re
import socket

import numpy as np
import pytest
from PIL import Image

CLASSES = (
    '=HYPERLINK("x","y")', "<script>alert(1)</script>", "\x1b[31mred\x07", "ab\u202egnp", "line\nbreak", "# title",
    "+1+1", "[a](javascript:alert(1))", "' onmouseover='alert(1)", "${jndi}{{7*7}}",
)  # fmt: skip
FILES = (
    "=cmd|'|'!A0.png",
    "<img src=x onerror=alert(1)>.png",
    "\x1b]0;title\x07.png",
    "\u202egpj.png",
    "a\nb.png",
    "-rf.png",
)
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")  # tabs and lines apart


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Whoever opens a connection or asks for an address fails."""

    def refuse(*_, **__):
        raise AssertionError("a connection was opened")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Ten classes of six pictures and one that cannot be read, all called like attacks."""
    root = tmp_path_factory.mktemp("photos") / "data <b>bold</b>"
    rng = np.random.default_rng(0)
    for number, label in enumerate(CLASSES):
        folder = root / label.replace("/", "\u2215")
        folder.mkdir(parents=True)
        for name in FILES:
            pixels = rng.integers(0, 60, (32, 32, 3)) + 19 * number
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name.replace("/", "\u2215"))
        (folder / "\x1b[2Jbroken<b>.png").write_bytes(b"no picture")
    return root


def silent(text):
    """Nothing in it acts on a terminal."""
    return not ACTING.search(text)


def test_every_way_through(lenext, photos, tmp_path):
    run = tmp_path / "run"
    page = tmp_path / "check.html"
    said = []

    def ran(*words, status=0):
        found, out, err = lenext(*words)
        assert found == status, err
        said.append(out + err)
        return out

    ran("check", photos, "--html", page)
    ran("train", photos, "--model", "lenet5", "--epochs", "1", "--batch-size", "8", "--out", run)
    ran("evaluate", run, photos, "--split", "all")
    ran("predict", run, photos, "--top", "3")
    ran("predict", run, photos / "gone\x07\u202e.png", status=3)
    ran("explain", run, next(photos.rglob("*rf.png")), "--out", tmp_path / "why")
    ran("evaluate", run, photos / "\x1b[31mgone", status=2)
    assert all(map(silent, said)), [
        text[max(0, m.start() - 80) : m.end() + 20] for text in said if (m := ACTING.search(text))
    ]

    pages = [page, *tmp_path.rglob("*.html")]
    assert len({path.name for path in pages}) >= 3
    for path in pages:
        text = path.read_text(encoding="utf-8")
        for attack in ("<script>alert", "<img src=x", "' onmouseover='alert", "<b>bold", "broken<b>"):
            assert attack not in text, (path, attack)
        assert silent(text), (path, ACTING.search(text))
    card = (run / "README.md").read_text(encoding="utf-8")
    assert silent(card)
    assert not re.search(r"(?<!\\)<script|(?<!\\)\]\(javascript|^# title|^=", card, re.MULTILINE)

    with (run / "data.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r")]
    again = json.loads(ran("check", run / "data.csv", "--json"))
    assert {*again["classes"]} == {label.replace("/", "\u2215") for label in CLASSES}
