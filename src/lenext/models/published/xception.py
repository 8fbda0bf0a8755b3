"""What the Xception paper reports: counts, maps and accuracies."""

from __future__ import annotations

from lenext.facts import Published, Result

PUBLISHED = {
    "xception": Published(
        params=22_855_952,                                                              # Table 3
        macs=8_357_403_496,                                                             # ours: counted from Figure 5
        printed="22,855,952 parameters",                                                # Table 3
        shapes={
            "stem": (64, 147, 147),                                                     # ours: two valid convolutions
            "entry_flow": (728, 19, 19),                                                # Figure 5
            "middle_flow": (728, 19, 19),                                               # Figure 5
            "exit_flow": (2048, 10, 10),                                                # Figure 5
        },
        results=(
            Result("top-1 accuracy", 79.0, "ILSVRC-2012 val, non-blacklisted", "single crop", "Table 1"),
            Result("top-5 accuracy", 94.5, "ILSVRC-2012 val, non-blacklisted", "single crop", "Table 1"),
            Result("MAP@100", 6.70, "FastEval14k, trained on JFT", "without hidden layers", "Table 2"),
            Result("MAP@100", 6.78, "FastEval14k, trained on JFT", "with hidden layers", "Table 2"),
        ),
    )
}  # fmt: skip
