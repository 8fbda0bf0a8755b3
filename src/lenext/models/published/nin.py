"""What the Network in Network paper reports: errors; its counts and maps are those of the authors' definitions."""

from __future__ import annotations

from lenext.facts import Published, Result

PUBLISHED = {
    "nin": Published(
        params=7_595_176,                                               # ours: counted from the authors' definition
        macs=1_100_188_800,                                             # ours: counted from the authors' definition
        printed="29 MB",                                                # ours: the size of the published weights
        shapes={
            "stem": (96, 27, 27),                                       # ours: counted, 54x54 before pooling
            "mlpconv2": (256, 13, 13),                                  # ours: counted
            "mlpconv3": (384, 6, 6),                                    # ours: counted
            "mlpconv4": (1024, 6, 6),                                   # ours: counted
        },
    ),
    "nin_cifar": Published(
        params=966_986,                                                 # ours: counted from the authors' definition
        macs=222_486_528,                                               # ours: counted from the authors' definition
        shapes={
            "stem": (96, 16, 16),                                       # ours: counted
            "mlpconv2": (192, 8, 8),                                    # ours: counted
            "mlpconv3": (192, 8, 8),                                    # ours: counted
        },
        results=(
            Result("test error", 10.41, "CIFAR-10 test", "single view", "Table 1"),
            Result("test error", 8.81, "CIFAR-10 test", "single view, augmented", "Table 1"),
            Result("test error", 35.68, "CIFAR-100 test", "single view", "Table 2"),
            Result("test error", 2.35, "SVHN test", "single view", "Table 3"),
            Result("test error", 0.47, "MNIST test", "single view", "Table 4"),
        ),
    ),
}  # fmt: skip
