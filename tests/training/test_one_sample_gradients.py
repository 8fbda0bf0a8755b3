"""The hand-written pass over one image gives what autograd gives."""

import dataclasses

import pytest
import torch
from torch import nn

from lenext import create_model
from lenext.evaluation.inference import Compute
from lenext.layers.network import Network
from lenext.models.lenet import PRACTICAL
from lenext.recipes import SGD, CrossEntropy, Mixing, RubbishClass, SingleCrop, TruePenalty
from lenext.training.loss import loss_of
from lenext.training.one_sample_gradients import one_sample_gradients

CPU = Compute(torch.device("cpu"))
SINGLE = dataclasses.replace(PRACTICAL, batch_size=1)
LOSSES = [RubbishClass(j=1.0), RubbishClass(j=80.0), TruePenalty(), CrossEntropy()]


def small(*, steps: int = 1) -> Network:
    """A chain of torch's own layers in which a convolution meets every place twice."""
    return Network(
        input_size=(2, 6, 6),
        stem=nn.Conv2d(2, 3, 3, stride=steps),
        stages={},
        head={"flatten": nn.Flatten(), "fc": nn.Linear(3 * ((3 // steps) + 1) ** 2, 4)},
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_loss_and_answer_are_those_of_autograd(loss):
    torch.manual_seed(1)
    network = create_model("lenet5").double()
    ours = one_sample_gradients(dataclasses.replace(SINGLE, loss=loss), network, CPU)
    assert ours is not None
    for label in (3, 8):  # the second one meets the buffers of the first
        image, labels = torch.randn(1, 1, 32, 32).double(), torch.tensor([label])
        found, hits = ours(image, labels, labels)
        gradients = [parameter.grad.clone() for parameter in network.parameters()]
        network.zero_grad()
        logits = network(image)
        expected = loss_of(loss, logits, labels)
        expected.backward()
        assert abs(found - expected) < 1e-12 * abs(expected)
        assert hits == (logits.argmax(1) == labels).sum()
        for gradient, parameter in zip(gradients, network.parameters(), strict=True):
            assert (gradient - parameter.grad).abs().max() < 1e-12 * parameter.grad.abs().max()


def test_the_pass_sees_weights_that_change_under_it():
    network = create_model("lenet5")
    ours = one_sample_gradients(SINGLE, network, CPU)
    image, labels = torch.zeros(1, 1, 32, 32), torch.tensor([0])
    before = ours(image, labels, labels)[0]
    network.load_state_dict(create_model("lenet5").state_dict())
    after = ours(image, labels, labels)[0]
    assert before != after
    assert abs(after - loss_of(SINGLE.loss, network(image), labels)) < 1e-3


def test_a_convolution_of_several_channels_is_that_of_torch():
    network = small().double()
    recipe = dataclasses.replace(SINGLE, loss=CrossEntropy(), view=SingleCrop(resize=6, crop=6))
    image, labels = torch.randn(1, 2, 6, 6).double(), torch.tensor([2])
    one_sample_gradients(recipe, network, CPU)(image, labels, labels)
    gradients = [parameter.grad.clone() for parameter in network.parameters()]
    network.zero_grad()
    loss_of(CrossEntropy(), network(image), labels).backward()
    for gradient, parameter in zip(gradients, network.parameters(), strict=True):
        assert (gradient - parameter.grad).abs().max() < 1e-12


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 2},
        {"loss": CrossEntropy(label_smoothing=0.1)},
        {"mixing": Mixing(mixup=0.2)},
        {"auxiliary": 0.3},
        {"view": SingleCrop(resize=28, crop=36)},
        {"optimizer": SGD(lr=0.1), "batch_size": 8},
    ],
)
def test_other_recipes_are_left_to_autograd(change):
    assert one_sample_gradients(dataclasses.replace(SINGLE, **change), create_model("lenet5"), CPU) is None


def test_other_networks_and_precisions_are_left_to_autograd():
    assert one_sample_gradients(SINGLE, create_model("resnet20_cifar"), CPU) is None
    assert one_sample_gradients(SINGLE, small(steps=2), CPU) is None
    assert one_sample_gradients(SINGLE, create_model("lenet5"), Compute(torch.device("cpu"), "bf16")) is None
    moved = create_model("lenet5").to(memory_format=torch.channels_last)  # its arrays would be copies
    assert one_sample_gradients(SINGLE, moved, CPU) is None
    frozen = create_model("lenet5")
    frozen.stem.requires_grad_(requires_grad=False)
    assert one_sample_gradients(SINGLE, frozen, CPU) is None
