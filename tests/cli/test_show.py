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
    assert shown["recipes"] == ["paper", "glorot", "s384", "multiscale", "features", "practical"]
    assert "single" in shown["protocols"]
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
        "memory": 512 * 7 * 7 * 4,
    }
    assert shown["memory"]["peak"] == 4 * 224 * 224 * (3 + 64 + 64)
    assert shown["memory"]["outputs"] == sum(layer["memory"] for layer in shown["layers"])
    assert {"name", "reading", "top1", "top5", "megabytes", "licence"} == set(shown["weights"][0])


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
    header = next(line for line in text if line.split()[:1] == ["type"])
    total = next(line for line in text if line.startswith("total "))
    assert header.split() == ["type", "output", "params", "mult-adds", "memory", "field", "step"]
    assert total.index("25,557,032") + len("25,557,032") == header.index("params") + len("params")
    assert "stages.conv2_x.conv2_1" in text
    assert "K. He, X. Zhang, S. Ren, J. Sun (2015)" in out
    assert "4,089,184,256  3,857,973,248" in out  # here, published
    assert "the paper's words: 3.8e9 FLOPs\nThe paper's FLOPs are multiply-adds" in out
    assert "torchvision:IMAGENET1K_V2  v1.5" in out
    assert "the 3x3 convolution halves the map" in out
    assert text[-2].startswith("recipes: paper, fb, practical")
    assert text[-1].startswith("protocols: single")


@pytest.mark.parametrize("name", ["lenet5", "vgg16", "googlenet", "resnet152", "densenet121", "efficientnet_b0"])
def test_the_layers_fit_a_hundred_columns(show, name):
    text = show(name)[1].splitlines()
    first, last = (next(n for n, line in enumerate(text) if line.startswith(word)) for word in ("input ", "total "))
    assert last > first
    assert max(map(len, text[first - 1 : last + 1])) <= 100


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("alexnet", "659,272"), ("googlenet", "separable"), ("efficientnet_b4", "4 % below"),
        ("preresnet1001_cifar", "10,178,480"), ("convnext_roadmap_resnet50_12", "Table 10 prints 4.46"),
    ],
)  # fmt: skip
def test_a_figure_that_differs_from_the_count_is_explained(document, name, remark):
    assert any(remark in one for one in document(name)["published"]["remarks"])


def test_the_figure_is_drawn_into_a_file(document, tmp_path):
    file = tmp_path / "a net.svg"
    file.write_text("old", encoding="utf-8")
    shown = document("resnet50", "--reading", "v1.5", "--svg", str(file))
    text = file.read_text(encoding="utf-8")
    assert shown["name"] == "resnet50"
    assert text.startswith("<svg ")
    assert "4,089,184,256 multiply-adds, reading v1.5" in text
    assert [one.name for one in tmp_path.iterdir()] == ["a net.svg"]


@pytest.mark.parametrize(
    ("file", "message", "remedy"),
    [
        ("nowhere/net.svg", "there is no folder", "Make it"),
        ("net.png", "not the name of an SVG file", "net.svg"),
        ("-", "not the name of an SVG file", "Write --svg"),
        ("", "not the name of an SVG file", "network.svg"),
        ("folder.svg", "not the name of an SVG file", "Write --svg"),
    ],
)
def test_a_file_that_cannot_be_drawn_into_is_refused_before_the_work(
    show, tmp_path, monkeypatch, file, message, remedy
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.svg").mkdir()
    status, out, err = show("lenet5", "--svg", file)
    assert (status, out) == (2, "")
    assert message in err.splitlines()[0]
    assert remedy in err.splitlines()[1]
    assert [one.name for one in tmp_path.iterdir()] == ["folder.svg"]


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
