"""Weights under the names of other libraries: every tensor has one place there, and a wrong reading has none."""

import re

import pytest
import torch

from lenext.errors import UsageError, WeightFileError
from lenext.models import create_model, list_models, readings
from lenext.weights.adapters import SOURCES, export_state, known, load_state
from lenext.weights.adapters.renaming import Counterpart, Rename, apply

# Of the networks that share their rules the first; parity/ has them all. test_keras and test_caffe have those that are
# no state dicts of torch.
FIRST = [
    (source, *next(iter(adapter.networks.items())), adapter.reading)
    for source, adapters in SOURCES.items()
    for adapter in adapters
    if source not in ("keras", "caffe")
]


def network(name="resnet18", seed=0, **options):
    torch.manual_seed(seed)
    return create_model(name, num_classes=3, **options)


@pytest.fixture(scope="module")
def state():
    """The weights of a ResNet-18 of three classes, as torchvision calls them."""
    return export_state(network(seed=1), "torchvision")


def refused(kind, message, *given, **options):
    with pytest.raises(kind, match=message) as caught:
        load_state(*given, **options)
    assert caught.value.remedy
    return caught.value


def values(module):
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# The rules


def test_the_networks_are_of_the_line():
    every = [names for source in SOURCES for names in known(source)]
    assert len(every) > 40
    assert {name for name, _, _ in every} <= set(list_models())
    assert all(reading in readings(name) for name, reading, _ in every)


@pytest.mark.parametrize(
    ("source", "name", "theirs", "reading"), FIRST, ids=[f"{source}:{theirs}" for source, _, theirs, _ in FIRST]
)
def test_every_tensor_has_a_place_of_its_own(source, name, theirs, reading):
    with torch.device("meta"):
        built = create_model(name, reading=reading)
    exported = export_state(built, source)
    ours = built.state_dict()
    assert len(exported) == len(ours) > 10
    assert sorted(tensor.numel() for tensor in exported.values()) == sorted(tensor.numel() for tensor in ours.values())


@pytest.mark.parametrize(
    ("rule", "ours", "theirs"),
    [
        (Rename("head.fc", "fc"), "head.fc.weight", "fc.weight"),
        (Rename("head.fc", "fc"), "head.fc6.weight", None),
        (Rename("head.fc", "fc"), "xhead.fc.weight", None),
        (Rename("s{s}.b{s}_{b}", "l{s-1}.{b-1}"), "s2.b2_10.running_var", "l1.9.running_var"),
        (Rename("s{s}.b{s}_{b}", "l{s-1}.{b-1}"), "s2.b3_10.running_var", None),
        (Rename("block{b}.{L}", "f.{2b-4}.{L}"), "block3.bn.num_batches_tracked", "f.2.bn.num_batches_tracked"),
        (Rename("stages.{L}", "f.{#}"), "stages.conv.bias", "f.7.bias"),
        (Rename("a.scale.weight", "gamma"), "a.scale.weight", "gamma"),
    ],
)
def test_a_rule_reads_one_name_and_writes_the_other(rule, ours, theirs):
    found = apply(rule, ours, {"stages.conv": 7})
    assert found == (Counterpart(theirs, None) if theirs else None)


def test_tensors_take_the_shapes_of_the_library():
    with torch.device("meta"):
        vgg, convnext = create_model("vgg11"), create_model("convnext_tiny")
    assert export_state(vgg, "torchvision")["classifier.0.weight"].shape == (4096, 25_088)
    assert export_state(vgg, "timm")["pre_logits.fc1.weight"].shape == (4096, 512, 7, 7)
    assert export_state(vgg, "timm")["pre_logits.fc2.weight"].shape == (4096, 4096, 1, 1)
    assert export_state(convnext, "torchvision")["features.1.0.layer_scale"].shape == (96, 1, 1)
    assert export_state(convnext, "timm")["stages.0.blocks.0.gamma"].shape == (96,)


def test_there_and_back_nothing_changes(state):
    first, second = network(seed=1), network(seed=2)
    assert not same(values(first), values(second))
    assert load_state(second, state, "torchvision") == []
    assert same(values(first), values(second))


def test_an_export_is_a_copy():
    built = network()
    export_state(built, "timm")["fc.bias"].fill_(9.0)
    assert not (built.state_dict()["head.fc.bias"] == 9.0).any()


# The reading


@pytest.mark.parametrize("source", ["torchvision", "timm"])
def test_weights_of_another_reading_are_refused_though_they_fit(source):
    with torch.device("meta"):
        papers, later = create_model("resnet50"), create_model("resnet50", reading="v1.5")
    weights = export_state(later, source)
    error = refused(WeightFileError, "reading 'v1.5'; this network is of the reading 'paper'", papers, weights, source)
    assert error.remedy == 'Build it with create_model("resnet50", reading="v1.5").'
    with pytest.raises(WeightFileError, match=r"v1\.5"):
        export_state(papers, source)


def test_the_readings_option_is_as_good_as_its_name():
    with torch.device("meta"):
        built = create_model("resnet50", stride_in="3x3")
    assert "layer4.0.downsample.1.bias" in export_state(built, "torchvision")


def test_other_options_are_refused():
    with torch.device("meta"):
        built = create_model("resnet200", stride_in="1x1")
    refused(WeightFileError, "not built with stride_in='1x1'", built, {}, "timm")


def test_of_two_forms_in_one_library_the_networks_own_is_taken():
    with torch.device("meta"):
        forms = [create_model("efficientnet_b0", reading=reading) for reading in ("paper", "timm")]
        foreign = create_model("efficientnet_b0", reading="torchvision")
    assert {len(export_state(form, "timm")) for form in forms} == {360}
    refused(WeightFileError, "reading 'paper'; this network is of the reading 'torchvision'", foreign, {}, "timm")


# What does not fit


def test_a_source_that_there_is_not_is_answered_with_a_near_one():
    error = refused(UsageError, "no adapters for 'torchvison'", network(), {}, "torchvison")
    assert "torchvision" in error.remedy


def test_a_network_that_a_library_does_not_have():
    error = refused(UsageError, "torchvision has no network that computes what xception does", made("xception"), {},
                    "torchvision")  # fmt: skip
    assert error.remedy == "There is one in timm and keras."
    refused(UsageError, "timm has no network that computes what lenet5 does", made("lenet5"), {}, "timm")
    refused(UsageError, "what preresnet200 does", made("preresnet200"), {}, "timm")
    refused(WeightFileError, "reading 'timm'", made("preresnet50"), {}, "timm")  # resnetv2_50 pools earlier


def made(name):
    with torch.device("meta"):
        return create_model(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fc.weight": torch.zeros(1000, 512)}, r"fc\.weight has shape \(1000, 512\), not \(3, 512\)"),
        ({"fc.weight": torch.full((3, 512), torch.nan)}, "holds values that are not numbers"),
        ({"fc.weight": "a picture"}, "is no tensor but str"),
        ({"fc.weight": None}, "missing fc.weight"),
        ({"fc.weight": None, "fc.bias": None}, "missing fc.weight and 1 more"),
        ({"extra.weight": torch.zeros(1)}, "unknown extra.weight"),
        ({"extra.weight": torch.zeros(1), "fc.bias": None}, r"missing fc.bias \(1 more\)"),
    ],
)
def test_what_does_not_fit_is_refused_and_changes_nothing(state, change, message):
    changed = {name: value for name, value in {**state, **change}.items() if value is not None}
    built = network()
    before = values(built)
    refused(WeightFileError, message, built, changed, "torchvision")
    assert same(values(built), before)


def test_what_fits_is_loaded_when_asked(state):
    built = network()
    own = values(built)["head.fc.weight"]
    differences = load_state(built, {**state, "fc.weight": torch.zeros(1000, 512)}, "torchvision", strict=False)
    assert differences == ["fc.weight has shape (1000, 512), not (3, 512)"]
    assert torch.equal(built.state_dict()["head.fc.weight"], own)
    assert torch.equal(built.state_dict()["stem.conv1.weight"], state["conv1.weight"])


def test_weights_of_which_nothing_fits_are_refused_all_the_same():
    error = refused(WeightFileError, "missing", network(), {"a": torch.zeros(1)}, "torchvision", strict=False)
    assert "another network" in error.remedy


# What differs without harm


def test_old_files_without_counts_of_batches_are_whole(state):
    old = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    assert len(old) == len(state) - 20
    (remark,) = load_state(network(), old, "torchvision")
    assert remark.startswith("counts of batches stay as they are")


def test_values_are_cast_and_that_is_said(state):
    half = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    built = network()
    assert load_state(built, half, "torchvision") == ["cast from torch.float16 to torch.float32"]
    assert torch.equal(built.state_dict()["head.fc.bias"], half["fc.bias"].float())
    assert built.state_dict()["head.fc.bias"].dtype == torch.float32


def test_auxiliary_heads_are_left_out_and_that_is_said():
    first, second = (network("googlenet", seed, reading="torchvision") for seed in (1, 2))
    weights = export_state(first, "torchvision") | {"aux1.fc1.bias": torch.zeros(1), "aux2.fc1.bias": torch.zeros(1)}
    assert load_state(second, weights, "torchvision") == [
        "the first auxiliary head left out: aux1.fc1.bias", "the second auxiliary head left out: aux2.fc1.bias",
    ]  # fmt: skip
    assert same(values(first), values(second))


def test_the_published_densenets_have_older_names():
    first, second = network("densenet121", seed=1), network("densenet121", seed=2)
    weights = export_state(first, "torchvision")
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", name): tensor for name, tensor in weights.items()}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    assert load_state(second, old, "torchvision") == []
    assert same(values(first), values(second))
