"""LeNet-5 in bf16 in tiles: as near to fp32 as its convolutions in bf16 are; other networks stay as they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lenext.evaluation.inference import Compute
from lenext.layers.tile_chain import tile_chain
from lenext.models import create_model
from lenext.recipes import CrossEntropy
from lenext.training.compiling import compiled_heads, compiler_missing
from lenext.training.objective import Objective
from lenext.training.tile_products import in_tiles

BF16 = Compute(torch.device("cpu"), "bf16")


def plain(network: nn.Module) -> Objective:
    return Objective(lambda inputs: (network(inputs),), CrossEntropy(), 0.0)


def gradients(objective: Objective, network: nn.Module, compute: Compute) -> list[Tensor]:
    torch.manual_seed(1)
    inputs, labels = torch.randn(16, *network.input_size), torch.arange(16) % 10  # type: ignore[misc]
    with compute.autocast():
        logits = objective.heads(inputs)
    return list(torch.autograd.grad(objective(logits, labels), list(network.parameters())))


def distance(some: list[Tensor], others: list[Tensor]) -> float:
    flat = [torch.cat([tensor.flatten() for tensor in tensors]) for tensors in (some, others)]
    return float((flat[0] - flat[1]).norm() / flat[1].norm())


def test_gradients_are_as_exact_as_those_of_convolutions_in_bf16() -> None:
    tiles, usual = distances(lambda tiles: tiles)
    assert 0 < tiles < 1.2 * usual < 0.2


@pytest.mark.skipif(compiler_missing(BF16.device) is not None, reason="there is no C++ compiler here")
def test_compiled_they_are_so_too() -> None:
    tiles, usual = distances(lambda tiles: compiled_heads(tiles, {16}))
    assert 0 < tiles < 1.2 * usual < 0.2


def distances(made: Callable[[Objective], Objective]) -> tuple[float, float]:
    """How far LeNet-5's gradients in bf16 are from those in fp32: in tiles, and as convolutions."""
    torch.manual_seed(0)
    network = create_model("lenet5").train()
    exact = gradients(plain(network), network, Compute(torch.device("cpu")))
    both = made(in_tiles(plain(network), network, BF16)), plain(network)
    tiles, usual = (distance(gradients(objective, network, BF16), exact) for objective in both)
    return tiles, usual


def test_only_in_bf16_and_only_a_chain() -> None:
    lenet, resnet = create_model("lenet5"), create_model("resnet20_cifar")
    objective = plain(lenet)
    assert in_tiles(objective, lenet, Compute(torch.device("cpu"))) is objective
    assert in_tiles(objective, lenet, BF16) is not objective
    assert in_tiles(plain(resnet), resnet, BF16).heads.__name__ == "<lambda>"


@pytest.mark.parametrize("name", ["nin_cifar", "plain20_cifar"])
def test_other_networks_of_convolutions_are_not_such_chains(name: str) -> None:
    assert tile_chain(create_model(name)) is None
