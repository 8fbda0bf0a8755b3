"""Keras' names (Keras Applications, of Keras 3): a layer, and the place of a tensor in it ("block1_conv1/0").

The images are the user's business: EfficientNet and ConvNeXt bring the scaling of pixels along (left out here), the
published VGG and ResNet expect blue first (``bgr`` of ``load_state``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isqrt

from torch import nn

from lenext.layers.layer_scale import LayerScale
from lenext.weights.adapters.renaming import Adapter, Counterpart, Rename

KERNEL = (2, 3, 1, 0)  # ours is O I H W, theirs H W I O
DEPTHWISE = (2, 3, 0, 1)  # ours is C 1 H W, theirs H W C 1
CHANNELS = 512  # of VGG's last map
NORMALISATIONS = (nn.BatchNorm2d, nn.LayerNorm)


@dataclass(frozen=True, kw_only=True)
class KerasAdapter(Adapter):
    """Rules from module to layer; where one layer holds two of our modules, "/1" is the first place of the second.

    depthwise: the order of axes of depthwise kernels; in_order: layers without names of their own, counted as they
    come; flattened: the dense layer that sees a map of ``CHANNELS``, which Keras flattens with the channels last;
    classifier: "dense", or "convolution" for one of 1x1.
    """

    renames: tuple[Rename, ...] = ()
    depthwise: tuple[int, ...] = DEPTHWISE
    in_order: bool = False
    flattened: tuple[str, ...] = ()
    classifier: str = "dense"
    left_out: dict[str, str] = field(default_factory=lambda: {"normalization": "the scaling of pixels"})

    def counterparts(self, network: nn.Module) -> Iterator[tuple[str, Counterpart | None]]:
        """Every tensor but those that Keras has not: counts of batches, scales that are always 1."""
        counted = {nn.Conv2d: 0, nn.BatchNorm2d: 0}
        for path, module in network.named_modules():
            found = self.renamed(path, {})
            layer = found.name if found else ""
            kind = nn.Conv2d if isinstance(module, nn.Conv2d) else nn.BatchNorm2d
            if self.in_order and not layer and isinstance(module, kind):
                layer = f"{'conv2d' if kind is nn.Conv2d else 'batch_normalization'}_{counted[kind]}"
                counted[kind] += 1
            yield from self._tensors(path, module, layer)

    def _tensors(self, path: str, module: nn.Module, layer: str) -> Iterator[tuple[str, Counterpart | None]]:
        """A module's own tensors, in Keras' order."""
        layer, _, first = layer.partition("/")
        leaves = [name for name, _ in module.named_parameters(recurse=False)]
        if isinstance(module, nn.BatchNorm2d):
            leaves += ["running_mean", "running_var"]
        for place, leaf in enumerate(leaves, int(first or 0)):
            theirs = Counterpart(f"{layer}/{place}", None)
            if leaf == "weight" and not isinstance(module, (*NORMALISATIONS, LayerScale)):
                theirs = self._kernel(module, theirs)
            yield f"{path}.{leaf}", theirs if layer else None

    def _kernel(self, module: nn.Module, theirs: Counterpart) -> Counterpart:
        if isinstance(module, nn.Conv2d):
            return theirs._replace(axes=self.depthwise if module.groups > 1 else KERNEL)
        assert isinstance(module, nn.Linear)
        if self.classifier == "convolution":
            return theirs._replace(split=(0, 0, 1, 1), axes=KERNEL)
        if theirs.name.startswith(self.flattened):
            side = isqrt(module.in_features // CHANNELS)
            whole = (module.in_features, module.out_features)
            return theirs._replace(split=(0, CHANNELS, side, side), axes=KERNEL, shape=whole)
        return theirs._replace(axes=(1, 0))


VGG = KerasAdapter(
    networks={"vgg16": "VGG16", "vgg19": "VGG19"},
    renames=(
        Rename("stages.conv{s}.conv{s}_{i}", "block{s}_conv{i}"),
        Rename("head.fc6", "fc1"),
        Rename("head.fc7", "fc2"),
        Rename("head.fc8", "predictions"),
    ),
    flattened=("fc1/",),
)

UNIT = "stages.conv{s}_x.conv{s}_{b}"
RESNET = KerasAdapter(
    networks={f"resnet{depth}": f"ResNet{depth}" for depth in (50, 101, 152)},
    reading="keras",
    renames=(
        Rename("stem.conv1", "conv1_conv"),
        Rename("stem.bn1", "conv1_bn"),
        Rename(f"{UNIT}.branch.{{L}}{{i}}", "conv{s}_block{b}_{i}_{L}"),
        Rename(f"{UNIT}.shortcut.{{L}}1", "conv{s}_block{b}_0_{L}"),
        Rename("head.fc", "predictions"),
    ),
)

PRERESNET = KerasAdapter(
    networks={f"preresnet{depth}": f"ResNet{depth}V2" for depth in (50, 101, 152)},
    reading="keras",
    renames=(
        Rename("stem.conv1", "conv1_conv"),
        Rename(f"{UNIT}.activation.bn1", "conv{s}_block{b}_preact_bn"),
        Rename(f"{UNIT}.branch.conv{{i}}", "conv{s}_block{b}_{i}_conv"),
        Rename(f"{UNIT}.branch.bn{{i}}", "conv{s}_block{b}_{i-1}_bn"),  # called after the convolution before it
        Rename(f"{UNIT}.shortcut", "conv{s}_block{b}_0_conv"),
        Rename("stages.conv5_x.bn", "post_bn"),
        Rename("head.fc", "predictions"),
    ),
)

DENSENET = KerasAdapter(
    networks={f"densenet{depth}": f"DenseNet{depth}" for depth in (121, 169, 201)},
    reading="keras",
    renames=(
        Rename("stem.{L}", "conv1_{L}"),
        *(
            Rename(f"stages.dense_block{{b}}.{within}layer{{i}}.{unit}.{part}", f"conv{{b+1}}_block{{i}}_{theirs}")
            for within in ("", "block.")  # the last block is held together with the normalisation after it
            for unit, part, theirs in (
                ("squeeze", "bn", "0_bn"), ("squeeze", "conv", "1_conv"),
                ("new", "bn", "1_bn"), ("new", "conv", "2_conv"),
            )
        ),
        Rename("stages.transition{b}.unit.{L}", "pool{b+1}_{L}"),
        Rename("stages.dense_block4.bn", "bn"),
        Rename("head.fc", "predictions"),
    ),
)  # fmt: skip

INCEPTION = KerasAdapter(
    networks={"inception_v3": "InceptionV3"},
    reading="keras",
    renames=(Rename("head.fc", "predictions"),),
    in_order=True,
)

SEPARABLE = "stages.{F}_flow.block{n}"
XCEPTION = KerasAdapter(
    networks={"xception": "Xception"},
    renames=(
        Rename("stem.conv{i}", "block1_conv{i}"),
        Rename("stem.bn{i}", "block1_conv{i}_bn"),
        *(
            rule
            for way in ("", ".branch")
            for rule in (
                Rename(f"{SEPARABLE}{way}.sepconv{{i}}.depthwise", "block{n}_sepconv{i}/0"),
                Rename(f"{SEPARABLE}{way}.sepconv{{i}}.pointwise", "block{n}_sepconv{i}/1"),
                Rename(f"{SEPARABLE}{way}.bn{{i}}", "block{n}_sepconv{i}_bn"),
            )
        ),
        Rename("head.fc", "predictions"),
    ),
    in_order=True,  # the four projections
)

MOBILENET = KerasAdapter(
    networks={f"mobilenet_v1{width}": "MobileNet" for width in ("", "_075", "_050", "_025")},
    reading="keras",
    renames=(
        Rename("stem.conv", "conv1"),
        Rename("stem.conv_bn", "conv1_bn"),
        *(
            Rename(f"stages.block{{n}}.{ours}{norm}", f"conv_{theirs}_{{n}}{norm}")
            for ours, theirs in (("depthwise", "dw"), ("pointwise", "pw"))
            for norm in ("", "_bn")
        ),
        Rename("head.fc", "conv_preds"),
    ),
    classifier="convolution",
)

MBCONV = (
    ("expand_conv", "expand_conv"), ("expand_bn", "expand_bn"), ("depthwise_conv", "dwconv"), ("depthwise_bn", "bn"),
    ("se.reduce", "se_reduce"), ("se.expand", "se_expand"), ("project_conv", "project_conv"),
    ("project_bn", "project_bn"),
)  # fmt: skip
EFFICIENTNET = KerasAdapter(
    networks={f"efficientnet_b{size}": f"EfficientNetB{size}" for size in range(8)},
    renames=(
        Rename("stem.{L}_{K}", "{L}_{K}"),
        *(
            Rename(f"stages.stage{{s}}.mbconv{{s}}_{number}.branch.{ours}", f"block{{s-1}}{letter}_{theirs}")
            for number, letter in enumerate("abcdefghijklm", 1)
            for ours, theirs in MBCONV
        ),
        Rename("stages.stage9.head_{L}", "top_{L}"),
        Rename("head.fc", "predictions"),
    ),
)


def convnext(size: str) -> KerasAdapter:
    """Each layer is called after the whole network."""
    name = f"convnext_{size}"
    block = "stages.res{s}.res{s}_{b}"
    return KerasAdapter(
        networks={name: f"ConvNeXt{'XLarge' if size == 'xlarge' else size.capitalize()}"},
        renames=(
            Rename("stem.conv", f"{name}_stem_conv"),
            Rename("stem.norm", f"{name}_stem_layernorm"),
            Rename("stages.res{s}.downsample.norm", f"{name}_downsampling_layernorm_{{s-3}}"),
            Rename("stages.res{s}.downsample.conv", f"{name}_downsampling_conv_{{s-3}}"),
            *(
                Rename(f"{block}.{ours}", f"{name}_stage_{{s-2}}_block_{{b-1}}_{theirs}")
                for ours, theirs in (
                    ("dwconv", "depthwise_conv"), ("norm", "layernorm"), ("pwconv1", "pointwise_conv_1"),
                    ("pwconv2", "pointwise_conv_2"), ("scale", "layer_scale"),
                )
            ),
            Rename("head.norm", f"{name}_head_layernorm"),
            Rename("head.fc", f"{name}_head_dense"),
        ),
        depthwise=KERNEL,  # a grouped convolution there
    )  # fmt: skip


CONVNEXT = tuple(map(convnext, ("tiny", "small", "base", "large", "xlarge")))
ADAPTERS = (VGG, RESNET, PRERESNET, DENSENET, INCEPTION, XCEPTION, MOBILENET, EFFICIENTNET, *CONVNEXT)
