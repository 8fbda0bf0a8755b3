"""What the ConvNeXt paper reports: counts, maps and accuracies."""

from __future__ import annotations

from lenext.facts import ACCURACIES, Published, Reported, results

# The test and its address: top-1 accuracy in per cent on ILSVRC-2012 validation; "22K": pre-trained on ImageNet-22K.
RESULTS: Reported = {
    ("1-crop", "Table 1"): {
        "convnext_tiny": 82.1, "convnext_small": 83.1, "convnext_base": 83.8, "convnext_large": 84.3,   # Table 1
    },
    ("whole image at 384", "Table 1"): {"convnext_base": 85.1, "convnext_large": 85.5},
    ("1-crop, 22K", "Table 1"): {
        "convnext_tiny": 82.9, "convnext_small": 84.6, "convnext_base": 85.8, "convnext_large": 86.6,   # Table 1
        "convnext_xlarge": 87.0,                                                                        # Table 1
    },
    ("whole image at 384, 22K", "Table 1"): {
        "convnext_tiny": 84.1, "convnext_small": 85.8, "convnext_base": 86.8, "convnext_large": 87.5,   # Table 1
        "convnext_xlarge": 87.8,                                                                        # Table 1
    },
    ("1-crop", "Table 2"): {
        "convnext_isotropic_small": 79.7, "convnext_isotropic_base": 82.0, "convnext_isotropic_large": 82.6,  # Table 2
    },
}  # fmt: skip

# The same of the sets that ask for robustness: accuracies, and errors of corrupted images.
ROBUST: Reported = {
    (data, test, "Table 8"): dict(zip(names, figures, strict=True))
    for test, names, rows in (
        ("1-crop", ("convnext_tiny", "convnext_base"), {
            "ImageNet-A": (24.2, 36.7), "ImageNet-R": (47.2, 51.3), "ImageNet-Sketch": (33.8, 38.2),    # Table 8
        }),
        ("whole image at 384, 22K", ("convnext_base", "convnext_large", "convnext_xlarge"), {
            "ImageNet-A": (62.3, 65.5, 69.3), "ImageNet-R": (64.9, 66.7, 68.2),                         # Table 8
            "ImageNet-Sketch": (51.6, 52.8, 55.0),                                                      # Table 8
        }),
    )
    for data, figures in rows.items()
}  # fmt: skip
CORRUPTED: Reported = {
    ("ImageNet-C", "1-crop", "Table 8"): {"convnext_tiny": 53.2, "convnext_base": 46.8},
    ("ImageNet-C-bar", "1-crop", "Table 8"): {"convnext_tiny": 40.0, "convnext_base": 34.4},
    ("ImageNet-C", "whole image at 384, 22K", "Table 8"): {
        "convnext_base": 43.1, "convnext_large": 40.2, "convnext_xlarge": 38.8,                         # Table 8
    },
    ("ImageNet-C-bar", "whole image at 384, 22K", "Table 8"): {
        "convnext_base": 30.7, "convnext_large": 29.9, "convnext_xlarge": 27.1,                         # Table 8
    },
}  # fmt: skip

SIDES = (56, 28, 14, 7)  # Table 9


def published(name: str, widths: tuple[int, ...], params: int, macs: int, printed: str) -> Published:
    """The figures of one network: exact counts at 224 pixels, the paper's words for them, its row of ``RESULTS``."""
    stages = enumerate(zip(widths, SIDES, strict=False), 2)
    shapes = {f"res{number}": (width, side, side) for number, (width, side) in stages}
    if len(widths) == 1:
        shapes = {"blocks": (widths[0], 14, 14)}  # 3.3
    first = next(iter(shapes.values()))
    found = results({**RESULTS, **ROBUST}, name, ACCURACIES) + results(CORRUPTED, name, ("mean corruption error",))
    return Published(
        params=params,
        macs=macs,
        shapes={"stem": first, **shapes},
        printed=printed,
        results=found,
    )


# The channels of each stage, then counts; the words are those of the tables, FLOPs are multiply-adds.
PUBLISHED = {
    f"convnext_{size}": published(f"convnext_{size}", *figures)
    for size, figures in {
        "tiny":   ((96, 192, 384, 768), 28_589_128, 4_455_531_264, "29M parameters, 4.5G FLOPs"),           # Table 1
        "small":  ((96, 192, 384, 768), 50_223_688, 8_683_712_256, "50M parameters, 8.7G FLOPs"),           # Table 1
        "base":   ((128, 256, 512, 1024), 88_591_464, 15_354_729_472, "89M parameters, 15.4G FLOPs"),       # Table 1
        "large":  ((192, 384, 768, 1536), 197_767_336, 34_361_433_600, "198M parameters, 34.4G FLOPs"),     # Table 1
        "xlarge": ((256, 512, 1024, 2048), 350_196_968, 60_921_030_656, "350M parameters, 60.9G FLOPs"),    # Table 1
        "isotropic_small": ((384,), 22_308_712, 4_286_367_744, "22M parameters, 4.3G FLOPs"),               # Table 2
        "isotropic_base":  ((768,), 87_083_752, 16_896_331_776, "87M parameters, 16.9G FLOPs"),             # Table 2
        "isotropic_large": ((1024,), 305_942_504, 59_699_224_576, "306M parameters, 59.7G FLOPs"),          # Table 2
    }.items()
}  # fmt: skip

REMARKS = {
    "convnext_isotropic_small": "Table 2 prints 79.7 %, the README 78.7 %.",
    "convnext_base": "At 384 pixels its count is 45.1e9; Table 1 has 45.0G, the README 47.0G after 22K: a slip.",
}
