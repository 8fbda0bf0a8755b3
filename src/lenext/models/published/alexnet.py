"""What the AlexNet paper and those who followed it report: counts, maps and errors."""

from __future__ import annotations

from lenext.facts import Published, Reported, results

# The data, the test and its address: top-1 and top-5 error in per cent.
RESULTS: Reported = {
    ("ILSVRC-2010 test", "10-crop", "Table 1"): {"alexnet": (37.5, 17.0)},
    ("ILSVRC-2010 test", "single crop", "Table 1, footnote"): {"alexnet": (39.0, 18.3)},
    ("ILSVRC-2012 val", "10-crop", "Table 2"): {"alexnet": (40.7, 18.2)},
    ("ILSVRC-2012 val", "10-crop, 5 networks", "Table 2"): {"alexnet": (38.1, 16.4)},
    ("ILSVRC-2012 test", "10-crop, 5 networks", "Table 2"): {"alexnet": (None, 16.4)},
    ("ILSVRC-2012 val", "10-crop, 5 networks and 2 of six convolutions", "Table 2"): {"alexnet": (36.7, 15.4)},
    ("ILSVRC-2012 test", "10-crop, 5 networks and 2 of six convolutions", "Table 2"): {"alexnet": (None, 15.3)},
    ("ILSVRC-2012 val", "single crop, caffe", "README: bvlc_alexnet"): {"alexnet": (42.9, 19.8)},
    ("ILSVRC-2012 val", "single crop, caffenet", "README: bvlc_reference_caffenet"): {"alexnet": (42.6, 19.6)},
    ("ILSVRC-2012 val", "single crop, authors", "cuda-convnet2 wiki"): {"alexnet": (42.55, 19.81)},
    ("ILSVRC-2012 val", "10-crop, authors", "cuda-convnet2 wiki"): {"alexnet": (40.42, 18.15)},
}

SHAPES = {
    "stem": (96, 27, 27),                                               # Figure 2: 55x55 before pooling
    "conv2": (256, 13, 13),                                             # Figure 2: 27x27 before pooling
    "conv3": (384, 13, 13),                                             # Figure 2
    "conv4": (384, 13, 13),                                             # Figure 2
    "conv5": (256, 6, 6),                                               # Figure 2: 13x13 before pooling
}  # fmt: skip
PUBLISHED = {
    "alexnet": Published(
        params=60_965_224,                                              # Figure 2, counted
        macs=724_406_816,                                               # Figure 2, counted
        printed="60 million parameters and 650,000 neurons",            # Abstract
        shapes=SHAPES,
        results=results(RESULTS, "alexnet"),
    ),
    "alexnet_one_gpu": Published(
        params=59_798_312,                                              # 3.2, counted
        macs=391_514_384,                                               # 3.2, counted
        shapes={
            "stem": (48, 27, 27),                                       # 3.2
            "conv2": (128, 13, 13),                                     # 3.2
            "conv3": (192, 13, 13),                                     # 3.2
            "conv4": (192, 13, 13),                                     # 3.2
            "conv5": (256, 6, 6),                                       # 3.2
        },
    ),
    "alexnet_ungrouped": Published(
        params=62_378_344,                                              # ours: counted, Figure 2 without its towers
        macs=1_135_256_096,                                             # ours: counted, Figure 2 without its towers
        shapes=SHAPES,
    ),
}  # fmt: skip

REMARKS = {"alexnet": "650,000 neurons: Figure 2 prints 253,440 for 55x55x96; with 290,400 they are 659,272."}
