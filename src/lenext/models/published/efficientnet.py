"""What the EfficientNet paper and its repository report: counts, maps and accuracies."""

from __future__ import annotations

import math

from lenext.facts import ACCURACIES, Published, Reported, results

PAPERS = [f"efficientnet_b{size}" for size in range(8)]
# The training and its address: top-1 (and top-5) accuracy in per cent, single crop, on ILSVRC-2012 validation.
RESULTS: Reported = {
    ("single crop", "Table 2, third version on"): dict(zip(PAPERS, (
        (77.1, 93.3), (79.1, 94.4), (80.1, 94.9), (81.6, 95.7), (82.9, 96.4), (83.6, 96.7),     # Table 2
        (84.0, 96.8), (84.3, 97.0),                                                             # Table 2
    ), strict=True)),
    ("single crop, ICML 2019", "Table 2, first version"): dict(zip(PAPERS, (
        (76.3, 93.2), (78.8, 94.4), (79.8, 94.9), (81.1, 95.5), (82.6, 96.3), (83.3, 96.7),     # Table 2
        (84.0, 96.9), (84.4, 97.1),                                                             # Table 2
    ), strict=True)),
    ("ILSVRC-2012 test", "single crop", "Table 8"): dict(zip(PAPERS, (
        77.23, 79.17, 80.16, 81.72, 82.94, 83.69, 84.04, 84.33,                                 # Table 8
    ), strict=True)),
    **{(data, "fine-tuned, single crop", "Table 5"): {f"efficientnet_{size}": accuracy} for data, size, accuracy in (
        ("CIFAR-10", "b7", 98.9), ("CIFAR-100", "b7", 91.7), ("Birdsnap", "b7", 84.3),          # Table 5
        ("Stanford Cars", "b7", 94.7), ("Flowers", "b7", 98.8), ("FGVC Aircraft", "b7", 92.9),  # Table 5
        ("Oxford-IIIT Pets", "b6", 95.4), ("Food-101", "b7", 93.0),                             # Table 5
    )},
    ("single crop, baseline preprocessing", "README"): dict(zip(PAPERS, (
        76.7, 78.7, 79.8, 81.1, 82.5, 83.1,                                                     # README
    ), strict=False)),
    ("single crop, RandAugment", "README"): {"efficientnet_b5": 83.7, "efficientnet_b7": 84.7},
    ("single crop, AdvProp", "README"): dict(zip((*PAPERS, "efficientnet_b8"), (
        77.6, 79.6, 80.5, 81.9, 83.3, 84.3, 84.8, 85.2, 85.5,                                   # README
    ), strict=True)),
    ("single crop, Noisy Student", "README"): dict(zip((*PAPERS, "efficientnet_l2"), (
        78.8, 81.5, 82.4, 84.1, 85.3, 86.1, 86.4, 86.9, 88.4,                                   # README
    ), strict=True)),
    ("single crop at 475, Noisy Student", "README"): {"efficientnet_l2": 88.2},
    ("single crop, lite", "README"): {"efficientnet_lite0": (75.1,)},
    **{(f"single crop{change}", "Table 7"): {"efficientnet_b0": accuracy} for change, accuracy in {
        "": 77.3, ", depth 4": 79.0, ", width 2": 78.9, " at 448": 79.1,                        # Table 7
        " at 291, depth 1.4, width 1.2": 81.1,                                                  # Table 7
    }.items()},
}  # fmt: skip

STRIDES = (2, 1, 2, 2, 2, 1, 2, 1, 1)  # Table 1


def published(name: str, side: int, params: int, macs: int, printed: str, widths: tuple[int, ...]) -> Published:
    """The figures of one network for its images of ``side`` pixels and 1000 classes, and its rows of ``RESULTS``."""
    shapes = {}
    for number, (channels, stride) in enumerate(zip(widths, STRIDES, strict=True), 1):
        side = math.ceil(side / stride)
        shapes["stem" if number == 1 else f"stage{number}"] = (channels, side, side)
    found = results(RESULTS, name, ACCURACIES)
    return Published(params=params, macs=macs, shapes=shapes, printed=printed, results=found)


# The image size, then counts; the words are Table 2's parameters and FLOPs (multiply-adds), then the channels of
# stages 1 to 9.
B0 = (32, 16, 24, 40, 80, 112, 192, 320, 1280)  # Table 1
PUBLISHED = {
    f"efficientnet_{size}": published(f"efficientnet_{size}", *figures)
    for size, figures in {
        "b0": (224, 5_288_548, 385_814_752, "5.3M, 0.39B", B0),                                               # Table 2
        "b1": (240, 7_794_184, 686_802_832, "7.8M, 0.70B", B0),                                               # Table 2
        "b2": (260, 9_109_994, 993_561_872, "9.2M, 1.0B", (32, 16, 24, 48, 88, 120, 208, 352, 1408)),         # Table 2
        "b3": (300, 12_233_232, 1_827_141_392, "12M, 1.8B", (40, 24, 32, 48, 96, 136, 232, 384, 1536)),       # Table 2
        "b4": (380, 19_341_616, 4_393_771_024, "19M, 4.2B", (48, 24, 32, 56, 112, 160, 272, 448, 1792)),      # Table 2
        "b5": (456, 30_389_784, 10_266_384_752, "30M, 9.9B", (48, 24, 40, 64, 128, 176, 304, 512, 2048)),     # Table 2
        "b6": (528, 43_040_704, 19_067_593_536, "43M, 19B", (56, 32, 40, 72, 144, 200, 344, 576, 2304)),      # Table 2
        "b7": (600, 66_347_960, 37_745_884_192, "66M, 37B", (64, 32, 48, 80, 160, 224, 384, 640, 2560)),      # Table 2
        "b8": (672, 87_413_142, 62_597_461_568, "", (72, 32, 56, 88, 176, 248, 424, 704, 2816)),              # README
        "l2": (800, 480_309_308, 475_703_653_280, "", (136, 72, 104, 176, 344, 480, 824, 1376, 5504)),        # README
        "lite0": (224, 4_652_008, 385_187_552, "4.7M, 407M", B0),                                             # README
    }.items()
}  # fmt: skip

REMARKS = {
    "efficientnet_b[45]": "Table 2's FLOPs, multiply-adds, are 4 % below the count; why is not known.",
    "efficientnet_b0": "Table 2's FLOPs are multiply-adds. Table 7's for depth 4, width 2 and twice the resolution, "
    "1.8B, 1.8B and 1.9B, are above the counts of 1.58e9, 1.45e9 and 1.54e9; that of all three together agrees.",
    "efficientnet_b*": "Table 2's FLOPs are multiply-adds.",
    "efficientnet_lite0": "The README's 407M are 6 % above the count; why is not known.",
}
