"""What the ResNet paper and the codes that followed it report: counts, maps and errors."""

from __future__ import annotations

from dataclasses import replace

from lenext.facts import Published, Reported, results

# The test and its address: top-1 (and top-5) error in per cent, on ILSVRC-2012 validation or CIFAR-10 test.
RESULTS: Reported = {
    ("10-crop, option A", "Tables 2, 3"): {"resnet18": (27.88,), "resnet34": (25.03, 7.76)},
    ("10-crop, option C", "Table 3"): {"resnet34": (24.19, 7.40)},
    ("10-crop", "Tables 2, 3"): {
        "plain18": (27.94,), "plain34": (28.54, 10.02), "resnet34": (24.52, 7.46),                      # Tables 2, 3
        "resnet50": (22.85, 6.71), "resnet101": (21.75, 6.05), "resnet152": (21.43, 5.71),              # Table 3
    },
    ("multi-scale dense, option C", "Table 4"): {"resnet34": (21.53, 5.60)},
    ("multi-scale dense", "Table 4"): {
        "resnet34": (21.84, 5.71),                                                                      # Table 4
        "resnet50": (20.74, 5.25), "resnet101": (19.87, 4.60), "resnet152": (19.38, 4.49),              # Table 4
    },
    ("1-crop", "README"): {"resnet50": (24.7, 7.8), "resnet101": (23.6, 7.1), "resnet152": (23.0, 6.7)},
    ("1-crop, v1.5", "fb.resnet.torch"): {
        "resnet18": (30.43, 10.76), "resnet34": (26.73, 8.74),                                   # fb.resnet.torch
        "resnet50": (24.01, 7.02), "resnet101": (22.44, 6.21), "resnet152": (22.16, 6.16),       # fb.resnet.torch
    },
    ("10-crop, logits summed, v1.5", "fb.resnet.torch"): {
        "resnet18": (28.22, 9.42), "resnet34": (24.76, 7.35),                                    # fb.resnet.torch
        "resnet50": (22.24, 6.08), "resnet101": (21.08, 5.35), "resnet152": (20.69, 5.21),       # fb.resnet.torch
    },
    ("1-crop at 320", "1603.05027, Table 5"): {"resnet152": (21.3, 5.5), "resnet200": (21.8, 6.0)},
    ("single view, mean of 5", "Table 6"): {"resnet110_cifar": (6.61,)},
    ("single view", "Table 6"): {
        "resnet20_cifar": (8.75,), "resnet32_cifar": (7.51,), "resnet44_cifar": (7.17,),                # Table 6
        "resnet56_cifar": (6.97,), "resnet110_cifar": (6.43,), "resnet1202_cifar": (7.93,),             # Table 6
    },
}  # fmt: skip

STAGES = ("stem", "conv2_x", "conv3_x", "conv4_x", "conv5_x")
BASIC = ((64, 112, 112), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7))  # Table 1: 18, 34
BOTTLENECK = ((64, 112, 112), (256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7))  # Table 1: 50 and more
SMALL = ((16, 32, 32), (16, 32, 32), (32, 16, 16), (64, 8, 8))  # 4.2


def published(name: str, maps: tuple[tuple[int, int, int], ...], params: int, macs: int, printed: str) -> Published:
    """The figures of one network: exact counts, the paper's words for them, and its row of ``RESULTS``."""
    shapes = dict(zip(STAGES, maps, strict=False))
    found = results(RESULTS, name, data="CIFAR-10 test" if maps is SMALL else "ILSVRC-2012 val")
    return Published(params=params, macs=macs, shapes=shapes, printed=printed, results=found)


# Counted; the words are Table 1's FLOPs (multiply-adds) and Table 6's parameters.
PUBLISHED = {
    name: published(name, *figures)
    for name, figures in {
        "plain18":          (BASIC, 11_515_688, 1_794_805_760, "1.8e9 FLOPs"),          # Table 1
        "resnet18":         (BASIC, 11_689_512, 1_814_073_344, "1.8e9 FLOPs"),          # Table 1
        "plain34":          (BASIC, 21_623_848, 3_644_493_824, "3.6e9 FLOPs"),          # Table 1
        "resnet34":         (BASIC, 21_797_672, 3_663_761_408, "3.6e9 FLOPs"),          # Table 1
        "resnet50":         (BOTTLENECK, 25_557_032, 3_857_973_248, "3.8e9 FLOPs"),     # Table 1
        "resnet101":        (BOTTLENECK, 44_549_160, 7_570_194_432, "7.6e9 FLOPs"),     # Table 1
        "resnet152":        (BOTTLENECK, 60_192_808, 11_282_415_616, "11.3e9 FLOPs"),   # Table 1
        "resnet200":        (BOTTLENECK, 64_673_832, 15_007_481_856, "15.0e9 FLOPs"),   # 2201.03545, Table 11
        "resnet20_cifar":   (SMALL, 269_722, 40_551_040, "0.27M parameters"),           # Table 6
        "resnet32_cifar":   (SMALL, 464_154, 68_862_592, "0.46M parameters"),           # Table 6
        "resnet44_cifar":   (SMALL, 658_586, 97_174_144, "0.66M parameters"),           # Table 6
        "resnet56_cifar":   (SMALL, 853_018, 125_485_696, "0.85M parameters"),          # Table 6
        "resnet110_cifar":  (SMALL, 1_727_962, 252_887_680, "1.7M parameters"),         # Table 6
        "resnet1202_cifar": (SMALL, 19_421_274, 2_829_238_912, "19.4M parameters"),     # Table 6
    }.items()
}  # fmt: skip
for depth in (20, 32, 44, 56, 110):  # 4.2: plain nets count as much as their twins
    PUBLISHED[f"plain{depth}_cifar"] = replace(PUBLISHED[f"resnet{depth}_cifar"], results=())
