"""What the MobileNets paper and the released networks report: counts, maps and accuracies."""

from __future__ import annotations

from lenext.facts import ACCURACIES, Published, Reported, results

NAMES = ("mobilenet_v1", "mobilenet_v1_075", "mobilenet_v1_050", "mobilenet_v1_025")
# The test and its address: top-1 (and top-5) accuracy in per cent, on ILSVRC-2012 validation.
RESULTS: Reported = {
    ("224 pixels", "Table 6"): {
        "mobilenet_v1": (70.6,), "mobilenet_v1_075": (68.4,),                           # Table 6
        "mobilenet_v1_050": (63.7,), "mobilenet_v1_025": (50.6,),                       # Table 6
    },
    ("192 pixels", "Table 7"): {"mobilenet_v1": (69.1,)},
    ("160 pixels", "Table 7"): {"mobilenet_v1": (67.2,)},
    ("128 pixels", "Table 7"): {"mobilenet_v1": (64.4,)},
    ("160 pixels, 0.50", "Table 9"): {"mobilenet_v1_050": (60.2,)},
    ("224 pixels, full convolutions", "Table 4"): {"mobilenet_v1": (71.7,)},
    ("224 pixels, shallow", "Table 5"): {"mobilenet_v1": (65.3,)},
    ("Stanford Dogs", "224 pixels", "Table 10"): {"mobilenet_v1": (83.3,), "mobilenet_v1_075": (81.9,)},
    ("Stanford Dogs", "192 pixels", "Table 10"): {"mobilenet_v1": (81.9,), "mobilenet_v1_075": (80.5,)},
    ("224 pixels, released", "README"): {
        "mobilenet_v1": (70.9, 89.9), "mobilenet_v1_075": (68.4, 88.2),                 # README
        "mobilenet_v1_050": (63.3, 84.9), "mobilenet_v1_025": (49.8, 74.2),             # README
    },
    ("192 pixels, released", "README"): {
        "mobilenet_v1": (70.0, 89.2), "mobilenet_v1_075": (67.2, 87.3),                 # README
        "mobilenet_v1_050": (61.7, 83.6), "mobilenet_v1_025": (47.7, 72.3),             # README
    },
    ("160 pixels, released", "README"): {
        "mobilenet_v1": (68.0, 87.7), "mobilenet_v1_075": (65.3, 86.0),                 # README
        "mobilenet_v1_050": (59.1, 81.9), "mobilenet_v1_025": (45.5, 70.3),             # README
    },
    ("128 pixels, released", "README"): {
        "mobilenet_v1": (65.2, 85.8), "mobilenet_v1_075": (62.1, 83.6),                 # README
        "mobilenet_v1_050": (56.3, 79.4), "mobilenet_v1_025": (41.5, 66.3),             # README
    },
    **{
        (f"{side} pixels, eight bits, released", "README"): dict(zip(NAMES, accuracies, strict=True))
        for side, accuracies in {
            224: (69.7, 67.9, 62.2, 48.2), 192: (69.0, 66.2, 60.4, 45.8),               # README
            160: (67.3, 63.9, 57.7, 43.5), 128: (64.0, 59.8, 54.9, 39.9),               # README
        }.items()
    },
    ("224 pixels, width 2", "1905.11946, Table 3"): {"mobilenet_v1": (74.2,)},
    ("448 pixels", "1905.11946, Table 3"): {"mobilenet_v1": (72.7,)},
}  # fmt: skip

# The maps of the first convolution and after each separable one, at full width and 224 pixels.
MAPS = (
    (32, 112),                                                              # Table 1
    (64, 112), (128, 56), (128, 56), (256, 28), (256, 28), (512, 14),       # Table 1
    (512, 14), (512, 14), (512, 14), (512, 14), (512, 14),                  # Table 1: five times
    (1024, 7), (1024, 7),                                                   # Table 1
)  # fmt: skip


def published(name: str, width: float, params: int, macs: int, printed: str) -> Published:
    """The figures of one network, at 224x224 pixels and 1000 classes."""
    shapes = {
        f"block{number}" if number else "stem": (int(width * channels), side, side)
        for number, (channels, side) in enumerate(MAPS)
    }
    return Published(
        params=params, macs=macs, shapes=shapes, printed=printed, results=results(RESULTS, name, ACCURACIES)
    )


# The width multiplier, then counts of Table 1; the words are those of Table 6.
PUBLISHED = {
    name: published(name, *figures)
    for name, figures in {
        "mobilenet_v1":     (1.00, 4_231_976, 568_740_352, "4.2M parameters, 569M mult-adds"),  # Tables 1, 6
        "mobilenet_v1_075": (0.75, 2_585_560, 325_400_448, "2.6M parameters, 325M mult-adds"),  # Tables 1, 6
        "mobilenet_v1_050": (0.50, 1_331_592, 149_497_088, "1.3M parameters, 149M mult-adds"),  # Tables 1, 6
        "mobilenet_v1_025": (0.25, 470_072, 41_030_272, "0.5M parameters, 41M mult-adds"),      # Tables 1, 6
    }.items()
}  # fmt: skip

REMARKS = {
    "mobilenet_v1*": "Table 1 prints stride 2 for the last depthwise layer, between two maps of 7x7: it is 1. "
    "Table 2 prints 1.19 % of the multiply-adds for the full 3x3 convolution: it is 1.91 %.",
}
