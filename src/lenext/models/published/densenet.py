"""What the DenseNet paper and its repository report: counts, maps and errors."""

from __future__ import annotations

from lenext.facts import ERRORS, Published, Reported, results

# The data, the test and its address: error in per cent, for CIFAR and SVHN in the order of SMALL.
SMALL = (
    "densenet40_k12_cifar", "densenet100_k12_cifar", "densenet100_k24_cifar",
    "densenet_bc100_k12_cifar", "densenet_bc250_k24_cifar", "densenet_bc190_k40_cifar",
)  # fmt: skip
RESULTS: Reported = {
    **{
        (f"{data} test", "single view", "Table 2"): dict(zip(SMALL, errors, strict=False))
        for data, errors in {
            "CIFAR-10": (7.00, 5.77, 5.83, 5.92, 5.19),                     # Table 2
            "CIFAR-10+": (5.24, 4.10, 3.74, 4.51, 3.62, 3.46),              # Table 2
            "CIFAR-100": (27.55, 23.79, 23.42, 24.15, 19.64),               # Table 2
            "CIFAR-100+": (24.42, 20.20, 19.25, 22.27, 17.60, 17.18),       # Table 2
            "SVHN": (1.79, 1.67, 1.59, 1.76, 1.74),                         # Table 2
        }.items()
    },
    ("1-crop", "Table 3"): {
        "densenet121": (25.02, 7.71), "densenet169": (23.80, 6.85),         # Table 3
        "densenet201": (22.58, 6.34), "densenet264": (22.15, 6.12),         # Table 3
    },
    ("10-crop", "Table 3"): {
        "densenet121": (23.61, 6.66), "densenet169": (22.08, 5.92),         # Table 3
        "densenet201": (21.46, 5.54), "densenet264": (20.80, 5.29),         # Table 3
    },
    ("CIFAR-10+ test", "single view", "README"): {
        "densenet_bc40_k36_cifar": (4.58,),                                 # README
        "densenet_bc40_k48_cifar": (3.99,),                                 # README
        "densenet_bc40_k60_cifar": (4.01,),                                 # README
    },
    ("CIFAR-100+ test", "single view", "README"): {
        "densenet_bc40_k36_cifar": (22.30,),                                # README
        "densenet_bc40_k48_cifar": (20.29,),                                # README
        "densenet_bc40_k60_cifar": (19.99,),                                # README
    },
    ("1-crop", "README"): {
        "densenet121": (25.0,), "densenet161": (22.2,), "densenet169": (23.6,), "densenet201": (22.5,),     # README
    },
    ("1-crop", "1707.06990"): {"densenet264": (22.1,)},
    ("1-crop, cosine", "1707.06990"): {"densenet264": (21.6,)},
    ("1-crop, cosine, growth 48", "1707.06990"): {"densenet264": (20.4,)},
}  # fmt: skip

STAGES = ("stem", *(f"{kind}{number}" for number in (1, 2, 3, 4) for kind in ("dense_block", "transition")))
MAPS = {  # of the stem, and of every block and transition; counted by k
    "densenet121": (64, 256, 128, 512, 256, 1024, 512, 1024),                       # Table 1, counted
    "densenet161": (96, 384, 192, 768, 384, 2112, 1056, 2208),                      # README, counted
    "densenet169": (64, 256, 128, 512, 256, 1280, 640, 1664),                       # Table 1, counted
    "densenet201": (64, 256, 128, 512, 256, 1792, 896, 1920),                       # Table 1, counted
    "densenet264": (64, 256, 128, 512, 256, 2304, 1152, 2688),                      # Table 1, counted
    "densenet40_k12_cifar": (16, 160, 160, 304, 304, 448),                          # 3; Table 2, counted
    "densenet100_k12_cifar": (16, 400, 400, 784, 784, 1168),                        # 3; Table 2, counted
    "densenet100_k24_cifar": (16, 784, 784, 1552, 1552, 2320),                      # 3; Table 2, counted
    "densenet_bc100_k12_cifar": (24, 216, 108, 300, 150, 342),                      # 3; Table 2, counted
    "densenet_bc250_k24_cifar": (48, 1032, 516, 1500, 750, 1734),                   # 3; Table 2, counted
    "densenet_bc190_k40_cifar": (80, 1320, 660, 1900, 950, 2190),                   # 3; Table 2, counted
    "densenet_bc40_k36_cifar": (72, 288, 144, 360, 180, 396),                       # README, counted
    "densenet_bc40_k48_cifar": (96, 384, 192, 480, 240, 528),                       # README, counted
    "densenet_bc40_k60_cifar": (120, 480, 240, 600, 300, 660),                      # README, counted
}  # fmt: skip
SIDES = {"imagenet": (56, 56, 28, 28, 14, 14, 7, 7), "cifar": (32, 32, 16, 16, 8, 8)}  # Table 1; 3


def published(name: str, params: int, macs: int, printed: str) -> Published:
    """The figures of one network: exact counts, the paper's words for them, and its rows of ``RESULTS``."""
    cifar = name.endswith("_cifar")
    sides = SIDES["cifar" if cifar else "imagenet"]
    shapes = {stage: (maps, side, side) for stage, maps, side in zip(STAGES, MAPS[name], sides, strict=False)}
    found = results(RESULTS, name, ("error",) if cifar else ERRORS)
    return Published(params=params, macs=macs, shapes=shapes, printed=printed, results=found)


PUBLISHED = {
    name: published(name, *figures)
    for name, figures in {
        "densenet121": (7_978_856, 2_834_161_664, ""),                                      # Table 1, counted
        "densenet161": (28_681_000, 7_727_907_072, ""),                                     # README, counted
        "densenet169": (14_149_480, 3_359_843_328, ""),                                     # Table 1, counted
        "densenet201": (20_013_928, 4_291_365_888, ""),                                     # Table 1, counted
        "densenet264": (33_337_704, 5_751_653_376, ""),                                     # Table 1, counted
        "densenet40_k12_cifar": (1_019_722, 264_812_928, "1.0M parameters"),                # Table 2
        "densenet100_k12_cifar": (6_979_642, 1_769_516_448, "7.0M parameters"),             # Table 2
        "densenet100_k24_cifar": (27_249_082, 6_889_347_744, "27.2M parameters"),           # Table 2
        "densenet_bc100_k12_cifar": (769_162, 287_929_692, "0.8M parameters"),              # Table 2
        "densenet_bc250_k24_cifar": (15_324_406, 5_418_785_724, "15.3M parameters"),        # Table 2
        "densenet_bc190_k40_cifar": (25_624_430, 9_301_945_740, "25.6M parameters"),        # Table 2
        "densenet_bc40_k36_cifar": (1_542_682, 647_298_936, "1.5M parameters"),             # README
        "densenet_bc40_k48_cifar": (2_733_130, 1_149_867_168, "2.7M parameters"),           # README
        "densenet_bc40_k60_cifar": (4_261_690, 1_795_836_360, "4.3M parameters"),           # README
    }.items()
}  # fmt: skip

REMARKS = {
    "densenet169": "1905.11946, Table 2 prints 3.5B FLOPs for it; they are 3.36e9 multiply-adds.",
    "densenet264": "Table 1: by the formula for its other names it has 265 layers with weights. 1905.11946, Table 2 "
    "prints 6.0B FLOPs for it; they are 5.75e9 multiply-adds.",
}
