"""Windows widen what a unit sees, strides pull units apart, and whoever reads a whole map sees all of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lenext.explanation.receptive_field import Span
from lenext.explanation.summary import summarise


class Says(nn.Module):
    """A function as a layer."""

    def __init__(self, function, *parts):
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, x):
        return self.function(x, *self.parts)


def seen(*modules, size=(3, 32, 32)):
    """Receptive field and stride of the last layer."""
    with torch.device("meta"):
        layer = summarise(nn.Sequential(*modules, nn.Identity()), size).layers[-1]
    return layer.receptive_field, layer.stride


def conv(kernel, stride=1, **options):
    return nn.Conv2d(3, 3, kernel, stride, **options)


@pytest.mark.parametrize(
    ("modules", "field", "stride"),
    [
        ([nn.ReLU()], 1, 1),
        ([conv(3)], 3, 1),
        ([conv(3), conv(3)], 5, 1),  # VGG 2.3: as far as one 5x5
        ([conv(3), conv(3), conv(3)], 7, 1),  # VGG 2.3: as far as one 7x7
        ([conv(7, 2, padding=3), nn.MaxPool2d(3, 2, padding=1)], 11, 4),  # ResNet's conv1 and pool
        ([conv(3, dilation=2)], 5, 1),
        ([conv(3, dilation=2), conv(3, 2)], 7, 2),
        ([nn.MaxPool2d(2), nn.MaxPool2d(2)], 4, 4),
        ([nn.MaxPool2d(3, 2, dilation=2)], 5, 2),
        ([nn.AvgPool2d(2), conv(3)], 6, 2),
        ([nn.AvgPool2d(3, 1, padding=1), conv(1, 2)], 3, 2),
        ([nn.BatchNorm2d(3), nn.LocalResponseNorm(3), nn.Dropout(), nn.Sigmoid()], 1, 1),
        ([nn.ZeroPad2d(2), conv(5)], 5, 1),
        ([nn.ReflectionPad2d(1), conv(3, 2)], 3, 2),
        ([Says(lambda x: x[:, :, ::2, ::2]), conv(3)], 5, 2),  # option A's shortcut
        ([nn.AdaptiveAvgPool2d(8), conv(3)], 12, 4),
        ([nn.Conv2d(3, 3, 3, padding=1, groups=3), nn.Conv2d(3, 8, 1)], 3, 1),  # depthwise, pointwise
    ],
)
def test_a_window_is_as_large_as_the_arithmetic_says(modules, field, stride):
    assert seen(*modules) == ((field, field), (stride, stride))


@pytest.mark.parametrize(
    "reads_all",
    [
        [nn.AdaptiveAvgPool2d(1)],
        [nn.AdaptiveMaxPool2d(1)],
        [Says(lambda x: x.mean((2, 3)))],
        [Says(lambda x: x.amax((-1, -2), keepdim=True))],
        [nn.Flatten(), nn.Linear(3 * 16 * 16, 5)],
        [nn.Flatten(), nn.Linear(3 * 16 * 16, 5, bias=False), nn.ReLU(), nn.Linear(5, 5)],
        [conv(16)],
    ],
)
def test_a_layer_that_reads_the_whole_map_sees_as_far_as_a_convolution_of_its_size(reads_all):
    assert seen(nn.MaxPool2d(2), *reads_all) == ((32, 32), (2, 2))


def test_flattening_looks_no_further():
    assert seen(conv(5, 2), nn.Flatten()) == ((5, 5), (2, 2))


def test_a_linear_layer_over_channels_stays_at_its_place():
    pointwise = Says(lambda x, mix: mix(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), nn.Linear(3, 8))
    assert seen(conv(3), pointwise) == ((3, 3), (1, 1))


def test_a_mean_over_channels_stays_at_its_place():
    assert seen(conv(3), Says(lambda x: x - x.mean(1, keepdim=True))) == ((3, 3), (1, 1))


def test_branches_see_together_what_either_sees():
    both = Says(lambda x, a, b: a(x) + b(x), conv(5, padding=2), conv(1))
    assert seen(both) == ((5, 5), (1, 1))
    joined = Says(lambda x, a, b: torch.cat([a(x), b(x)], 1), conv(3, padding=1), nn.MaxPool2d(3, 1, padding=1))
    assert seen(conv(3), joined) == ((5, 5), (1, 1))


def test_branches_that_look_past_each_other_see_more_than_the_larger():
    apart = Says(lambda x: F.pad(x, (4, 0, 4, 0))[:, :, :32, :32] + x)
    assert seen(apart) == ((5, 5), (1, 1))  # a pixel, and the one four up and left


def test_a_gate_lets_every_unit_see_the_whole_image():
    gate = Says(lambda x, squeeze: x * squeeze(x.mean((2, 3), keepdim=True)), conv(1))
    assert seen(gate) == ((32, 32), (1, 1))


def test_height_and_width_are_followed_apart():
    assert seen(nn.Conv2d(3, 3, (1, 7), stride=(1, 2)), nn.Conv2d(3, 3, (3, 1))) == ((3, 7), (1, 2))
    assert seen(nn.AdaptiveAvgPool2d(1), size=(3, 16, 48)) == ((16, 48), (1, 1))


def test_changes_in_place_count():
    assert seen(conv(3), nn.ReLU(inplace=True), conv(3)) == ((5, 5), (1, 1))


def test_what_does_not_come_from_the_image_sees_nothing():
    assert seen(Says(lambda _: torch.zeros(1, 3))) == ((0, 0), (0, 0))


def test_a_slice_moves_the_first_unit():
    assert Span(0, 3, 2, 10).moved(4, 3, 2) == Span(8, 11, 6, 2)
