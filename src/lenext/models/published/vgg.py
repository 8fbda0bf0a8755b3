"""What the VGG paper reports: counts, maps, the errors of its Tables 3 to 7, the features of Tables 11 and 12."""

from __future__ import annotations

from lenext.facts import Published, Reported, results

# The test of 3.2 (training scale S, test scales Q) and its address: top-1 and top-5 error, on ILSVRC-2012 validation
# unless the test set is named, of which the paper prints top-5 errors alone.
RESULTS: Reported = {
    ("dense, S=256, Q=256", "Table 3"): {
        "vgg11": (29.6, 10.4), "vgg11_lrn": (29.7, 10.5), "vgg13": (28.7, 9.9),                     # Table 3
        "vgg16_1x1": (28.1, 9.4), "vgg16": (27.0, 8.8), "vgg19": (27.3, 9.0),                       # Table 3
    },
    ("dense, S=384, Q=384", "Table 3"): {
        "vgg16_1x1": (28.1, 9.3), "vgg16": (26.8, 8.7), "vgg19": (26.9, 8.7),                       # Table 3
    },
    ("dense, S=256..512, Q=384", "Table 3"): {
        "vgg16_1x1": (27.3, 8.8), "vgg16": (25.6, 8.1), "vgg19": (25.5, 8.0),                       # Table 3
    },
    ("dense, S=256, Q=224,256,288", "Table 4"): {
        "vgg13": (28.2, 9.6), "vgg16_1x1": (27.7, 9.2), "vgg16": (26.6, 8.6), "vgg19": (26.9, 8.7), # Table 4
    },
    ("dense, S=384, Q=352,384,416", "Table 4"): {
        "vgg16_1x1": (27.8, 9.2), "vgg16": (26.5, 8.6), "vgg19": (26.7, 8.6),                       # Table 4
    },
    ("dense, S=256..512, Q=256,384,512", "Table 4"): {
        "vgg16_1x1": (26.3, 8.2), "vgg16": (24.8, 7.5), "vgg19": (24.8, 7.5),                       # Table 4
    },
    ("multi-crop, S=256..512, Q=256,384,512", "Table 5"): {"vgg16": (24.6, 7.5), "vgg19": (24.6, 7.4)},
    ("both, S=256..512, Q=256,384,512", "Table 5"): {"vgg16": (24.4, 7.2), "vgg19": (24.4, 7.1)},
    ("dense, D and E, S=256..512, Q=256,384,512", "Table 6"): {"vgg16": (24.0, 7.1), "vgg19": (24.0, 7.1)},
    ("multi-crop, D and E, S=256..512, Q=256,384,512", "Table 6"): {"vgg16": (23.9, 7.2), "vgg19": (23.9, 7.2)},
    ("both, D and E, S=256..512, Q=256,384,512", "Table 6"): {"vgg16": (23.7, 6.8), "vgg19": (23.7, 6.8)},
    ("dense, the 7 networks of the submission", "Table 6"): dict.fromkeys(("vgg16_1x1", "vgg16", "vgg19"), (24.7, 7.5)),
    ("ILSVRC-2012 test", "dense, the 7 networks of the submission", "Table 6"): {
        "vgg16_1x1": (None, 7.3), "vgg16": (None, 7.3), "vgg19": (None, 7.3),                       # Table 6
    },
    ("ILSVRC-2012 test", "dense, S=256..512, Q=256,384,512", "Table 4"): {"vgg19": (None, 7.3)},
    ("ILSVRC-2012 test", "both, S=256..512, Q=256,384,512", "Table 7"): {"vgg19": (None, 7.0)},
    ("ILSVRC-2012 test", "dense, D and E, S=256..512, Q=256,384,512", "Table 6"): {
        "vgg16": (None, 7.0), "vgg19": (None, 7.0),                                                 # Table 6
    },
    ("ILSVRC-2012 test", "both, D and E, S=256..512, Q=256,384,512", "Table 6"): {
        "vgg16": (None, 6.8), "vgg19": (None, 6.8),                                                 # Table 6
    },
}  # fmt: skip

# The features of D, of E and of both side by side, which a linear SVM tells apart (Appendix B), in per cent.
PRECISIONS: Reported = {
    ("VOC-2007 test", "features", "Table 11"): {"vgg16": 89.3, "vgg19": 89.3},
    ("VOC-2007 test", "features of D and E", "Table 11"): {"vgg16": 89.7, "vgg19": 89.7},
    ("VOC-2012 test", "features", "Table 11"): {"vgg16": 89.0, "vgg19": 89.0},
    ("VOC-2012 test", "features of D and E", "Table 11"): {"vgg16": 89.3, "vgg19": 89.3},
    ("VOC-2012 actions", "features of D and E", "Table 12"): {"vgg16": 79.2, "vgg19": 79.2},
    ("VOC-2012 actions", "features of D and E, of image and given box", "Table 12"): {"vgg16": 84.0, "vgg19": 84.0},
}  # fmt: skip
RECALLS: Reported = {
    ("Caltech-101", "features, scales side by side", "Table 11"): {"vgg16": 91.8, "vgg19": 92.3},
    ("Caltech-101", "features of D and E, scales side by side", "Table 11"): {"vgg16": 92.7, "vgg19": 92.7},
    ("Caltech-256", "features, scales side by side", "Table 11"): {"vgg16": 85.0, "vgg19": 85.1},
    ("Caltech-256", "features of D and E, scales side by side", "Table 11"): {"vgg16": 86.2, "vgg19": 86.2},
}  # fmt: skip

SHAPES = {
    "conv1": (64, 112, 112),    # Table 1
    "conv2": (128, 56, 56),     # Table 1
    "conv3": (256, 28, 28),     # Table 1
    "conv4": (512, 14, 14),     # Table 1
    "conv5": (512, 7, 7),       # Table 1
}  # fmt: skip


def published(name: str, params: int, macs: int, printed: str = "") -> Published:
    """The figures of one network; counts are at 224x224 pixels and 1000 classes."""
    found = results(RESULTS, name) + results(PRECISIONS, name, ("mean average precision",))
    found += results(RECALLS, name, ("mean class recall",))
    return Published(params=params, macs=macs, shapes=SHAPES, printed=printed, results=found)


# Counted from Table 1; the words are those of Table 2.
PUBLISHED = {
    "vgg11":     published("vgg11", 132_863_336, 7_609_090_048, "133 million parameters"),          # Tables 1, 2
    "vgg11_lrn": published("vgg11_lrn", 132_863_336, 7_609_090_048, "133 million parameters"),      # Tables 1, 2
    "vgg13":     published("vgg13", 133_047_848, 11_308_466_176, "133 million parameters"),         # Tables 1, 2
    "vgg13_5x5": published("vgg13_5x5", 134_503_528, 9_356_017_664),                                # 4.1
    "vgg16_1x1": published("vgg16_1x1", 133_638_952, 11_770_888_192, "134 million parameters"),     # Tables 1, 2
    "vgg16":     published("vgg16", 138_357_544, 15_470_264_320, "138 million parameters"),         # Tables 1, 2
    "vgg19":     published("vgg19", 143_667_240, 19_632_062_464, "144 million parameters"),         # Tables 1, 2
    "vgg11_bn":  published("vgg11_bn", 132_868_840, 7_609_090_048),                                 # torchvision
    "vgg13_bn":  published("vgg13_bn", 133_053_736, 11_308_466_176),                                # torchvision
    "vgg16_bn":  published("vgg16_bn", 138_365_992, 15_470_264_320),                                # torchvision
    "vgg19_bn":  published("vgg19_bn", 143_678_248, 19_632_062_464),                                # torchvision
}  # fmt: skip
