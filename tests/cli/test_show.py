"""``lenext show``: the document that outside checks read, the table for a person, and errors that help."""

from __future__ import annotations

import json

import pytest

from lenext.cli import main
from lenext.cli.show import fitted


@pytest.fixture
def show(capsys):
    """Run the verb; returns exit status, standard output, standard error."""

    def run(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["show", *arguments])
        return stop.value.code, *capsys.readouterr()

    return run


@pytest.fixture
def document(show):
    def run(*arguments):
        status, out, err = show(*arguments, "--json")
        assert (status, err) == (0, "")
        return json.loads(out)

    return run


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        ("lenet5", 60_000, 325_680),
        ("vgg16_1x1", 133_638_952, 11_770_888_192),
        ("resnet50", 25_557_032, 3_857_973_248),
        ("resnet110_cifar", 1_727_962, 252_887_680),
    ],
)
def test_counts_are_those_of_the_papers(document, name, params, macs):
    shown = document(name)
    assert (shown["name"], shown["reading"], shown["params"], shown["macs"]) == (name, "paper", params, macs)
    assert (shown["published"]["params"], shown["published"]["macs"]) == (params, macs)


def test_the_document_has_every_part_that_was_promised(document):
    shown = document("vgg-d")
    assert shown["name"] == "vgg16"
    assert shown["input"] == [3, 224, 224]
    assert shown["year"] == 2014
    assert shown["paper"].startswith("Very Deep")
    assert shown["recipes"] == ["paper", "glorot", "s384", "multiscale", "practical"]
    assert shown["protocols"] == ["single"]
    assert shown["differences"] == []
    assert shown["published"]["printed"] == "138 million parameters"
    assert {"metric", "value", "data", "protocol", "source"} == set(shown["published"]["results"][0])
    pool5 = next(layer for layer in shown["layers"] if layer["name"].endswith("pool5"))
    assert pool5 == {
        "name": "stages.conv5.pool5",
        "type": "MaxPool2d",
        "output": [512, 7, 7],
        "params": 0,
        "macs": 0,
        "receptive_field": 212,
        "stride": 32,
    }


def test_a_reading_brings_its_differences(document):
    shown = document("resnet50", "--reading", "v1.5")
    assert shown["reading"] == "v1.5"
    assert shown["macs"] == 4_089_184_256
    assert [set(one) for one in shown["differences"]] == [{"where", "paper", "found", "source"}]


def test_options_classes_and_input_are_the_networks(document):
    shown = document("resnet18", "--option", "shortcut=A", "--classes", "7", "--input", "1x64x96")
    assert shown["options"]["shortcut"] == "A"
    assert shown["input"] == [1, 64, 96]
    assert shown["layers"][-1]["output"] == [7]
    assert shown["layers"][0]["output"] == [64, 32, 48]


def test_a_view_that_is_no_square_has_two_sides(document):
    shown = document("resnet20_cifar", "--input", "3x32x64")
    fields = {layer["name"]: layer["receptive_field"] for layer in shown["layers"]}
    assert fields["stem.conv1"] == 3
    assert isinstance(fields["head.pool"], list)
    assert len(fields["head.pool"]) == 2


def test_vgg_is_built_for_the_image_that_it_is_shown(document):
    shown = document("vgg16", "--input", "3x384x384")
    fc6 = next(layer for layer in shown["layers"] if layer["name"] == "head.fc6")
    assert fc6["params"] == (512 * 12 * 12 + 1) * 4096
    assert fitted("vgg16", (3, 384, 384), {"image_size": 224}) == {"in_channels": 3}  # who says it, means it


def test_a_person_reads_an_aligned_table_and_what_the_paper_says(show):
    status, out, err = show("resnet50", "--reading", "v1.5")
    assert (status, err) == (0, "")
    text = out.splitlines()
    header = next(line for line in text if line.startswith("name "))
    total = next(line for line in text if line.startswith("total "))
    assert header.split() == ["name", "type", "output", "parameters", "multiply-adds", "receptive", "field", "stride"]
    assert total.index("25,557,032") + len("25,557,032") == header.index("parameters") + len("parameters")
    assert "K. He, X. Zhang, S. Ren, J. Sun (2015)" in out
    assert "4,089,184,256  3,857,973,248" in out  # here, published
    assert "the paper's words: 3.8e9 FLOPs" in out
    assert "the 3x3 convolution halves the map" in out
    assert text[-2:] == ["recipes: paper, practical", "protocols: single"]


@pytest.mark.parametrize(
    ("arguments", "message", "remedy"),
    [
        (["vgg20"], "no network called 'vgg20'", "vgg"),
        (["resnet50", "--reading", "v2"], "no reading 'v2'", "v1.5"),
        (["resnet34", "--option", "shrtcut=A"], "no option 'shrtcut'", "shortcut"),
        (["resnet34", "--option", "shortcut=Z"], "no shortcut 'Z'", "A, B, C"),
        (["resnet34", "--option", "shortcut"], "has no value", "shortcut=A"),
        (["vgg16", "--option", "dropout=often"], "cannot be built with dropout='often'", "lenext where vgg16"),
        (["vgg16", "--input", "3x224"], "not a size", "3x224x224"),
        (["vgg16", "--input", "3x0x224"], "not a size", "3x224x224"),
        (["vgg16", "--input", "3x64x128"], "square images, not 64 by 128", "3x128x128"),
        (["vgg16", "--input", "3x16x16"], "16 pixels are too few", "32 or more"),
        (["lenet5", "--input", "1x16x16"], "1x16x16 does not go through: stages.c5.0", "1x32x32"),
        (["lenet5", "--input", "3x64x64"], "head.f6 (Linear) cannot take 9720", "square that works is 3x32x32"),
        (["lenet5", "--classes", "0"], "--classes", "show --help"),
    ],
)
def test_wrong_use_is_one_sentence_and_a_remedy(show, arguments, message, remedy):
    status, out, err = show(*arguments)
    assert (status, out) == (2, "")
    assert message in err.splitlines()[0]
    assert remedy in err.splitlines()[1]
    assert len(err.splitlines()) == 2
