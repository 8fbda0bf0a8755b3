"""DenseNet appends: what a layer sees, where the maps go, and what memory-efficient training leaves as it was."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from weightless import counts, on_meta

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.network import Network
from lenext.models import densenet, entry, readings
from lenext.models.densenet import RECIPES, VARIANTS, DenseBlock, DenseLayer, Design
from lenext.models.table import parameters
from lenext.recipes import EpochSteps
from lenext.recipes.standard import PAD_AND_CROP

SMALL = "densenet_bc100_k12_cifar"


def shallow(monkeypatch: pytest.MonkeyPatch, *, bottleneck: bool = True) -> None:
    """Two layers a block: all kinds of layers, quickly."""
    monkeypatch.setitem(VARIANTS, SMALL, Design((2, 2, 2), 4, bottleneck, 0.5))


def test_a_block_appends_and_never_replaces() -> None:
    block = DenseBlock()
    for number in range(3):
        layer = DenseLayer(5 + 2 * number, Design((3,), 2, True, 1.0), 0.0, (1e-5, 0.1), memory_efficient=False)
        block.add_module(f"layer{number}", layer)
    x = torch.randn(2, 5, 4, 4)
    y = block.eval()(x)
    assert y.shape == (2, 11, 4, 4)
    assert torch.equal(y[:, :5], x)
    assert torch.equal(y[:, 7:9], block[1](x, y[:, 5:7]))
    assert torch.equal(y[:, 9:], block[2](y[:, :9]))


@pytest.mark.parametrize(
    ("name", "depth"),
    [("densenet121", 121), ("densenet161", 161), ("densenet169", 169), ("densenet201", 201), ("densenet264", 265)]
    + [("densenet40_k12_cifar", 40), ("densenet100_k24_cifar", 100), (SMALL, 100)]
    + [("densenet_bc250_k24_cifar", 250), ("densenet_bc190_k40_cifar", 190), ("densenet_bc40_k48_cifar", 40)],
)
def test_the_depth_is_the_networks_name_but_for_264(name: str, depth: int) -> None:
    weighted = [module for module in on_meta(name).modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert len(weighted) == depth


def test_a_bottleneck_has_four_times_the_growth_rate_and_widens_at_first() -> None:
    layers = [module for module in on_meta("densenet161").modules() if isinstance(module, DenseLayer)]
    squeezes = [layer.squeeze.conv for layer in layers if layer.squeeze is not None]
    assert len(squeezes) == len(layers)
    assert {conv.out_channels for conv in squeezes} == {192}
    assert squeezes[0].in_channels == 96
    assert [conv.in_channels for conv in squeezes[:6]] == [96 + 48 * number for number in range(6)]


def test_a_transition_normalises_activates_projects_and_halves() -> None:
    parts = [type(part) for part in on_meta("densenet121").stages.transition1.modules()]
    assert parts[2:] == [nn.BatchNorm2d, nn.ReLU, nn.Conv2d, nn.Dropout, nn.AvgPool2d]


def test_cifar_starts_with_a_bare_convolution_and_ends_in_an_activation() -> None:
    network = on_meta(SMALL)
    assert list(dict(network.stem.named_children())) == ["conv"]
    assert list(dict(network.stages.dense_block3.named_children())) == ["block", "bn", "relu"]
    assert all(conv.bias is None for conv in network.modules() if isinstance(conv, nn.Conv2d))


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("densenet40_k12_cifar", 1_060_132),
        ("densenet100_k12_cifar", 7_084_852),
        ("densenet100_k24_cifar", 27_457_972),
        ("densenet_bc100_k12_cifar", 800_032),
        ("densenet_bc250_k24_cifar", 15_480_556),
        ("densenet_bc190_k40_cifar", 25_821_620),
    ],
)
def test_a_hundred_classes_count_what_was_counted(name: str, params: int) -> None:
    assert parameters(on_meta(name, num_classes=100)) == params


def test_wide_networks_are_shallow_ones_of_a_larger_growth_rate() -> None:
    for growth in (36, 48, 60):
        wide = on_meta(f"densenet_bc40_k{growth}_cifar")
        assert counts(wide) == counts(on_meta("densenet_bc40_k36_cifar", growth=growth))
        layers = [module for module in wide.modules() if isinstance(module, DenseLayer)]
        assert len(layers) == 18
        assert {layer.new.conv.out_channels for layer in layers} == {growth}


def test_the_growth_rate_is_an_option() -> None:
    assert counts(on_meta("densenet264", growth=48)) == (72_686_632, 12_850_693_632)
    assert counts(on_meta("densenet100_k12_cifar", growth=24)) == counts(on_meta("densenet100_k24_cifar"))


@pytest.mark.parametrize(
    ("growth", "params", "millions"), [(36, 1_542_682, 647), (48, 2_733_130, 1150), (60, 4_261_690, 1796)]
)
def test_the_wide_networks_of_the_repository_count_what_was_counted(
    monkeypatch: pytest.MonkeyPatch, growth: int, params: int, millions: int
) -> None:
    monkeypatch.setitem(VARIANTS, SMALL, Design((6, 6, 6), growth, True, 0.5))
    found, macs = counts(on_meta(SMALL))
    assert (found, round(macs / 1e6)) == (params, millions)


def test_compression_is_the_share_that_a_transition_keeps() -> None:
    assert on_meta("densenet121", compression=1).stages.transition1.unit.conv.out_channels == 256
    assert on_meta("densenet121", compression=0.3).stages.transition1.unit.conv.out_channels == 76
    with pytest.raises(UsageError, match="cannot have the compression 0"):
        create_model(SMALL, compression=0)
    with pytest.raises(UsageError, match="cannot have the growth '12'"):
        create_model(SMALL, growth="12")
    with pytest.raises(UsageError, match="There is no code 'lua' here") as refused:
        create_model(SMALL, code="lua")
    assert "authors" in refused.value.remedy


def test_the_authors_code_starts_with_twice_the_growth_rate() -> None:
    network = on_meta("densenet100_k24_cifar", reading="authors")
    assert network.stem.conv.out_channels == 48
    assert round(parameters(network) / 1e6, 2) == 28.07
    assert counts(on_meta("densenet40_k12_cifar", reading="authors")) != counts(on_meta("densenet40_k12_cifar"))
    assert "authors" not in readings(SMALL)


@pytest.mark.parametrize(
    ("name", "total"), [("densenet121", 8_062_504), ("densenet169", 14_307_880), ("densenet201", 20_242_984)]
)
def test_keras_counts_statistics_too_and_has_another_epsilon(name: str, total: int) -> None:
    network = on_meta(name, reading="keras")
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert parameters(network) + sum(2 * norm.num_features for norm in norms) == total
    assert {norm.eps for norm in norms} == {1.001e-5}
    assert {norm.eps for norm in on_meta(name).modules() if isinstance(norm, nn.BatchNorm2d)} == {1e-5}


def test_dropout_follows_every_convolution_but_the_first() -> None:
    for name in ("densenet40_k12_cifar", SMALL):
        modules = list(on_meta(name, dropout=0.2).modules())
        convolutions = [module for module in modules if isinstance(module, nn.Conv2d)]
        dropouts = [module.p for module in modules if isinstance(module, nn.Dropout)]
        assert dropouts == [0.2] * (len(convolutions) - 1)


def step(network: Network, x: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Logits of one training step, and the bytes that its forward pass kept for the backward pass."""
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    torch.manual_seed(5)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = network(x)
    torch.manual_seed(6)
    logits.square().sum().backward()
    return logits, sum(kept.values())


@pytest.mark.parametrize("bottleneck", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_memory_efficient_training_is_the_same_training(
    monkeypatch: pytest.MonkeyPatch, dropout: float, bottleneck: bool
) -> None:
    shallow(monkeypatch, bottleneck=bottleneck)
    plain = create_model(SMALL, dropout=dropout)
    efficient = create_model(SMALL, dropout=dropout, memory_efficient=True)
    efficient.load_state_dict(plain.state_dict())
    x = torch.randn(4, 3, 16, 16)
    (logits, much), (same, little) = step(plain, x), step(efficient, x)
    assert torch.equal(logits, same)
    assert little < much
    for (name, weight), other in zip(plain.named_parameters(), efficient.parameters(), strict=True):
        assert weight.grad is not None, name
        assert torch.equal(weight.grad, other.grad), name
    for (name, value), other in zip(plain.named_buffers(), efficient.buffers(), strict=True):
        assert torch.equal(value, other), name


def test_images_of_any_size_are_taken() -> None:
    for name, size in (("densenet121", (64, 96)), ("densenet40_k12_cifar", (33, 47))):
        network = on_meta(name)
        assert network(torch.empty(2, 3, *size, device="meta")).shape == (2, network.num_classes)


def test_every_weight_learns_and_a_seed_builds_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    shallow(monkeypatch)
    torch.manual_seed(3)
    first = create_model(SMALL)
    torch.manual_seed(3)
    again = create_model(SMALL)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True))
    first(torch.randn(2, 3, 16, 16)).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in first.parameters())


def test_convolutions_are_drawn_by_their_fan_out() -> None:
    weight = create_model(SMALL).stages.dense_block1.layer1.squeeze.conv.weight
    assert float(weight.detach().std()) == pytest.approx((2 / 48) ** 0.5, rel=0.1)


def test_the_classifier_is_drawn_as_torch_draws_it_which_leaves_the_first_loss_at_chance() -> None:
    classifier = create_model(SMALL).get_classifier()
    assert float(classifier.weight.detach().abs().max()) <= classifier.in_features**-0.5  # type: ignore[union-attr]
    assert not classifier.bias.any()  # type: ignore[union-attr,operator]


def test_the_rate_falls_at_half_and_three_quarters_of_the_run() -> None:
    for recipe in entry(RECIPES, SMALL).values():
        assert isinstance(recipe.schedule, EpochSteps)
        assert [2 * recipe.schedule.at[0], 4 * recipe.schedule.at[1]] == [recipe.epochs, 3 * recipe.epochs]


def test_dropout_replaces_augmentation() -> None:
    recipes = entry(RECIPES, SMALL)
    assert {name: recipe.dropout for name, recipe in recipes.items()} == {"paper": None, "plain": 0.2, "svhn": 0.2}
    assert not [step for name in ("plain", "svhn") for step in recipes[name].augment if step in PAD_AND_CROP]
    assert densenet.PAPER.arxiv == "1608.06993"
