"""What the ConvNeXt paper reports of every step from ResNet to it: counts, maps and accuracies."""

from __future__ import annotations

from typing import TypeVar

from lenext.facts import ACCURACIES, Published, Reported, results

Figure = TypeVar("Figure")


def along(way: str, *figures: Figure) -> dict[str, Figure]:
    """A figure of each step from the first on, by the network's name."""
    return {f"convnext_roadmap_{way}_{number:02}": figure for number, figure in enumerate(figures, 1)}


# The recipe and its address: top-1 accuracy in per cent on ILSVRC-2012 validation. ResNet-50's are means of three runs.
RESULTS: Reported = {
    ("1-crop, torchvision's weights", "Table 10"): along("resnet50", 76.13),
    ("1-crop, before the new recipe", "Table 11"): along("resnet200", 78.20),
    ("1-crop, mean of 3", "Table 10"): along(
        "resnet50",
        78.82, 79.36, 79.51, 78.28, 80.50, 80.64, 79.92, 80.57, 80.62, 81.27, 81.41, 81.47, 81.97,      # Table 10
    ),
    ("1-crop", "Table 11"): along(
        "resnet200",
        81.14, 81.33, 81.59, 80.54, 81.85, 82.64, 82.04, 82.30, 82.19, 82.71, 83.17, 83.35, 83.60,      # Table 11
    ),
    ("1-crop, mean of 3, kernel_size 5", "Table 10"): {"convnext_roadmap_resnet50_08": 80.35},
    ("1-crop, mean of 3, kernel_size 9", "Table 10"): {"convnext_roadmap_resnet50_08": 80.57},
    ("1-crop, mean of 3, kernel_size 11", "Table 10"): {"convnext_roadmap_resnet50_08": 80.47},
    ("1-crop, kernel_size 5", "Table 11"): {"convnext_roadmap_resnet200_08": 82.32},
    ("1-crop, kernel_size 9", "Table 11"): {"convnext_roadmap_resnet200_08": 82.27},
    ("1-crop, kernel_size 11", "Table 11"): {"convnext_roadmap_resnet200_08": 82.18},
}  # fmt: skip


# What is new in each step, in the words of STEPS.
TITLES = (
    "ResNet", "stage ratio", "patchify stem", "depthwise conv", "width", "inverted bottleneck", "move up depthwise",
    "kernel 7", "ReLU -> GELU", "fewer activations", "fewer norms", "BN -> LN", "separate downsampling",
)  # fmt: skip


def published(name: str, title: str, row: tuple[int, int, int, int, float]) -> Published:
    """The figures of one step: exact counts, its title and the paper's FLOPs, its column of ``RESULTS``."""
    stem, width, params, macs, flops = row
    maps = {f"res{place + 2}": (width << place, 56 >> place, 56 >> place) for place in range(4)}  # Table 9
    words, found = f"{title}: {flops:.2f} GFLOPs", results(RESULTS, name, ACCURACIES)
    return Published(params=params, macs=macs, shapes={"stem": (stem, 56, 56), **maps}, printed=words, results=found)


# Channels of the stem and of the first stage, then counts. The words are the tables' FLOPs (multiply-adds); two are
# slips, see REMARKS.
COUNTS = {
    "resnet50": (
        (64, 256, 25_557_032, 4_089_184_256, 4.09),     # Table 10
        (64, 256, 28_628_520, 4_525_916_160, 4.53),     # Table 10
        (64, 256, 28_622_184, 4_417_536_000, 4.42),     # Table 10
        (64, 256, 15_722_664, 2_349_507_072, 2.35),     # Table 10
        (96, 384, 33_761_032, 5_267_976_960, 5.27),     # Table 10
        (96, 96, 25_851_496, 4_644_406_272, 4.64),      # Table 10
        (96, 96, 25_625_512, 4_065_080_448, 4.07),      # Table 10
        (96, 96, 25_863_592, 4_145_612_928, 4.15),      # Table 10
        (96, 96, 25_863_592, 4_145_612_928, 4.15),      # Table 10
        (96, 96, 25_863_592, 4_145_612_928, 4.15),      # Table 10
        (96, 96, 25_829_032, 4_145_612_928, 4.15),      # Table 10
        (96, 96, 25_834_984, 4_145_612_928, 4.46),      # Table 10
        (96, 96, 28_589_128, 4_455_531_264, 4.49),      # Table 10
    ),
    "resnet200": (
        (64, 256, 64_673_832, 15_007_481_856, 15.01),      # Table 11
        (84, 336, 83_066_332, 14_518_404_096, 14.52),      # Table 11
        (84, 336, 83_058_016, 14_376_155_136, 14.38),      # Table 11
        (84, 336, 42_585_556, 7_234_368_288, 7.23),        # Table 11
        (128, 512, 96_526_696, 16_763_933_696, 16.76),     # Table 11
        (128, 128, 83_700_200, 15_679_418_368, 15.68),     # Table 11
        (128, 128, 83_094_760, 14_627_001_856, 14.63),     # Table 11
        (128, 128, 83_780_840, 14_806_631_936, 14.81),     # Table 11
        (128, 128, 83_780_840, 14_806_631_936, 14.81),     # Table 11
        (128, 128, 83_780_840, 14_806_631_936, 14.81),     # Table 11
        (128, 128, 83_688_680, 14_806_631_936, 14.81),     # Table 11
        (128, 128, 83_705_832, 14_806_631_936, 14.81),     # Table 11
        (128, 128, 88_591_464, 15_354_729_472, 15.35),     # Table 11
    ),
}  # fmt: skip
PUBLISHED = {
    name: published(name, title, row)
    for way, rows in COUNTS.items()
    for name, title, row in zip(along(way, *rows), TITLES, rows, strict=True)
}

REMARKS = {
    "*resnet200_01": "Table 11 does not say whose 78.20 is; 1603.05027, Table 5 has an error of 21.8, at 320 pixels.",
    "*resnet50_12": "Table 10 prints 4.46; LayerNorm for BatchNorm costs no multiply-add: 4.15, as before it.",
    "*resnet50_13": "Table 10 prints 4.49; this network, ConvNeXt-T, has 4.46.",
}
