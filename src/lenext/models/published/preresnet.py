"""What the pre-activation paper and fb.resnet.torch report: counts, maps and errors."""

from __future__ import annotations

from lenext.facts import Published, Reported, results

# The data, the test and its address: top-1 (and top-5) error in per cent, on CIFAR the median of five runs (3.1) unless
# it is said to be their mean; "unit", "shortcut" and "skip" are options of the network.
RESULTS: Reported = {
    ("CIFAR-10 test", "single view", "Table 3"): {
        "preresnet110_cifar": (6.37,), "preresnet164_cifar": (5.46,), "preresnet1001_cifar": (4.92,),   # Table 3
    },
    ("CIFAR-10 test", "single view, skip 1", "Table 3"): {"preresnet110_cifar": (8.91,)},
    ("CIFAR-10 test", "single view, unit original, skip 1", "Table 3"): {"preresnet110_cifar": (9.90,)},
    ("CIFAR-10 test", "single view, unit original", "Tables 2, 3"): {
        "preresnet110_cifar": (6.61,), "preresnet164_cifar": (5.93,), "preresnet1001_cifar": (7.61,),   # Tables 2, 3
    },
    **{
        ("CIFAR-10 test", f"single view, unit {unit}", "Table 2"): {
            "preresnet110_cifar": (shallow,), "preresnet164_cifar": (deep,),                            # Table 2
        }
        for unit, shallow, deep in (
            ("bn-after", 8.17, 6.50), ("relu-before", 7.84, 6.14), ("relu-only", 6.71, 5.91),           # Table 2
        )
    },
    **{
        ("CIFAR-10 test", f"single view, unit original, shortcut {way}", "Table 1"): {"preresnet110_cifar": (error,)}
        for way, error in {
            "frozen-gates": 12.35,                                                                      # Table 1
            "exclusive-gates": 8.70, "exclusive-gates, gate_bias -7": 9.81,                             # Table 1
            "shortcut-gates": 6.91, "shortcut-gates, gate_bias 0": 12.86,                               # Table 1
            "conv": 12.22,                                                                              # Table 1
        }.items()
    },
    ("CIFAR-10 test", "single view, mean of 5", "Table 4"): {"preresnet1001_cifar": (4.89,)},
    ("CIFAR-10 test", "single view, batch 64", "Table 4"): {"preresnet1001_cifar": (4.62,)},
    ("CIFAR-10 test", "single view, batch 64, mean of 5", "Table 4"): {"preresnet1001_cifar": (4.69,)},
    ("CIFAR-100 test", "single view", "Tables 3, 4"): {"preresnet164_cifar": (24.33,), "preresnet1001_cifar": (22.71,)},
    ("CIFAR-100 test", "single view, unit original", "Tables 3, 4"): {
        "preresnet164_cifar": (25.16,), "preresnet1001_cifar": (27.82,),                                # Tables 3, 4
    },
    ("CIFAR-100 test", "single view, mean of 5", "Table 4"): {"preresnet1001_cifar": (22.68,)},
    ("ILSVRC-2012 val", "1-crop, unit original", "5"): {"preresnet101": (23.6, 7.1)},
    ("ILSVRC-2012 val", "1-crop, unit bn-after", "5"): {"preresnet101": (24.6, 7.5)},
    ("ILSVRC-2012 val", "1-crop at 320", "Table 5"): {"preresnet152": (21.1, 5.5), "preresnet200": (20.7, 5.3)},
    ("ILSVRC-2012 val", "1-crop at 320, aspect", "Table 5"): {"preresnet200": (20.1, 4.8)},
    ("ILSVRC-2012 val", "1-crop", "fb.resnet.torch"): {"preresnet200": (21.66, 5.79)},
    ("ILSVRC-2012 val", "10-crop, logits summed", "fb.resnet.torch"): {"preresnet200": (20.15, 4.93)},
}  # fmt: skip

STAGES = ("stem", "conv2_x", "conv3_x", "conv4_x", "conv5_x")
LARGE = ((64, 112, 112), (256, 56, 56), (512, 28, 28), (1024, 14, 14), (2048, 7, 7))  # 1512.03385, Table 1
NARROW = ((16, 32, 32), (16, 32, 32), (32, 16, 16), (64, 8, 8))  # 1512.03385, 4.2
WIDE = ((16, 32, 32), (64, 32, 32), (128, 16, 16), (256, 8, 8))  # resnet-1k-layers


def published(name: str, maps: tuple[tuple[int, int, int], ...], params: int, macs: int, printed: str) -> Published:
    """The figures of one network: exact counts, the paper's words for them, and its row of ``RESULTS``."""
    shapes = dict(zip(STAGES, maps, strict=False))
    return Published(params=params, macs=macs, shapes=shapes, printed=printed, results=results(RESULTS, name))


PUBLISHED = {
    name: published(name, *figures)
    for name, figures in {
        "preresnet50":         (LARGE, 25_549_352, 4_089_184_256, ""),                  # fb.resnet.torch, counted
        "preresnet101":        (LARGE, 44_541_480, 7_801_405_440, ""),                  # fb.resnet.torch, counted
        "preresnet152":        (LARGE, 60_185_128, 11_513_626_624, ""),                 # Table 5, counted
        "preresnet200":        (LARGE, 64_666_152, 15_007_481_856, ""),                 # Table 5, counted
        "preresnet110_cifar":  (NARROW, 1_727_962, 252_887_680, "1.7M parameters"),     # Table 3
        "preresnet164_cifar":  (WIDE, 1_703_258, 244_500_992, "1.7M parameters"),       # Table 3
        "preresnet1001_cifar": (WIDE, 10_327_706, 1_487_849_984, "10.2M parameters"),   # Table 3
    }.items()
}  # fmt: skip

REMARKS = {
    "preresnet110_cifar": 'Table 1 prints "fail", an error above 20 %, for the shortcuts zero, half and dropout, '
    "and for exclusive-gates with a gate_bias of 0 to -5.",
    "preresnet1001_cifar": "Table 3's 10.2M are the weights of convolutions and classifier alone: 10,178,480.",
}
