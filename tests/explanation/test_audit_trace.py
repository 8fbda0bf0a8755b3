"""An audit sees what a network does, whatever it is called and however it is written."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lenext.errors import UsageError
from lenext.explanation.audit import compare, likeness, signature
from lenext.explanation.trace import trace
from lenext.models import FILES, create_model

SIZE = (3, 32, 32)
ONE_OF_EACH_PAPER = [names[0] for names in FILES.values()]


def said(paper, found, size=SIZE):
    """(what, paper, found, places) of every point but the totals."""
    points = compare(trace(paper, size), trace(found, size)).points
    return [(p.what, p.paper, p.found, p.places) for p in points if p.what not in ("parameters", "multiply-adds")]


def chain(*layers):
    return nn.Sequential(*layers)


def small(**layers):
    """A network with places to change: conv relu pool conv relu flatten drop fc."""
    parts = OrderedDict(
        conv1=nn.Conv2d(3, 8, 3, padding=1), relu1=nn.ReLU(), pool=nn.MaxPool2d(2, 2),
        conv2=nn.Conv2d(8, 16, 3, padding=1), relu2=nn.ReLU(),
        mean=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), drop=nn.Dropout(0.5), fc=nn.Linear(16, 10),
    )  # fmt: skip
    return nn.Sequential(OrderedDict((parts | layers).items()))


def renamed(network):
    """The same modules under other names, in containers of another class."""
    for module in list(network.modules()):
        if type(module) is nn.Sequential:
            module._modules = {f"other{number}": child for number, child in enumerate(module.children())}
    return nn.Sequential(nn.Identity(), network)


@pytest.mark.parametrize("name", ONE_OF_EACH_PAPER)
def test_a_network_of_the_line_under_other_names_is_the_same(name):
    with torch.device("meta"):
        paper, copy = create_model(name), renamed(create_model(name))
    ours, found = trace(paper, paper.input_size), trace(copy, paper.input_size)
    assert {step.where for step in ours.steps}.isdisjoint({step.where for step in found.steps})
    comparison = compare(ours, found)
    assert comparison.points == ()
    assert comparison.distance == 0
    assert len(ours.steps) > 10


@pytest.mark.parametrize(
    ("change", "points"),
    [
        ({"conv1": nn.Conv2d(3, 8, 5, padding=2)}, [("convolution kernel", "3x3", "5x5", ("conv1",))]),
        ({"conv1": nn.Conv2d(3, 8, 3, padding=1, bias=False)}, [("convolution bias", "with", "without", ("conv1",))]),
        (
            {"pool": nn.MaxPool2d(3, 2, ceil_mode=True)},
            [("pooling kernel", "2x2", "3x3", ("pool",)), ("pooling rounding", "down", "up", ("pool",))],
        ),
        ({"pool": nn.AvgPool2d(2, 2)}, [("pooling", "max 2x2, stride 2", "average 2x2, stride 2", ("pool",))]),
        ({"relu1": nn.GELU(), "relu2": nn.GELU()}, [("activation", "ReLU", "GELU", ("relu1", "relu2"))]),
        ({"drop": nn.Dropout(0.2)}, [("dropout share", "0.5", "0.2", ("drop",))]),
        ({"drop": nn.Identity()}, [("dropout", "of 0.5", "none", ("drop of the paper",))]),
        (
            {"relu1": chain(nn.ReLU(), nn.LocalResponseNorm(5, alpha=5e-4, k=2))},
            [("LRN", "none", "size 5, alpha 0.0001, beta 0.75, k 2", ("relu1.1",))],
        ),
        ({"mean": chain(nn.AdaptiveAvgPool2d(2), nn.AdaptiveMaxPool2d(1))}, None),
    ],
)  # fmt: skip
def test_one_change_is_what_it_says_and_nothing_else(change, points):
    if points is None:
        assert {what for what, *_ in said(small(), small(**change))} == {"head pooling"}
    else:
        assert said(small(), small(**change)) == points


def test_normalisation_is_told_once_for_all_places_and_its_constants_apart():
    def normalised(eps):
        more = {"relu1": chain(nn.BatchNorm2d(8, eps=eps), nn.ReLU())}
        return small(**more, relu2=chain(nn.BatchNorm2d(16, eps=eps), nn.ReLU()))

    places = ("relu1.0", "relu2.0")
    assert said(small(), normalised(1e-3)) == [("normalisation", "none", "batch normalisation, eps 0.001", places)]
    assert said(normalised(1e-5), normalised(1e-3)) == [("batch normalisation eps", "1e-05", "0.001", places)]


class Functional(nn.Module):
    """``small`` written without a module for anything that has no weights, its padding by hand."""

    def __init__(self):
        super().__init__()
        self.b = nn.Conv2d(8, 16, 3, padding="same")
        self.a = nn.Conv2d(3, 8, 3)
        self.c = nn.Linear(16, 10)

    def forward(self, x):
        x = F.max_pool2d(torch.relu_(self.a(F.pad(x, (1, 1, 1, 1)))), 2)
        x = F.relu(self.b(x))
        return self.c(F.dropout(x.mean((-2, -1)), 0.5, self.training))


def test_equal_mathematics_is_no_difference():
    assert said(small(), Functional()) == []
    as_convolution = {"flatten": nn.Identity(), "fc": chain(nn.Conv2d(16, 10, 1), nn.Flatten())}
    assert said(small(), small(**as_convolution)) == []
    assert said(small(), small(mean=nn.AvgPool2d(16))) == []
    padded = small(pool=chain(nn.ConstantPad2d((0, 1, 0, 1), float("-inf")), nn.MaxPool2d(2, 2)))
    assert said(small(), padded) == [("pooling padding", "0", "left 0, right 1, top 0, bottom 1", ("pool.1",))]


class TwoWays(nn.Module):
    def __init__(self, first, bias=True):
        super().__init__()
        self.long = chain(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())
        self.short = nn.Conv2d(3, 3, 1, bias=bias)
        self.first = first

    def forward(self, x):
        if self.first == "long":
            long, short = self.long(x), self.short(x)
        else:
            short, long = self.short(x), self.long(x)
        return (long + short if self.first == "long" else short + long).flatten(1)


def test_the_order_in_which_the_branches_run_does_not_matter():
    assert said(TwoWays("long"), TwoWays("short")) == []
    assert said(TwoWays("long"), TwoWays("short", bias=False)) == [("convolution bias", "with", "without", ("short",))]


class SideHead(nn.Module):
    def __init__(self, share):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)
        self.side = chain(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(share), nn.Linear(4, 10))
        self.head = chain(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))

    def forward(self, x):
        x = self.body(x)
        return (self.head(x), self.side(x)) if self.training else self.head(x)


def test_heads_for_training_are_compared_too_and_the_mode_stays():
    found = SideHead(0.7).train()
    found.head.eval()
    assert said(SideHead(0.5), found) == [("auxiliary head: dropout share", "0.5", "0.7", ("side.2",))]
    assert [module.training for module in (found, found.side, found.head)] == [True, True, False]


def test_counts_are_those_of_the_network():
    paper, found = trace(small(), SIZE), trace(small(fc=nn.Linear(16, 12)), SIZE)
    assert paper.params == sum(weight.numel() for weight in small().parameters())
    assert paper.macs == 27 * 8 * 32 * 32 + 72 * 16 * 16 * 16 + 160
    totals = {point.what: (point.paper, point.found) for point in compare(paper, found).points}
    assert totals["multiply-adds"] == (f"{paper.macs:,}", f"{paper.macs + 32:,}")
    assert totals["linear layer width"] == ("10", "12")


def test_weights_are_neither_moved_nor_changed():
    network = small()
    before = {name: (id(weight), weight.clone()) for name, weight in network.named_parameters()}
    trace(network, SIZE)
    assert all(torch.equal(weight, before[name][1]) for name, weight in network.named_parameters())
    assert all(id(weight) == before[name][0] for name, weight in network.named_parameters())
    assert all(not module._forward_hooks and not module._forward_pre_hooks for module in network.modules())


class Constant(nn.Module):
    def forward(self, _):
        return torch.zeros(1, 10)


def test_what_no_image_goes_through_is_refused():
    with pytest.raises(UsageError, match="An image of 1x32x32 does not go through Sequential"):
        trace(small(), (1, 32, 32))
    with pytest.raises(UsageError, match="does not come from its image"):
        trace(Constant(), SIZE)


def test_kin_have_the_same_shapes_of_weights():
    assert likeness(signature(small()), signature(small())) == 1
    assert likeness(signature(small()), signature(small(conv1=nn.Conv2d(3, 8, 5)))) == 0.5
    assert likeness(signature(small()), signature(nn.Conv2d(3, 9, 7))) == 0
