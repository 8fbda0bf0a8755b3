"""The networks that weights could be of, by shapes and size."""

from __future__ import annotations

from collections import Counter

import pytest

from lenext.api.audited.likely import CHOSEN, build, likely, shapes_of
from lenext.models import line


def test_a_network_is_found_by_its_shapes_though_others_are_nearer_in_size():
    name = "convnext_roadmap_resnet200_07"
    folded = 82_985_448  # parameters with normalisation folded away; steps 2 and 3 have nearly as many
    assert name in likely(shapes_of(name), folded)


@pytest.mark.parametrize("name", ["lenet5", "vgg16", "efficientnet_b0"])
def test_another_classifier_changes_nothing(name):
    weights = [tuple(weight.shape) for weight in build(name, num_classes=7).parameters() if len(weight.shape) > 1]
    assert name in likely(Counter(weights), sum(weight.numel() for weight in build(name, num_classes=7).parameters()))


def test_without_a_shape_in_common_a_few_of_like_size_are_named():
    size = line()["vgg16"]["params"]
    found = likely(Counter({(7, 11, 13): 1}), size)
    assert len(found) == CHOSEN
    assert "vgg16" in found
