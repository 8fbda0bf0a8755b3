"""Every network that the libraries have in the families of the line: we have it too, or there is a reason."""

from __future__ import annotations

import fnmatch
import functools

import pytest
import timm
import torch
import torchvision
from pairs import NETWORKS, foreign
from torch import nn

from lenext.models import create_model, list_models, readings

FAMILIES = (
    "alexnet", "vgg", "googlenet", "inception", "resnet", "resnext", "densenet", "xception", "mobilenet",
    "efficientnet", "convnext",
)  # fmt: skip
# Why the line does not have them -> their names.
OTHERS = {
    "torchvision": {
        "another paper": "wide_resnet* mobilenet_v2 mobilenet_v3_* efficientnet_v2_*",
    },
    "timm": {
        "attention in the blocks": (
            "bat_* eca_* ecares* gc_efficientnetv2* gcres* lambda_* legacy_seres* seres* skres*"
        ),
        "another stem, another shortcut or both": (
            "resnet*[cdst] resnet51q resnet61q resnetrs* resnext*d_* resnext26ts densenet264d"
        ),
        "a depth that the paper does not have": "resnet26 resnetv2_18 resnetv2_34",
        "a width that the paper does not have": (
            "resnext101_32x16d resnext101_32x32d mobilenetv1_125 *efficientnet_lite[1-4] "
            "convnext_atto* convnext_femto* convnext_nano* convnext_pico* convnext_zepto* "
            "convnext_xxlarge"
        ),
        "a smoothed map wherever it is halved": "resnetaa50* resnetaa34d resnetaa101d resnetblur* densenetblur121d "
        "efficientnet_blur_b0",
        "another normalisation, or none": "resnet50_gn nf_* efficientnet_*gn efficientnet_*evos",
        "a preactivation with another stem, width or normalisation": (
            "resnetv2_*d resnetv2_*d_* resnetv2_*t resnetv2_*_bit"
        ),
        "another head": "resnet50_mlp *_clip *_clip_gap convnext_large_mlp mobilenetv1_100h",
        "a normalisation before the head's pooling": "convnext_tiny_hnf",
        "experts, or blocks without depthwise windows": (
            "*efficientnet_cc_* *efficientnet_e[lms] efficientnet_x_* efficientnet_h_*"
        ),
        "channels taken away": "*_pruned",
        "another paper": (
            "wide_resnet* csp* tresnet* vit_* repvgg* inception_next* inception_resnet_v2 inception_v4 "
            "mobilenet_edgetpu_* mobilenetv[2345]* tf_mobilenetv3* *efficientnetv2_* convnextv2_*"
        ),
        "DeepLab's network (1802.02611), not that of the Xception paper": "xception41* xception65* xception71",
        "for the library's own tests": "test_*",
    },
}  # fmt: skip
# Of these the weights of a network of ours would fit; what the map goes through is another matter.
SAME_WEIGHTS = {
    "convnext_tiny_hnf", "efficientnet_blur_b0", "resnetaa50", "resnetblur18", "resnetblur50",
}  # fmt: skip


def have(source: str) -> set[str]:
    """Names of the library in the families of the line."""
    names = timm.list_models() if source == "timm" else torchvision.models.list_models(module=torchvision.models)
    return {name for name in names if any(family in name for family in FAMILIES)}


def ours(source: str) -> set[str]:
    return {network.theirs for network in NETWORKS if network.source == source}


def explained(source: str, pattern: str) -> set[str]:
    return {name for name in have(source) - ours(source) if fnmatch.fnmatchcase(name, pattern)}


def patterns(source: str) -> list[str]:
    return [pattern for names in OTHERS[source].values() for pattern in names.split()]


@pytest.mark.parametrize("source", OTHERS)
def test_each_is_ours_too_or_there_is_a_reason(source: str) -> None:
    assert ours(source) <= have(source)
    left = have(source) - ours(source)
    assert sorted(left.difference(*(explained(source, pattern) for pattern in patterns(source)))) == []


@pytest.mark.parametrize("source", OTHERS)
def test_no_reason_is_idle(source: str) -> None:
    assert [pattern for pattern in patterns(source) if not explained(source, pattern)] == []


def weights(model: nn.Module) -> tuple[int, ...]:
    """Sizes of all tensors, by which networks are told apart whatever names and shapes they give them."""
    return tuple(sorted(tensor.numel() for tensor in model.state_dict().values()))


@functools.cache
def weights_of_the_line() -> frozenset[tuple[int, ...]]:
    with torch.device("meta"):
        return frozenset(
            weights(create_model(name, reading=reading)) for name in list_models() for reading in readings(name)
        )


def test_ours_have_the_same_weights() -> None:
    for network in NETWORKS:
        assert weights(foreign(network.source, network.theirs, classes=1000)) in weights_of_the_line(), network


@pytest.mark.parametrize("source", OTHERS)
def test_the_others_have_other_weights(source: str) -> None:
    others = sorted(have(source) - ours(source))
    alike = {name for name in others if weights(foreign(source, name, classes=1000)) in weights_of_the_line()}
    assert alike == (SAME_WEIGHTS if source == "timm" else set())
