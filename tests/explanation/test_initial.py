"""What initial weights are drawn from is told from the numbers, and only where it is another law."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lenext.explanation.initial import LINEAR, drawn, initial_points, initially, words
from lenext.models import FILES, create_model


def plain(draw=None, bias=None):
    """Convolutions and linear layers of several sizes, drawn by ``draw`` if one is given."""
    network = nn.Sequential(
        nn.Conv2d(16, 64, 3),
        nn.Conv2d(64, 64, 3),
        nn.Conv2d(64, 256, 1),
        nn.Flatten(),
        nn.Linear(256, 512),
        nn.Linear(512, 100),
    )
    for layer in network:
        if draw and not isinstance(layer, nn.Flatten):
            draw(layer.weight)
            nn.init.constant_(layer.bias, bias or 0.0)
    return network


def normal(weight):
    nn.init.normal_(weight, std=0.01)


def told(paper, found):
    points = initial_points([drawn(initially(paper, 0))], drawn(initially(found, 1)))
    return [(point.where, point.paper, point.found) for point in points]


@pytest.mark.parametrize(
    ("draw", "law"),
    [
        (normal, "normal, std 0.01, biases 0"),
        (nn.init.kaiming_normal_, "normal, variance 2 / fan-in, biases 0"),
        (lambda weight: nn.init.kaiming_normal_(weight, mode="fan_out"), "normal, variance 2 / fan-out, biases 0"),
        (nn.init.xavier_uniform_, "uniform, variance 2 / (fan-in + fan-out), biases 0"),
        (None, "uniform, variance 0.33 / fan-in, biases drawn"),
    ],
)
def test_a_law_is_told_in_words(draw, law):
    both = drawn(initially(lambda: plain(draw)))
    assert words(both["convolutions"]) == law
    assert words([*both[LINEAR], *both["last linear layer"]]) == law


def test_another_law_is_a_point_for_each_kind_of_layer_and_the_same_is_none():
    assert told(lambda: plain(normal), lambda: plain(normal)) == []
    paper, found = "normal, std 0.01, biases 0", "normal, std 0.02, biases 0"
    wide = lambda weight: nn.init.normal_(weight, std=0.02)  # noqa: E731 - as short as the law
    assert told(lambda: plain(normal), lambda: plain(wide)) == [
        ("convolutions", paper, found),
        ("linear layers", paper, found),
    ]
    assert told(lambda: plain(normal), lambda: plain(normal, bias=1.0))[0][2] == "normal, std 0.01, biases 1"


@pytest.mark.parametrize("name", [names[0] for names in FILES.values()])
def test_a_network_of_the_line_drawn_again_starts_from_the_same_law(name):
    assert told(lambda: create_model(name), lambda: create_model(name)) == []
    assert drawn(initially(lambda: create_model(name)))


def test_nothing_is_said_of_weights_that_were_trained_or_are_not_there():
    trained = plain(normal)
    with torch.no_grad():
        trained[0].weight += 0.01
    assert drawn(trained) == {}
    with torch.device("meta"):
        assert drawn(plain()) == {}


def test_of_a_large_tensor_every_number_is_drawn_by_its_law():
    weight = initially(lambda: nn.Linear(1000, 1000)).weight.detach()
    assert abs(float(weight.std()) * 3000**0.5 - 1) < 0.01
    cut = initially(lambda: Cut(1000, 1000)).weight.detach()  # torch draws anew until none is beyond
    assert 0.9 < float(cut.abs().max()) <= 1


class Cut(nn.Linear):
    def reset_parameters(self):
        nn.init.trunc_normal_(self.weight, std=0.5, a=-1, b=1)


def test_drawing_leaves_the_generator_as_it_was():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    initially(plain)
    assert torch.equal(torch.rand(1), expected)
