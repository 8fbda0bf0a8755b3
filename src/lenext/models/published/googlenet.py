"""What the GoogLeNet paper and Caffe's replication report: counts, maps and errors."""

from __future__ import annotations

from lenext.facts import Published, Reported, results

# The test and its address: top-1 and top-5 error on ILSVRC-2012 validation; the paper prints no top-1 errors.
RESULTS: Reported = {
    **{(f"{models} models, {crops} crops", "Table 3"): {"googlenet": (None, error)} for models, crops, error in (
        (1, 1, 10.07), (1, 10, 9.15), (1, 144, 7.89), (7, 1, 8.09), (7, 10, 7.62), (7, 144, 6.67),      # Table 3
    )},
    ("ILSVRC-2012 test", "7 models, 144 crops", "Table 2"): {"googlenet": (None, 6.67)},
    ("1 crop", "1512.00567, Table 3"): {"googlenet": (29.0, 9.2)},
    ("1 crop, caffe", "README: bvlc_googlenet"): {"googlenet": (31.3, 11.1)},
}  # fmt: skip

PUBLISHED = {
    "googlenet": Published(
        params=6_998_552,                           # Table 1, counted with a plain conv1
        macs=1_582_671_872,                         # Table 1, counted with a plain conv1
        printed="6,797.7K parameters, 1,502M multiply-adds (sums of Table 1)",
        shapes={
            "stem": (192, 28, 28),                  # Table 1
            "inception_3a": (256, 28, 28),          # Table 1
            "inception_3b": (480, 28, 28),          # Table 1
            "inception_4a": (512, 14, 14),          # Table 1
            "inception_4b": (512, 14, 14),          # Table 1
            "inception_4c": (512, 14, 14),          # Table 1
            "inception_4d": (528, 14, 14),          # Table 1
            "inception_4e": (832, 14, 14),          # Table 1
            "inception_5a": (832, 7, 7),            # Table 1
            "inception_5b": (1024, 7, 7),           # Table 1
        },
        results=results(RESULTS, "googlenet"),
    ),
    "googlenet_naive": Published(
        params=97_526_008,                          # ours: counted, the paper built no such network
        macs=12_568_061_056,                        # ours: counted
        shapes={
            "stem": (192, 28, 28),                  # Table 1
            "inception_3a": (416, 28, 28),          # Figure 2 (a): 224 more
            "inception_3b": (832, 28, 28),          # Figure 2 (a): 416 more
            "inception_4a": (1280, 14, 14),         # Figure 2 (a): 448 more
            "inception_4b": (1728, 14, 14),         # Figure 2 (a): 448 more
            "inception_4c": (2176, 14, 14),         # Figure 2 (a): 448 more
            "inception_4d": (2640, 14, 14),         # Figure 2 (a): 464 more
            "inception_4e": (3344, 14, 14),         # Figure 2 (a): 704 more
            "inception_5a": (4048, 7, 7),           # Figure 2 (a): 704 more
            "inception_5b": (4944, 7, 7),           # Figure 2 (a): 896 more
        },
    ),
}  # fmt: skip

REMARKS = {
    "googlenet": "Table 1's 2.7K and 34M for conv1 are a separable one's (--option stem=separable, 1.499e9 in all); "
    "its parameters are up to 7 % less than its own widths give, for 5a more. The abstract has 12 times fewer than "
    "AlexNet's: they are 8.7 times fewer. Table 3 prints -3.45 for 7 models and 144 crops: it is -3.40.",
}
