"""What the Inception-v3 paper reports: counts, maps and errors."""

from __future__ import annotations

from lenext.facts import Published, Reported, results

# What was tested, and its address: top-1 and top-5 error on ILSVRC-2012 validation (48,238 images of it).
RESULTS: Reported = {
    ("1-crop", "Table 3"): {"inception_v3": (21.2, 5.6)},
    ("1-crop, no batch normalisation in the auxiliary head", "Table 3"): {"inception_v3": (21.6, 5.8)},
    ("1-crop, one-machine, 20 epochs", "README: research/inception"): {"inception_v3": (26.5,)},
    ("12-crop", "Table 4"): {"inception_v3": (19.47, 4.48)},
    ("144-crop", "Table 4"): {"inception_v3": (18.77, 4.2)},
    ("144-crop, 4 networks", "Table 5"): {"inception_v3": (17.2, 3.58)},
}

PUBLISHED = {
    "inception_v3": Published(
        params=23_834_568,                          # Table 1, counted from the released network
        macs=5_713_216_096,                         # Table 1, counted from the released network
        printed="under 25 million parameters, 5 billion multiply-adds (4.8 in Table 3)",
        shapes={
            "stem": (192, 35, 35),                  # ours: counted, Table 1 goes from 71x71 to 35x35 with a stride
            "mixed_5b": (256, 35, 35),              # ours: counted, Table 1 has 288 for all three
            "mixed_5c": (288, 35, 35),              # Table 1
            "mixed_5d": (288, 35, 35),              # Table 1
            "mixed_6a": (768, 17, 17),              # Table 1
            "mixed_6b": (768, 17, 17),              # Table 1
            "mixed_6c": (768, 17, 17),              # Table 1
            "mixed_6d": (768, 17, 17),              # Table 1
            "mixed_6e": (768, 17, 17),              # Table 1
            "mixed_7a": (1280, 8, 8),               # Table 1
            "mixed_7b": (2048, 8, 8),               # Table 1
            "mixed_7c": (2048, 8, 8),               # Table 1
        },
        results=results(RESULTS, "inception_v3"),
    ),
}  # fmt: skip

REMARKS = {"inception_v3": "Table 3 prints 4.8 billion; the released network, which is the one here, needs 5.7."}
