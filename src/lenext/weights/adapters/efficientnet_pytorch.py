"""The names of EfficientNet-PyTorch (L. Melas-Kyriazi), in which the published file of Lite0 is kept.

Blocks count through all stages, from 0. Its models are converted from the authors' files, with their padding.
"""

from __future__ import annotations

from collections.abc import Iterator

from lenext.weights.adapters.renaming import Adapter, Rename

COUNTS = (1, 2, 2, 3, 3, 4, 1)  # blocks of stages 2 to 8, in B0 and Lite0

PARTS = (
    ("expand_conv", "_expand_conv"), ("expand_bn", "_bn0"), ("depthwise_conv", "_depthwise_conv"),
    ("depthwise_bn", "_bn1"), ("project_conv", "_project_conv"), ("project_bn", "_bn2"),
)  # fmt: skip


def blocks() -> Iterator[Rename]:
    places = ((stage, block) for stage, count in enumerate(COUNTS, 2) for block in range(1, count + 1))
    for number, (stage, block) in enumerate(places):
        for ours, theirs in PARTS:
            yield Rename(f"stages.stage{stage}.mbconv{stage}_{block}.branch.{ours}", f"_blocks.{number}.{theirs}")


LITE = Adapter(
    networks={"efficientnet_lite0": "efficientnet-lite0"},
    renames=(
        Rename("stem.stem_conv", "_conv_stem"),
        Rename("stem.stem_bn", "_bn0"),
        *blocks(),
        Rename("stages.stage9.head_conv", "_conv_head"),
        Rename("stages.stage9.head_bn", "_bn1"),
        Rename("head.fc", "_fc"),
    ),
)

ADAPTERS = (LITE,)
