"""What the LeNet-5 paper reports: counts, maps and test errors."""

from __future__ import annotations

from lenext.facts import Published, Result

PUBLISHED = {
    "lenet5": Published(
        params=60_000,                                                  # II.B
        macs=325_680,                                                   # Figure 2: weights times positions, C1 to F6
        printed="60,000 trainable parameters, 340,908 connections",     # II.B
        shapes={
            "stem": (6, 28, 28),                                        # Figure 2: C1
            "s2": (6, 14, 14),                                          # Figure 2: S2
            "c3": (16, 10, 10),                                         # Figure 2: C3
            "s4": (16, 5, 5),                                           # Figure 2: S4
            "c5": (120, 1, 1),                                          # Figure 2: C5
        },
        results=(
            Result("test error", 0.95, "MNIST", "single view", "Figure 9"),
            Result("test error", 0.8, "MNIST with 540,000 distorted images", "single view", "Figure 9"),
            Result("test error", 1.03, "MNIST", "single view, caffe", "README: examples/mnist"),
        ),
    )
}  # fmt: skip

REMARKS = {
    "lenet5": "II.B counts the connections of every unit with its bias, subsampling and output too; "
    "multiply-adds are those of the weights of C1, C3, C5 and F6.",
}
