"""The rows of a figure: found from one pass, whatever the model's file calls its parts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lenext.explanation.anatomy import Lanes, Operation, Repeated, dissect
from lenext.models import create_model, line


def rows(name, **options):
    with torch.device("meta"):
        network = create_model(name, **options)
    return dissect(network, network.input_size)


def row(found, name):
    return next(block for block in found if name in block.names)


def labels(parts):
    return [part.label if isinstance(part, Operation) else part for part in parts]


def test_vgg_is_a_row_a_stage_with_equal_convolutions_folded():
    conv3 = row(rows("vgg16"), "conv3")
    assert conv3.parts == (
        Repeated(Operation("3x3 conv, 256", "convolution", ("ReLU",)), 3),
        Operation("2x2 max pool, /2", "pool"),
    )
    assert conv3.output == (256, 28, 28)


def test_resnet_folds_equal_blocks_and_shows_both_shortcuts():
    found = rows("resnet152")
    projected, equal = row(found, "conv4_1"), row(found, "conv4_2")
    assert (projected.times, equal.times) == (1, 35)
    assert (equal.names[0], equal.names[-1]) == ("conv4_2", "conv4_36")
    assert projected.parts[0].join == equal.parts[0].join == "+"
    assert [labels(way) for way in projected.parts[0].ways] == [
        ["1x1 conv, 256, /2", "3x3 conv, 256", "1x1 conv, 1024"], ["1x1 conv, 1024, /2"],
    ]  # fmt: skip
    assert equal.parts[0].ways[1] == ()
    assert equal.parts[1] == Operation("ReLU", "other")


def test_a_pre_activation_comes_before_both_ways():
    before, lanes = row(rows("preresnet50"), "conv3_1").parts
    assert before == Operation("BN", "other", ("ReLU",))
    assert len(lanes.ways) == 2
    assert all(lanes.ways)


def test_inception_has_four_ways_that_are_concatenated():
    (lanes,) = row(rows("googlenet"), "inception_3a").parts
    assert lanes.join == "concat"
    assert [labels(way) for way in lanes.ways] == [
        ["1x1 conv, 64"], ["1x1 conv, 96", "3x3 conv, 128"], ["1x1 conv, 16", "5x5 conv, 32"],
        ["3x3 max pool", "1x1 conv, 32"],
    ]  # fmt: skip


def test_ways_part_within_ways():
    (lanes,) = row(rows("inception_v3"), "mixed_7b").parts
    assert [sum(isinstance(part, Lanes) for part in way) for way in lanes.ways] == [0, 1, 1, 0]


def test_a_dense_block_is_its_layer_so_many_times():
    (block,) = row(rows("densenet121"), "dense_block3").parts
    assert (block.times, block.part.join, block.part.ways[1]) == (24, "concat", ())


def test_a_gate_multiplies():
    block = row(rows("efficientnet_b0"), "mbconv3_2")
    gate = next(part for part in block.parts[0].ways[0] if isinstance(part, Lanes))
    assert (block.parts[0].join, gate.join) == ("+", "x")
    assert labels(gate.ways[0]) == ["1x1 conv, 6", "1x1 conv, 144"]


def test_a_block_that_permutes_its_map_is_one_way_and_a_shortcut():
    (lanes,) = row(rows("convnext_tiny"), "res4_1").parts
    assert labels(lanes.ways[0]) == ["7x7 depthwise, 384", "linear, 1536", "linear, 384"]
    assert lanes.ways[1] == ()


@pytest.mark.parametrize(
    "name", ["lenet5", "nin", "resnext50_32x4d", "plain18", "xception", "convnext_roadmap_resnet50_06"]
)
def test_the_last_row_gives_the_classes(name):
    found = rows(name)
    assert found[-1].names[-1] == "head"
    assert found[-1].output in {(1000,), (10,)}
    assert found[0].names == ("stem",)


def test_as_many_convolutions_as_the_network_has():
    def count(parts):
        total = 0
        for part in parts:
            if isinstance(part, Repeated):
                total += part.times * count((part.part,))
            elif isinstance(part, Lanes):
                total += sum(map(count, part.ways))
            else:
                total += part.kind in {"convolution", "depthwise"}
        return total

    for name in ("resnet50", "googlenet", "densenet121", "inception_v3", "mobilenet_v1", "efficientnet_b0", "xception"):
        with torch.device("meta"):
            network = create_model(name)
        expected = sum(isinstance(module, nn.Conv2d) for module in network.modules())
        auxiliary = sum(isinstance(part, nn.Conv2d) for path, part in network.named_modules() if "aux" in path)
        assert sum(block.times * count(block.parts) for block in rows(name)) == expected - auxiliary, name
    assert len(line()) > 100
