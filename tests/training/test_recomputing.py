"""Blocks that are computed again: the same losses and gradients to the bit, in less memory."""

import copy

import pytest
import torch
from everything import EVERYTHING, sit, task
from test_loop import bits
from torch.autograd.graph import saved_tensors_hooks

from lenext.models import create_model
from lenext.recipes import CrossEntropy
from lenext.training.objective import Objective
from lenext.training.recomputing import blocks, recomputed_heads


def heads_of(network):
    return Objective(lambda x: (network(x),), CrossEntropy(), 0.0)


def passed(objective, network, inputs, labels):
    """Loss, gradients and running statistics after one pass, and the numbers that were kept for the backward pass."""
    kept, seen = 0, {parameter.data_ptr() for parameter in network.parameters()}

    def keep(tensor):
        nonlocal kept
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in seen:
            seen.add(storage.data_ptr())
            kept += storage.nbytes()
        return tensor

    torch.manual_seed(3)
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = objective(objective.heads(inputs), labels)
    loss.backward()
    found = [parameter.grad for parameter in network.parameters()]
    return [loss.detach(), *found, *network.buffers()], kept


@pytest.mark.parametrize("name", ["resnet20_cifar", "densenet121", "lenet5"])
def test_the_same_numbers_in_less_memory(name):
    torch.manual_seed(0)
    first = create_model(name, num_classes=5).train()
    second = copy.deepcopy(first)
    inputs = torch.randn(2, *first.input_size)[:, :, :64, :64]
    labels = torch.tensor([0, 3])
    plain, more = passed(heads_of(first), first, inputs, labels)
    again, less = passed(recomputed_heads(heads_of(second), second), second, inputs, labels)
    assert all(torch.equal(a, b) for a, b in zip(plain, again, strict=True))
    assert less < 0.7 * more


def test_a_network_is_left_as_it_was():
    network = create_model("resnet20_cifar")
    before = [part.forward for part in blocks(network)]
    recomputed_heads(heads_of(network), network).heads(torch.zeros(2, 3, 32, 32))
    assert [part.forward for part in blocks(network)] == before
    assert not [part for part in network.modules() if "forward" in vars(part)]


def test_blocks_of_a_dense_block_and_stages_of_plain_layers():
    assert {type(part).__name__ for part in blocks(create_model("densenet121"))} == {"DenseLayer", "Sequential"}
    assert len(blocks(create_model("vgg11"))) == 5
    assert blocks(torch.nn.Linear(1, 1)) == []


def test_a_whole_run_is_the_same(tmp_path):
    saving = task(EVERYTHING)
    object.__setattr__(saving, "save_memory", True)
    sit(tmp_path / "plain", task(EVERYTHING))
    sit(tmp_path / "saving", saving)
    assert bits(tmp_path / "plain") == bits(tmp_path / "saving")
