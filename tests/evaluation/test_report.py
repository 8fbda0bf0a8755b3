"""The report: one file that is whole, asks nobody, shows everything, and takes names for nothing but names."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from sample_runs import HOSTILE, curves, noisy_evaluation, record

from lenext.evaluation.pages import SIDE, above, picture, scale_floor
from lenext.evaluation.record import DataFacts, PicturedClass
from lenext.evaluation.report import PROBLEMS, render, write_report

VOID = {"meta", "img", "input"}
SECTIONS = ["accuracy", "curves", "confusion", "classes", "mistakes", "data", "recipe", "cost", "use"]


class Page(HTMLParser):
    """What a browser would find: elements with their attributes, and the words between them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self.open, self.unbalanced = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag in {"td", "th"}:
            self.words.append(" ")  # cells stand apart
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data):
        self.words.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.words))


@pytest.fixture(scope="module")
def digits_page(digits_record):
    return Page(render(digits_record))


@pytest.fixture(scope="module")
def hostile_page(hostile_record):
    return Page(render(hostile_record))


def page_of(classes, images=200, **changes):
    names = [f"class {number}" for number in range(classes)]
    return Page(render(record(names, {"validation": noisy_evaluation(names, images)}, **changes)))


def test_every_section_is_there_and_can_be_reached(digits_page):
    assert [section["id"] for section in digits_page.all("section")] == SECTIONS
    assert [link["href"] for link in digits_page.all("a")] == [f"#{name}" for name in SECTIONS]


@pytest.mark.parametrize("which", ["digits_page", "hostile_page"])
def test_the_page_is_well_formed(which, request):
    page = request.getfixturevalue(which)
    assert page.unbalanced == []
    assert page.open == []


@pytest.mark.parametrize("which", ["digits_page", "hostile_page"])
def test_nothing_is_fetched_and_nothing_runs(which, request):
    page = request.getfixturevalue(which)
    addresses = [attributes[name] for _, attributes in page.elements for name in ("src", "href") if name in attributes]
    assert addresses
    assert all(address.startswith(("data:image/png;base64,", "data:image/jpeg;base64,", "#")) for address in addresses)
    assert not {tag for tag, _ in page.elements} & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    styles = page.text + " ".join(attributes.get("style", "") for _, attributes in page.elements)
    assert "url(" not in styles
    assert "@import" not in styles
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'")


def test_names_stay_names(hostile_page, hostile_record):
    assert {image["src"][:10] for image in hostile_page.all("img")} == {"data:image"}
    assert hostile_page.text.count(HOSTILE) >= 5
    assert "49" not in re.findall(r"\{\{ (\S+) \}\}", hostile_page.text)
    assert "}}{{ 7*7 }}</td>\\u202egnihton" in hostile_page.text
    assert "猫と犬" in hostile_page.text
    everything = "".join(hostile_page.words) + repr(hostile_page.elements)
    assert "\u202e" not in everything
    assert "\\\\nfile\\\\u202egnp.exe" in everything
    render(hostile_record).encode("utf-8")


def test_the_headline_is_the_test_images_figure_with_its_interval(digits_page, digits_record):
    split, evaluation = digits_record.headline
    assert split == "test"
    assert f"{100 * evaluation.top1.value:.1f} % of 360 test images recognised" in digits_page.text
    interval = f"{100 * evaluation.top1.low:.1f} to {100 * evaluation.top1.high:.1f} %"
    assert f"between {interval} on images of the same kind. These images took no part" in digits_page.text


def test_validation_images_that_chose_the_epoch_are_called_optimistic(digits_page):
    assert re.search(r"Validation: \d\d\.\d % .{0,40} of 288 images\. These same images chose", digits_page.text)
    assert "200 validation images recognised" in page_of(3).text
    assert "slightly optimistic" in page_of(3).text
    assert "slightly optimistic" not in page_of(3, chosen_on="").text


def test_each_class_has_its_support_and_the_interval_of_its_recall(digits_page, digits_record):
    evaluation = digits_record.headline[1]
    score = evaluation.per_class[3]
    assert re.search(rf"\b3\s*{score.support}\s*{100 * score.recall:.1f}\s*86\.0 to 98\.8\s*100\.0", digits_page.text)


def test_every_mistake_is_shown_with_its_picture_and_words(digits_page, digits_record):
    images = digits_page.all("img")
    assert len(images) == len(digits_record.mistakes) == digits_record.headline[1].wrong > 0
    for shown, mistake in zip(images, digits_record.mistakes, strict=True):
        assert shown["alt"] == f"{mistake.truth}, taken for {mistake.answer}"
        assert shown["class"] == "tiny"
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown["src"].split(",")[1]))))
        assert np.array_equal(pixels, mistake.picture[:, :, 0])
        assert mistake.name in digits_page.text


def test_examples_lie_under_their_heat_maps(digits_record):
    best, worst = digits_record.mistakes[:2]
    heated = [replace(best, answer=best.truth, heat=b"a layer", hidden=0.25), replace(worst, heat=None)]
    pair = PicturedClass(name=best.truth, right=heated[0], wrong=heated[1])
    page = Page(render(replace(digits_record, examples=[pair], mistakes=digits_record.mistakes[2:4])))
    assert not page.unbalanced
    assert page.all("section")[4]["id"] == "examples"
    layers = [shown for shown in page.all("img") if shown.get("class") == "layer"]
    assert [base64.b64decode(shown["src"].split(",")[1]) for shown in layers] == [b"a layer"]
    assert "recognised" in page.text
    assert "25.0 % without the hottest tenth" in page.text
    assert "would have taken too long" in page.text
    assert len(page.all("input")) == 1


def test_a_run_without_mistakes_says_so():
    assert "Not one of these images was taken" in Page(render(flawless())).text


def flawless():
    names = ["a", "b"]
    return record(names, {"test": noisy_evaluation(names, 50, sureness=40.0)}, mistakes=())


def test_large_pictures_are_reduced_and_png_files_are_taken():
    large = np.random.default_rng(0).integers(0, 255, (900, 600, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(large).save(file, format="PNG")
    for source in (large, file.getvalue()):
        found = picture(source)
        with Image.open(io.BytesIO(base64.b64decode(found.address.split(",")[1]))) as image:
            assert (image.size, image.format, found.tiny) == ((SIDE * 2 // 3, SIDE), "JPEG", False)


@pytest.mark.parametrize("classes", [2, 30])
def test_few_classes_have_a_matrix_with_numbers(classes):
    page = page_of(classes)
    tables = [table for table in page.all("table") if table.get("class", "").startswith("matrix")]
    assert len(tables) == 1
    counts = [cell for cell in page.all("td") if cell.get("class") in {"hit", "miss", "none"}]
    assert len(counts) == classes**2


def test_many_classes_have_a_drawing_and_the_most_confused_pairs():
    page = page_of(60, images=2000)
    assert [drawing for drawing in page.all("svg") if drawing.get("class") == "matrix"]
    assert "the pairs that are confused most" in page.text
    assert len(re.findall(r"class \d+ class \d+ \d+ \d+ %", page.text)) == 15


def test_very_many_classes_have_only_the_pairs():
    page = page_of(150, images=2000)
    assert not [drawing for drawing in page.all("svg") if drawing.get("class") == "matrix"]
    assert "matrix of 150 classes is too large to draw" in page.text


def test_a_run_without_curves_has_no_section_for_them():
    page = page_of(3, curves=[])
    assert "curves" not in [section["id"] for section in page.all("section")]
    assert len(page_of(3, curves=curves(1)).all("svg")) == 2


def test_problems_are_named_up_to_a_limit_and_then_counted():
    file = {"kind": "truncated", "message": "ends early", "action": "left out"}
    problems = [{"path": f"p{number}.jpg", **file} for number in range(PROBLEMS + 7)]
    data = DataFacts(name="d", classes=["a", "b"], counts={"train": {"a": 1, "b": 0}}, problems=problems)
    page = page_of(2, data=data)
    assert "p0.jpg truncated ends early left out" in page.text
    assert "And 7 more;" in page.text


def test_tables_and_drawings_can_be_read_aloud(digits_page):
    assert all("scope" in head for head in digits_page.all("th"))
    assert all(drawing.get("aria-label") for drawing in digits_page.all("svg"))
    assert all(box.get("aria-label") for box in digits_page.all("div") if "scroll" in box.get("class", ""))
    assert digits_page.all("html") == [{"lang": "en"}]


def test_lines_to_type_keep_their_breaks(digits_record):
    assert f"<code>{digits_record.usage.shell}\n</code>" in render(digits_record)


@pytest.mark.parametrize(("lowest", "floor"), [(0.957, 0.9), (0.9, 0.9), (0.42, 0.4), (0.0, 0.0), (1.0, 0.9)])
def test_the_scale_of_intervals_begins_at_a_round_figure(lowest, floor):
    assert scale_floor(lowest) == pytest.approx(floor)
    assert 0 <= above(lowest, scale_floor(lowest)) <= 1


def test_the_file_is_written_whole(tmp_path, digits_record):
    write_report(tmp_path / "report.html", digits_record)
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == render(digits_record)
    assert len(list(tmp_path.iterdir())) == 1
