"""torchvision's names (0.29)."""

from __future__ import annotations

from collections.abc import Iterator

from lenext.weights.adapters.renaming import Adapter, Rename

LAYER = "features.denseblock{b}.denselayer{i}"


def same(*names: str) -> dict[str, str]:
    """Networks that the library calls as we do."""
    return {name: name for name in names}


def mobile_block(stage: str, parts: tuple[str, ...]) -> Iterator[Rename]:
    """The parts of EfficientNet's blocks, which torchvision numbers in each block as they come."""
    ours = f"stages.stage{stage}.mbconv{stage}_{{b}}.branch"
    theirs = "features.{s-1}.{b-1}.block" if stage == "{s}" else f"features.{int(stage) - 1}.{{b-1}}.block"
    for number, part in enumerate(parts):
        if part == "se":
            yield Rename(f"{ours}.se.reduce", f"{theirs}.{number}.fc1")
            yield Rename(f"{ours}.se.expand", f"{theirs}.{number}.fc2")
        else:
            yield Rename(f"{ours}.{part}_conv", f"{theirs}.{number}.0")
            yield Rename(f"{ours}.{part}_bn", f"{theirs}.{number}.1")


VGG = Adapter(
    networks=same(*(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn"))),
    renames=(
        Rename("stages.conv{s}.{L}{s}_{i}", "features.{#}"),
        Rename("head.fc6", "classifier.0"),
        Rename("head.fc7", "classifier.3"),
        Rename("head.fc8", "classifier.6"),
    ),
)

RESNET_NAMES = (
    Rename("stem.{L}1", "{L}1"),
    Rename("stages.conv{s}_x.conv{s}_{b}.branch.{L}{i}", "layer{s-1}.{b-1}.{L}{i}"),
    Rename("stages.conv{s}_x.conv{s}_{b}.shortcut.conv1", "layer{s-1}.{b-1}.downsample.0"),
    Rename("stages.conv{s}_x.conv{s}_{b}.shortcut.bn1", "layer{s-1}.{b-1}.downsample.1"),
    Rename("stages.conv{s}_x.conv{s}_{b}.shortcut.conv", "layer{s-1}.{b-1}.downsample.0"),
    Rename("stages.conv{s}_x.conv{s}_{b}.shortcut.bn", "layer{s-1}.{b-1}.downsample.1"),
    Rename("head.fc", "fc"),
)
RESNET = Adapter(networks=same("resnet18", "resnet34"), renames=RESNET_NAMES)
BOTTLENECKS = Adapter(  # the 3x3 convolution halves the map
    networks=same("resnet50", "resnet101", "resnet152"), reading="v1.5", renames=RESNET_NAMES
)
RESNEXT = Adapter(networks=same("resnext50_32x4d", "resnext101_64x4d", "resnext101_32x8d"), renames=RESNET_NAMES)

DENSENET = Adapter(
    networks=same("densenet121", "densenet161", "densenet169", "densenet201"),
    renames=(
        Rename("stem.conv", "features.conv0"),
        Rename("stem.bn", "features.norm0"),
        *(
            Rename(f"stages.dense_block{{b}}.{within}layer{{i}}.{unit}.{ours}", f"{LAYER}.{theirs}{number}")
            for within in ("", "block.")  # the last block is held together with the normalisation after it
            for number, unit in enumerate(("squeeze", "new"), 1)
            for ours, theirs in (("bn", "norm"), ("conv", "conv"))
        ),
        Rename("stages.transition{b}.unit.bn", "features.transition{b}.norm"),
        Rename("stages.transition{b}.unit.conv", "features.transition{b}.conv"),
        Rename("stages.dense_block4.bn", "features.norm5"),
        Rename("head.fc", "classifier"),
    ),
    # The published files are older than torch 0.4, which allowed dots in a module's name.
    older={r"(denselayer\d+\.(?:norm|conv))\.(\d)\.": r"\1\2."},
)

EFFICIENTNET = Adapter(
    networks=same(*(f"efficientnet_b{size}" for size in range(8))),
    reading="torchvision",
    renames=(
        Rename("stem.stem_conv", "features.0.0"),
        Rename("stem.stem_bn", "features.0.1"),
        *mobile_block("2", ("depthwise", "se", "project")),  # nothing to expand where the factor is 1
        *mobile_block("{s}", ("expand", "depthwise", "se", "project")),
        Rename("stages.stage9.head_conv", "features.8.0"),
        Rename("stages.stage9.head_bn", "features.8.1"),
        Rename("head.fc", "classifier.1"),
    ),
)

CONVNEXT = Adapter(
    networks=same(*(f"convnext_{size}" for size in ("tiny", "small", "base", "large"))),
    renames=(
        Rename("stem.conv", "features.0.0"),
        Rename("stem.norm", "features.0.1"),
        Rename("stages.res{s}.downsample.norm", "features.{2s-4}.0"),
        Rename("stages.res{s}.downsample.conv", "features.{2s-4}.1"),
        Rename("stages.res{s}.res{s}_{b}.dwconv", "features.{2s-3}.{b-1}.block.0"),
        Rename("stages.res{s}.res{s}_{b}.norm", "features.{2s-3}.{b-1}.block.2"),
        Rename("stages.res{s}.res{s}_{b}.pwconv1", "features.{2s-3}.{b-1}.block.3"),
        Rename("stages.res{s}.res{s}_{b}.pwconv2", "features.{2s-3}.{b-1}.block.5"),
        Rename("stages.res{s}.res{s}_{b}.scale.weight", "features.{2s-3}.{b-1}.layer_scale", (0, 1, 1)),
        Rename("head.norm", "classifier.0"),
        Rename("head.fc", "classifier.2"),
    ),
)

ALEXNET = Adapter(
    networks=same("alexnet"),
    reading="torchvision",
    renames=(
        Rename("stem.conv1", "features.0"),
        Rename("stages.conv2.conv2", "features.3"),
        *(Rename(f"stages.conv{n}.conv{n}", f"features.{2 * n}") for n in (3, 4, 5)),
        Rename("head.fc6", "classifier.1"),
        Rename("head.fc7", "classifier.4"),
        Rename("head.fc8", "classifier.6"),
    ),
)

MODULE = "stages.inception_{n}{L}.module"
SIDES = (("auxiliary.inception_4a", "aux1"), ("auxiliary.inception_4d", "aux2"))
GOOGLENET = Adapter(
    networks=same("googlenet"),
    reading="torchvision",
    renames=tuple(
        Rename(f"{ours}{norm}", f"{theirs}.{kind}")
        for ours, theirs in (
            ("stem.conv1", "conv1"),
            ("stem.conv2_reduce", "conv2"),
            ("stem.conv2", "conv3"),
            (f"{MODULE}.one.1x1", "inception{n}{L}.branch1"),
            (f"{MODULE}.three.3x3_reduce", "inception{n}{L}.branch2.0"),
            (f"{MODULE}.three.3x3", "inception{n}{L}.branch2.1"),
            (f"{MODULE}.five.3x3_reduce", "inception{n}{L}.branch3.0"),
            (f"{MODULE}.five.3x3", "inception{n}{L}.branch3.1"),
            (f"{MODULE}.pool.pool_proj", "inception{n}{L}.branch4.1"),
            *((f"{ours}.conv", f"{theirs}.conv") for ours, theirs in SIDES),
        )
        for norm, kind in (("", "conv"), ("_bn", "bn"))
    )
    + tuple(Rename(f"{ours}.fc{{i}}", f"{theirs}.fc{{i}}") for ours, theirs in SIDES)
    + (Rename("head.fc", "fc"),),
    left_out={"aux1.": "the first auxiliary head", "aux2.": "the second auxiliary head"},
)

# The stages of each kind, and their branches; a layer of both sides is a convolution with its normalisation.
INCEPTION_BRANCHES = (
    ("5{L}", (
        ("1.conv1", "1x1"), ("2.conv{i}", "5x5_{i}"), ("3.conv{i}", "3x3dbl_{i}"), ("4.conv2", "_pool"),
    )),
    ("6a", (("1.conv1", "3x3"), ("2.conv{i}", "3x3dbl_{i}"))),
    ("6{L}", (
        ("1.conv1", "1x1"), ("2.conv{i}", "7x7_{i}"), ("3.conv{i}", "7x7dbl_{i}"), ("4.conv2", "_pool"),
    )),
    ("7a", (("1.conv{i}", "3x3_{i}"), ("2.conv{i}", "7x7x3_{i}"))),
    ("7{L}", (
        ("1.conv1", "1x1"), ("2.conv1", "3x3_1"), ("2.conv2.1x3", "3x3_2a"), ("2.conv2.3x1", "3x3_2b"),
        ("3.conv{i}", "3x3dbl_{i}"), ("3.conv3.1x3", "3x3dbl_3a"), ("3.conv3.3x1", "3x3dbl_3b"), ("4.conv2", "_pool"),
    )),
)  # fmt: skip
INCEPTION_NAMES = (
    *(
        Rename(f"stem.conv{number}.{{K}}", f"Conv2d_{theirs}.{{K}}")
        for number, theirs in ((1, "1a_3x3"), (2, "2a_3x3"), (3, "2b_3x3"), (5, "3b_1x1"), (6, "4a_3x3"))
    ),
    *(
        Rename(f"stages.mixed_{stage}.branch{ours}.{{K}}", f"Mixed_{stage}.branch{theirs}.{{K}}")
        for stage, branches in INCEPTION_BRANCHES
        for ours, theirs in branches
    ),
    Rename("auxiliary.mixed_6e.conv{i}.{K}", "AuxLogits.conv{i-1}.{K}"),
    Rename("auxiliary.mixed_6e.fc", "AuxLogits.fc"),
    Rename("head.fc", "fc"),
)
INCEPTION = Adapter(
    networks=same("inception_v3"),
    reading="torchvision",
    renames=INCEPTION_NAMES,
    left_out={"AuxLogits.": "the auxiliary head"},
)

ADAPTERS = (ALEXNET, VGG, GOOGLENET, INCEPTION, RESNET, BOTTLENECKS, RESNEXT, DENSENET, EFFICIENTNET, CONVNEXT)
