"""Networks in the form of an inference file: what it does not show is gone on both sides, and is named."""

import pytest
from torch import nn

from lenext.explanation.audit import compare
from lenext.explanation.form import Form
from lenext.explanation.trace import trace

WHOLE = Form(dropout=True, normalisation=True, bias=True)
FOLDED = Form(dropout=False, normalisation=False, bias=True)
SIZE = (3, 8, 8)


def network(*, dropout=0.5, norm=True, bias=False):
    middle = [nn.BatchNorm2d(8)] if norm else []
    drop = [nn.Dropout(dropout)] if dropout else []
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *drop, nn.Linear(8, 4)]
    return nn.Sequential(nn.Conv2d(3, 8, 3, bias=bias), *middle, nn.ReLU(), *head)


def kinds(net, form):
    return [step.kind for step in trace(net, SIZE, form).steps]


def test_what_is_not_shown_is_gone():
    assert kinds(network(), WHOLE) == [
        "convolution", "normalisation", "activation", "pooling", "dropout", "linear layer",
    ]  # fmt: skip
    assert kinds(network(), FOLDED) == ["convolution", "activation", "pooling", "linear layer"]


def test_a_folded_normalisation_leaves_a_bias():
    convolution = trace(network(), SIZE, FOLDED).steps[0]
    assert convolution.constants["bias"] == "with"


def test_a_network_is_the_same_as_its_folded_file():
    exported = network(dropout=0, norm=False, bias=True)
    assert compare(trace(network(), SIZE, FOLDED), trace(exported, SIZE, FOLDED)).distance == 0
    assert compare(trace(network(), SIZE, WHOLE), trace(exported, SIZE, WHOLE)).distance > 0


def test_probabilities_stand_for_logits():
    assert kinds(nn.Sequential(network(), nn.Softmax(1)), FOLDED)[-1] == "linear layer"


@pytest.mark.parametrize(("form", "told"), [(WHOLE, False), (FOLDED, True)])
def test_what_cannot_be_seen_is_named(form, told):
    assert ("dropout" in form.hidden()) is told
    assert any("folded" in words for words in form.hidden()) is told
    assert "initialisation" in form.hidden()
