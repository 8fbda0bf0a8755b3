"""``lenext check`` on a folder with one of each fault: as a function, in words, as JSON, as a page and as a list."""

import json

import numpy as np
import pytest
from PIL import Image

import lenext
from lenext.api.check import CheckOptions, checked
from lenext.api.checked.fix_list import write_fix_list
from lenext.api.checked.page import write_page
from lenext.errors import UsageError
from lenext.training.watch import Silent

STRANGE = "<img src=x onerror=alert(1)>"


def picture(seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC)


@pytest.fixture
def faulty(tmp_path, monkeypatch):
    monkeypatch.setenv("LENEXT_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "faulty"
    for number in range(12):
        folder = root / ("train" if number < 8 else "test") / (STRANGE if number % 2 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        picture(number).save(folder / f"{number}.png")
    picture(0).save(root / "test" / "dog" / "equal.png")
    picture(2).save(root / "test" / "dog" / "near.jpg", quality=85)
    picture(4).save(root / "train" / STRANGE / "other class.png")
    broken = root / "train" / "dog" / "broken.png"
    broken.write_bytes((root / "train" / "dog" / "6.png").read_bytes()[:-30])
    return root


def test_every_fault_is_named_and_no_other(faulty):
    document = lenext.check(faulty)
    assert document["images"] == 15
    assert {(problem["path"], problem["kind"]) for problem in document["problems"]} == {
        ("test/dog/equal.png", "leak"), ("train/dog/0.png", "leak"),
        ("test/dog/near.jpg", "leak"), ("train/dog/2.png", "leak"),
        (f"train/{STRANGE}/other class.png", "two-classes"), ("train/dog/4.png", "two-classes"),
        ("train/dog/broken.png", "truncated"),
    }  # fmt: skip
    assert [(pair["exact"], pair["kinds"]) for pair in document["pairs"]] == [
        (True, ["leak"]), (False, ["leak"]), (True, ["two-classes"]),
    ]  # fmt: skip
    assert json.loads(json.dumps(document)) == document
    assert lenext.check(faulty, workers=1) == document


def test_the_list_holds_what_a_sound_set_lacks(faulty, tmp_path):
    found = checked(str(faulty), CheckOptions(), Silent())
    write_fix_list(tmp_path / "fix.txt", found)
    text = (tmp_path / "fix.txt").read_text()
    paths = [line for line in text.splitlines() if not line.startswith("#")]
    assert paths == found.document()["leave_out"]
    for path in paths:
        (faulty / path).unlink()
    assert lenext.check(faulty)["problems"] == []


def test_the_page_shows_pictures_and_keeps_names_text(faulty, tmp_path):
    write_page(tmp_path / "page.html", checked(str(faulty), CheckOptions(), Silent()))
    page = (tmp_path / "page.html").read_text()
    assert STRANGE not in page
    assert "&lt;img src=x" in page
    assert page.count("data:image/") == 6
    assert "http://" not in page
    assert "https://" not in page


def test_arrays_are_checked_too():
    document = lenext.check("digits")
    assert document["images"] == 1797
    assert all(pair["kinds"] for pair in document["pairs"])


def test_wrong_use_is_said():
    with pytest.raises(UsageError, match="takes no 'epochs'"):
        lenext.check("digits", epochs=3)
    with pytest.raises(UsageError, match="--workers"):
        lenext.check("digits", workers=0)
    with pytest.raises(UsageError, match="The data are"):
        lenext.check(3)
