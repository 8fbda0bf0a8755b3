"""Caffe's names: a layer, and the place of a tensor in it ("conv1_1/0"), as the published ``.prototxt`` have them.

BVLC's LeNet, AlexNet, CaffeNet and GoogLeNet; the Oxford VGG; the authors' ResNets and NIN; shicai's DenseNets and
MobileNet. All of them that see colours expect blue first, so ``load_state`` turns the first convolution round unless it
is told otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from lenext.weights.adapters.renaming import Adapter, Counterpart, Rename


@dataclass(frozen=True, kw_only=True)
class CaffeAdapter(Adapter):
    """Rules from module to layer, for a batch normalisation to two: "statistics|scale".

    classifier: the layer that is a 1x1 convolution there and linear here.
    """

    classifier: str = ""

    def counterparts(self, network: nn.Module) -> Iterator[tuple[str, Counterpart | None]]:
        """Every tensor but the counts of batches."""
        for path, module in network.named_modules():
            found = self.renamed(path, {})
            layer = found.name if found else ""
            statistics, _, scale = layer.rpartition("|")
            own = module.named_parameters(recurse=False)
            leaves = [(name, f"{scale}/{place}") for place, (name, _) in enumerate(own)]
            if isinstance(module, nn.BatchNorm2d):
                leaves += [("running_mean", f"{statistics}/0"), ("running_var", f"{statistics}/1")]
            for leaf, theirs in leaves:
                flat = layer == self.classifier and leaf == "weight"
                yield f"{path}.{leaf}", Counterpart(theirs, (0, 0, 1, 1) if flat else None) if layer else None


def normalised(ours: str, norm: str, theirs: str) -> tuple[Rename, Rename]:
    """A convolution and its normalisation, called after it."""
    return Rename(ours, theirs), Rename(norm, f"{theirs}/bn|{theirs}/scale")


LENET = CaffeAdapter(
    networks={"lenet5": "LeNet"},
    reading="caffe",
    renames=(Rename("stem.conv1", "conv1"), Rename("stages.conv2.conv2", "conv2"), Rename("head.ip{n}", "ip{n}")),
)

ALEXNET_NAMES = (
    Rename("stem.conv1", "conv1"),
    Rename("stages.conv{n}.conv{n}", "conv{n}"),
    Rename("head.fc{n}", "fc{n}"),
)
ALEXNET = CaffeAdapter(networks={"alexnet": "AlexNet"}, reading="caffe", renames=ALEXNET_NAMES)
CAFFENET = CaffeAdapter(networks={"alexnet": "CaffeNet"}, reading="caffenet", renames=ALEXNET_NAMES)

VGG = CaffeAdapter(
    networks={"vgg16": "VGG_ILSVRC_16_layers", "vgg19": "VGG_ILSVRC_19_layers"},
    renames=(Rename("stages.conv{s}.conv{s}_{i}", "conv{s}_{i}"), Rename("head.fc{n}", "fc{n}")),
)

NIN = CaffeAdapter(
    networks={"nin": "nin_imagenet"},
    renames=(
        Rename("stem.{L}{i}", "{L}{i}"),
        Rename("stages.mlpconv4.{L}{i}", "{L}{i}-1024"),
        Rename("stages.mlpconv{n}.{L}{i}", "{L}{i}"),
        Rename("head.maps.conv", "cccp8-1024"),
    ),
)

GOOGLENET = CaffeAdapter(
    networks={"googlenet": "GoogleNet"},
    reading="caffe",
    renames=(
        Rename("stem.conv1", "conv1/7x7_s2"),
        Rename("stem.conv2_reduce", "conv2/3x3_reduce"),
        Rename("stem.conv2", "conv2/3x3"),
        *(
            Rename(f"stages.inception_{{n}}{{L}}.module.{branch}.{part}", f"inception_{{n}}{{L}}/{part}")
            for branch, parts in (
                ("one", ("1x1",)), ("three", ("3x3_reduce", "3x3")), ("five", ("5x5_reduce", "5x5")),
                ("pool", ("pool_proj",)),
            )
            for part in parts
        ),
        *(
            Rename(f"auxiliary.inception_{stage}.{ours}", f"{loss}/{theirs}")
            for stage, loss in (("4a", "loss1"), ("4d", "loss2"))
            for ours, theirs in (("conv", "conv"), ("fc1", "fc"), ("fc2", "classifier"))
        ),
        Rename("head.fc", "loss3/classifier"),
    ),
    left_out={"loss1/": "the first auxiliary head", "loss2/": "the second auxiliary head"},
)  # fmt: skip


def residual(stage: str, block: str, letter: str) -> Iterator[Rename]:
    """The layers of a block that Caffe calls by its stage and letter."""
    ours, theirs = f"stages.conv{stage}_x.conv{stage}_{block}", f"{stage}{letter}_branch"
    for way, branch in (("branch.{L}1", "2a"), ("branch.{L}2", "2b"), ("branch.{L}3", "2c"), ("shortcut.{L}1", "1")):
        yield Rename(f"{ours}.{way.replace('{L}', 'conv')}", f"res{theirs}{branch}")
        yield Rename(f"{ours}.{way.replace('{L}', 'bn')}", f"bn{theirs}{branch}|scale{theirs}{branch}")


ENDS = (
    Rename("stem.conv1", "conv1"),
    Rename("stem.bn1", "bn_conv1|scale_conv1"),
    Rename("head.fc", "fc1000"),
)
RESNET_50 = CaffeAdapter(
    networks={"resnet50": "ResNet-50"},
    reading="caffe",
    renames=(*ENDS, *(rule for b, letter in enumerate("abcdef", 1) for rule in residual("{s}", str(b), letter))),
)
RESNET = CaffeAdapter(  # where a stage has many blocks they are a, b1, b2, ...
    networks={"resnet101": "ResNet-101", "resnet152": "ResNet-152"},
    reading="caffe",
    renames=(
        *ENDS,
        *(rule for s in "25" for b, letter in enumerate("abc", 1) for rule in residual(s, str(b), letter)),
        *residual("{s}", "1", "a"),
        *residual("{s}", "{b}", "b{b-1}"),
    ),
)


def densenet(networks: dict[str, str], ends: tuple[str, ...]) -> CaffeAdapter:
    """ends: what the author calls the ends of the four blocks."""
    layer = "stages.dense_block{b}.%slayer{i}.%s"
    return CaffeAdapter(
        networks=networks,
        renames=(
            *normalised("stem.conv", "stem.bn", "conv1"),
            *(
                rule
                for within in ("", "block.")  # the last block is held together with the normalisation after it
                for unit, theirs in (("squeeze", "x1"), ("new", "x2"))
                for rule in normalised(
                    f"{layer % (within, unit)}.conv", f"{layer % (within, unit)}.bn", f"conv{{b+1}}_{{i}}/{theirs}"
                )
            ),
            *(
                rule
                for number, end in enumerate(ends[:3], 1)
                for rule in normalised(
                    f"stages.transition{number}.unit.conv", f"stages.transition{number}.unit.bn", end
                )
            ),
            Rename("stages.dense_block4.bn", f"{ends[3]}/bn|{ends[3]}/scale"),
            Rename("head.fc", "fc6"),
        ),
        classifier="fc6",
    )


DENSENETS = (
    densenet(
        {f"densenet{depth}": f"DENSENET_{depth}" for depth in (121, 161, 169)},
        ("conv2_blk", "conv3_blk", "conv4_blk", "conv5_blk"),
    ),
    densenet({"densenet201": "DENSENET_201"}, ("conv2_6/blk", "conv3_12/blk", "conv4_48/blk", "conv5_32/blk")),
)

PLACES = ("2_1", "2_2", "3_1", "3_2", "4_1", "4_2", "5_1", "5_2", "5_3", "5_4", "5_5", "5_6", "6")
MOBILENET = CaffeAdapter(
    networks={"mobilenet_v1": "MOBILENET"},
    reading="caffe",
    renames=(
        *normalised("stem.conv", "stem.conv_bn", "conv1"),
        *(
            rule
            for number, place in enumerate(PLACES, 1)
            for ours, theirs in (("depthwise", "dw"), ("pointwise", "sep"))
            for rule in normalised(
                f"stages.block{number}.{ours}", f"stages.block{number}.{ours}_bn", f"conv{place}/{theirs}"
            )
        ),
        Rename("head.fc", "fc7"),
    ),
    classifier="fc7",
)

ADAPTERS = (LENET, ALEXNET, CAFFENET, VGG, NIN, GOOGLENET, RESNET_50, RESNET, *DENSENETS, MOBILENET)
