"""What the ResNeXt paper reports: counts, maps and errors."""

from __future__ import annotations

from lenext.facts import Published, Reported, results

# The data, the test and its address: top-1 (and top-5) error in per cent.
RESULTS: Reported = {
    ("ILSVRC-2012 val", "1-crop", "Tables 3, 4, 5"): {
        "resnext50_1x64d": (23.9,), "resnext50_2x40d": (23.0,), "resnext50_4x24d": (22.6,),      # Table 3
        "resnext50_8x14d": (22.3,), "resnext50_32x4d": (22.2,),                                  # Table 3
        "resnext101_32x4d": (21.2, 5.6), "resnext101_64x4d": (20.4, 5.3),                        # Tables 4, 5
    },
    **{
        ("ILSVRC-2012 val", f"1-crop, cardinality {c}, width {d}", "Tables 3, 4"): {"resnext101_32x4d": errors}
        for (c, d), errors in {
            (1, 64): (22.0, 6.0), (2, 40): (21.7,), (4, 24): (21.4,), (8, 14): (21.3,),         # Table 3
            (2, 64): (20.7, 5.5), (1, 100): (21.3, 5.7),                                        # Table 4
        }.items()
    },
    ("ILSVRC-2012 val", "1-crop, without shortcuts", "5.1"): {"resnext50_32x4d": (26.1,), "resnext50_1x64d": (31.2,)},
    ("ILSVRC-2012 val", "1-crop at 320", "Table 5"): {"resnext101_64x4d": (19.1, 4.4)},
    ("ILSVRC-2012 val", "multi-scale dense", "5.1"): {"resnext101_64x4d": (17.7, 3.7)},
    ("ILSVRC-2012 val", "1-crop, trained on ImageNet-5K, 1000 ways", "Table 6"): {
        "resnext50_1x64d": (27.1, 8.2),                                                          # Table 6
        "resnext50_32x4d": (24.4, 6.6), "resnext101_32x4d": (22.2, 5.7),                         # Table 6
    },
    ("ILSVRC-2012 val", "1-crop, trained on ImageNet-5K, 5000 ways", "Table 6"): {
        "resnext50_1x64d": (45.5, 19.4),                                                         # Table 6
        "resnext50_32x4d": (42.3, 16.8), "resnext101_32x4d": (40.1, 15.1),                       # Table 6
    },
    **{
        ("ILSVRC-2012 val", f"1-crop, cardinality 1, width 64, trained on ImageNet-5K, {ways} ways", "Table 6"): {
            "resnext101_32x4d": errors,
        }
        for ways, errors in {1000: (24.2, 6.8), 5000: (42.4, 16.9)}.items()                     # Table 6
    },
    ("CIFAR-10 test", "single view, mean of 10", "Table 7"): {
        "resnext29_8x64d_cifar": (3.65,), "resnext29_16x64d_cifar": (3.58,),                     # Table 7
    },
    ("CIFAR-100 test", "single view, mean of 10", "Table 7"): {
        "resnext29_8x64d_cifar": (17.77,), "resnext29_16x64d_cifar": (17.31,),                   # Table 7
    },
}  # fmt: skip

STAGES = ("stem", "conv2_x", "conv3_x", "conv4_x", "conv5_x")
LARGE = ((64, 112, 112), (256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7))  # Table 1
SMALL = ((64, 32, 32), (256, 32, 32), (512, 16, 16), (1024, 8, 8))  # Appendix A


def published(name: str, params: int, macs: int, printed: str) -> Published:
    """The figures of one network: exact counts, the paper's words for them, and its row of ``RESULTS``."""
    shapes = dict(zip(STAGES, SMALL if name.endswith("_cifar") else LARGE, strict=False))
    return Published(params=params, macs=macs, shapes=shapes, printed=printed, results=results(RESULTS, name))


PUBLISHED = {
    name: published(name, *figures)
    for name, figures in {
        "resnext50_32x4d":        (25_028_904, 4_230_479_872, "25.0M parameters, 4.2e9 FLOPs"),     # Table 1
        "resnext101_32x4d":       (44_177_704, 7_969_996_800, ""),                                  # Table 3, counted
        "resnext101_64x4d":       (83_455_272, 15_460_270_080, "15.6 GFLOPs"),                      # README
        "resnext101_32x8d":       (88_791_336, 16_414_015_488, ""),                                 # torchvision
        "resnext50_1x64d":        (25_557_032, 4_089_184_256, "25.5M parameters, 4.1e9 FLOPs"),     # Table 1
        "resnext50_2x40d":        (25_425_000, 4_124_508_160, ""),                                  # Table 3, counted
        "resnext50_4x24d":        (25_292_968, 4_159_832_064, ""),                                  # Table 3, counted
        "resnext50_8x14d":        (25_603_016, 4_267_409_408, ""),                                  # Table 3, counted
        "resnext29_8x64d_cifar":  (34_426_698, 5_387_266_048, "34.4M parameters"),                  # Table 7
        "resnext29_16x64d_cifar": (68_155_210, 10_688_866_304, "68.1M parameters"),                 # Table 7
    }.items()
}  # fmt: skip

REMARKS = {"resnext101_64x4d": "The README's 15.6 GFLOPs are rounded up: 15.46e9 multiply-adds."}
