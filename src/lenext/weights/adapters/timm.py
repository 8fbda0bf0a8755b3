"""timm's names (1.0)."""

from __future__ import annotations

from lenext.weights.adapters import torchvision
from lenext.weights.adapters.renaming import Adapter, Rename
from lenext.weights.adapters.torchvision import same

VGG = Adapter(
    networks=torchvision.VGG.networks,
    renames=(
        Rename("stages.conv{s}.{L}{s}_{i}", "features.{#}"),
        Rename("head.fc6.weight", "pre_logits.fc1.weight", (0, 512, 7, 7)),
        Rename("head.fc6.bias", "pre_logits.fc1.bias"),
        Rename("head.fc7.weight", "pre_logits.fc2.weight", (0, 0, 1, 1)),
        Rename("head.fc7.bias", "pre_logits.fc2.bias"),
        Rename("head.fc8", "head.fc"),
    ),
)

RESNET = Adapter(  # of ResNet-200 there is but one form, that of v1.5
    networks=same("resnet18", "resnet34", "resnet200"), renames=torchvision.RESNET_NAMES
)
UNIT = "stages.conv{s}_x.conv{s}_{b}"
PRERESNET = Adapter(
    networks={f"preresnet{depth}": f"resnetv2_{depth}" for depth in (50, 101, 152)},
    reading="timm",
    renames=(
        Rename("stem.conv1", "stem.conv"),
        Rename(f"{UNIT}.activation.bn1", "stages.{s-2}.blocks.{b-1}.norm1"),
        Rename(f"{UNIT}.branch.conv{{i}}", "stages.{s-2}.blocks.{b-1}.conv{i}"),
        Rename(f"{UNIT}.branch.bn{{i}}", "stages.{s-2}.blocks.{b-1}.norm{i}"),
        Rename(f"{UNIT}.shortcut", "stages.{s-2}.blocks.{b-1}.downsample.conv"),
        Rename("stages.conv5_x.bn", "norm"),
        Rename("head.fc.weight", "head.fc.weight", (0, 0, 1, 1)),
        Rename("head.fc.bias", "head.fc.bias"),
    ),
)
RESNEXT = Adapter(
    networks=same("resnext50_32x4d", "resnext101_32x4d", "resnext101_64x4d", "resnext101_32x8d"),
    renames=torchvision.RESNET_NAMES,
)

MIDDLE = "stages.{F}_flow.block{n}"
XCEPTION = Adapter(
    networks={"xception": "legacy_xception"},
    reading="timm",
    renames=(
        Rename("stem.{L}{i}", "{L}{i}"),
        Rename("stages.exit_flow.block14.sepconv{i}.depthwise", "conv{i+2}.conv1"),
        Rename("stages.exit_flow.block14.sepconv{i}.pointwise", "conv{i+2}.pointwise"),
        Rename("stages.exit_flow.block14.bn{i}", "bn{i+2}"),
        # Every block but the first begins with a ReLU, which counts.
        Rename("stages.entry_flow.block2.branch.sepconv{i}.depthwise", "block1.rep.{3i-3}.conv1"),
        Rename("stages.entry_flow.block2.branch.sepconv{i}.pointwise", "block1.rep.{3i-3}.pointwise"),
        Rename("stages.entry_flow.block2.branch.bn{i}", "block1.rep.{3i-2}"),
        Rename(f"{MIDDLE}.branch.sepconv{{i}}.depthwise", "block{n-1}.rep.{3i-2}.conv1"),
        Rename(f"{MIDDLE}.branch.sepconv{{i}}.pointwise", "block{n-1}.rep.{3i-2}.pointwise"),
        Rename(f"{MIDDLE}.branch.bn{{i}}", "block{n-1}.rep.{3i-1}"),
        Rename(f"{MIDDLE}.shortcut.conv", "block{n-1}.skip"),
        Rename(f"{MIDDLE}.shortcut.bn", "block{n-1}.skipbn"),
        Rename("head.fc", "fc"),
    ),
)

# Blocks of one width stand together: our number of the first, how many.
TOGETHER = ((1, 1), (2, 2), (4, 2), (6, 6), (12, 2))
MOBILENET = Adapter(
    networks={"mobilenet_v1": "mobilenetv1_100"},
    reading="timm",
    renames=(
        Rename("stem.conv", "conv_stem"),
        Rename("stem.conv_bn", "bn1"),
        *(
            Rename(f"stages.block{first + place}.{ours}", f"blocks.{group}.{place}.{theirs}")
            for group, (first, count) in enumerate(TOGETHER)
            for place in range(count)
            for ours, theirs in (
                ("depthwise", "conv_dw"), ("depthwise_bn", "bn1"), ("pointwise", "conv_pw"), ("pointwise_bn", "bn2"),
            )
        ),
        Rename("head.fc", "classifier"),
    ),
)  # fmt: skip

INCEPTION = Adapter(
    networks=same("inception_v3"),
    reading="timm",
    renames=torchvision.INCEPTION_NAMES,
    left_out=torchvision.INCEPTION.left_out,
)

BLOCK = "stages.stage{s}.mbconv{s}_{b}.branch"
FIRST = "stages.stage2.mbconv2_{b}.branch"  # nothing to expand where the factor is 1
EFFICIENTNET_NAMES = (
    Rename("stem.stem_conv", "conv_stem"),
    Rename("stem.stem_bn", "bn1"),
    Rename(f"{FIRST}.depthwise_bn", "blocks.0.{b-1}.bn1"),
    Rename(f"{FIRST}.project_conv", "blocks.0.{b-1}.conv_pw"),
    Rename(f"{FIRST}.project_bn", "blocks.0.{b-1}.bn2"),
    Rename(f"{BLOCK}.expand_conv", "blocks.{s-2}.{b-1}.conv_pw"),
    Rename(f"{BLOCK}.expand_bn", "blocks.{s-2}.{b-1}.bn1"),
    Rename(f"{BLOCK}.depthwise_conv", "blocks.{s-2}.{b-1}.conv_dw"),
    Rename(f"{BLOCK}.depthwise_bn", "blocks.{s-2}.{b-1}.bn2"),
    Rename(f"{BLOCK}.se.{{L}}", "blocks.{s-2}.{b-1}.se.conv_{L}"),
    Rename(f"{BLOCK}.project_conv", "blocks.{s-2}.{b-1}.conv_pwl"),
    Rename(f"{BLOCK}.project_bn", "blocks.{s-2}.{b-1}.bn3"),
    Rename("stages.stage9.head_conv", "conv_head"),
    Rename("stages.stage9.head_bn", "bn2"),
    Rename("head.fc", "classifier"),
)
EFFICIENTNETS = (*(f"efficientnet_b{size}" for size in range(9)), "efficientnet_l2", "efficientnet_lite0")
EFFICIENTNET = Adapter(  # converted from the authors' files, with their padding
    networks={name: f"tf_{name}" for name in EFFICIENTNETS}, renames=EFFICIENTNET_NAMES
)
EFFICIENTNET_TIMM = Adapter(networks=same(*EFFICIENTNETS), reading="timm", renames=EFFICIENTNET_NAMES)

CONVNEXT = Adapter(
    networks=same(*(f"convnext_{size}" for size in ("tiny", "small", "base", "large", "xlarge"))),
    renames=(
        Rename("stem.conv", "stem.0"),
        Rename("stem.norm", "stem.1"),
        Rename("stages.res{s}.downsample.norm", "stages.{s-2}.downsample.0"),
        Rename("stages.res{s}.downsample.conv", "stages.{s-2}.downsample.1"),
        Rename("stages.res{s}.res{s}_{b}.dwconv", "stages.{s-2}.blocks.{b-1}.conv_dw"),
        Rename("stages.res{s}.res{s}_{b}.norm", "stages.{s-2}.blocks.{b-1}.norm"),
        Rename("stages.res{s}.res{s}_{b}.pwconv{i}", "stages.{s-2}.blocks.{b-1}.mlp.fc{i}"),
        Rename("stages.res{s}.res{s}_{b}.scale.weight", "stages.{s-2}.blocks.{b-1}.gamma"),
        Rename("head.{L}", "head.{L}"),
    ),
)

ADAPTERS = (
    VGG, INCEPTION, RESNET, PRERESNET, torchvision.BOTTLENECKS, RESNEXT, XCEPTION, MOBILENET, torchvision.DENSENET,
    EFFICIENTNET, EFFICIENTNET_TIMM, CONVNEXT,
)  # fmt: skip
