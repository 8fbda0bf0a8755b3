"""Batches of noise, and what the images of a data set may say of themselves."""

import numpy as np
import torch

from lenext.data.statistics import Statistics

NO_STATISTICS = Statistics((0.0,) * 3, (1.0,) * 3)
AXES = torch.tensor([[1.0, 5.0, 30.0], [-2.0, 3.0, 28.0], [1.0, -7.0, 31.0]], dtype=torch.float64)
COLOURFUL = Statistics((0.0,) * 3, (1.0,) * 3, colour_axes=AXES)


def pixels(count=1, channels=3, height=12, width=15, seed=0):
    shape = (count, channels, height, width)
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8))
