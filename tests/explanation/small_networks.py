"""Networks so small that their heat maps can be worked out by hand."""

import torch
from torch import nn

from lenext.layers.network import Network


class Distances(nn.Module):
    """Minus the squared distance to fixed codes, as LeNet-5's last layer."""

    def __init__(self, codes):
        super().__init__()
        self.in_features, self.out_features = codes.shape[1], len(codes)
        self.register_buffer("codes", codes)

    def forward(self, x):
        return -(x[:, None] - self.codes).square().sum(2)


def linear_network(side=6, maps=3, classes=2, seed=0):
    """Convolution 3x3 with the picture's size kept, the mean of each map, a linear layer."""
    torch.manual_seed(seed)
    return Network(
        input_size=(1, side, side),
        stem=nn.Conv2d(1, maps, 3, padding=1),
        stages={"same": nn.Identity(), "one": nn.AdaptiveAvgPool2d(1)},
        head={"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": nn.Linear(maps, classes)},
    ).eval()


class OnePixel(nn.Module):
    """Logits of two classes from one pixel of the picture and nothing else."""

    def __init__(self, y, x):
        super().__init__()
        self.y, self.x = y, x

    def forward(self, images):
        found = images[:, 0, self.y, self.x]
        return torch.stack([torch.zeros_like(found), 4 * found], dim=1)
