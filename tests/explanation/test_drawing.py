"""The figure: a well-formed file whose text is text, with nothing outside its edges."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
import torch

from lenext.explanation.anatomy import Block, Operation, dissect
from lenext.explanation.drawing import draw, sides
from lenext.models import create_model

SVG = "{http://www.w3.org/2000/svg}"


def figure(name):
    with torch.device("meta"):
        network = create_model(name)
    blocks = dissect(network, network.input_size)
    return ET.fromstring(draw(name, ["a note"], network.input_size, blocks))


def words(root):
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("name", ["lenet5", "googlenet", "resnet50", "densenet121", "efficientnet_b0", "inception_v3"])
def test_everything_is_inside_and_no_two_chips_overlap(name):
    root = figure(name)
    width, height = float(root.get("width")), float(root.get("height"))
    chips = []
    for box in root.iter(f"{SVG}rect"):
        if box.get("class") == "paper":
            continue
        x, y, w, h = (float(box.get(key)) for key in ("x", "y", "width", "height"))
        assert 0 <= x <= x + w <= width
        assert 0 <= y <= y + h <= height
        if box.get("class") not in {"frame", "map"}:
            chips.append((x, y, x + w, y + h))
    for number, (left, top, right, bottom) in enumerate(chips):
        for other in chips[number + 1 :]:
            assert (
                right <= other[0] + 0.2 or other[2] <= left + 0.2 or bottom <= other[1] + 0.2 or other[3] <= top + 0.2
            )


def test_text_can_be_selected_and_names_what_a_reader_looks_for():
    found = words(figure("resnet152"))
    times, dash = "\N{MULTIPLICATION SIGN}", "\N{EN DASH}"
    assert {"resnet152", "a note", "global average pool", f"{times} 35", f"1024{times}14{times}14"} <= set(found)
    assert f"conv4_2 {dash} conv4_36" in found
    assert any(text.startswith(f"3{times}3 conv, 256") for text in found)


def test_a_reader_in_the_dark_gets_other_colours():
    style = next(figure("lenet5").iter(f"{SVG}style")).text
    assert "prefers-color-scheme: dark" in style


def test_maps_are_as_high_as_their_side_and_as_wide_as_their_channels():
    assert sides((64, 112, 112))[1] > sides((64, 56, 56))[1] > sides((64, 1, 1))[1] == sides((64,))[1]
    assert sides((128, 7, 7))[0] > sides((64, 7, 7))[0] > sides((1, 7, 7))[0] > 0


def test_marks_of_the_language_are_text():
    root = ET.fromstring(draw("a<b>&", ["<script>"], (1, 2, 2), [Block(("x",), (Operation("<i>", "other"),), (1,))]))
    assert {"a<b>&", "<script>", "<i>"} <= set(words(root))
