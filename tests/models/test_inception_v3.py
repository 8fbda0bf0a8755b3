"""Inception-v3 is the released network: what each module counts, how it factorises, and what each library changed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lenext import create_model
from lenext.explanation.summary import summarise
from lenext.layers.auxiliary import AuxiliaryNetwork
from lenext.models import readings
from lenext.models.inception_v3 import RECIPES, ShiftNorm2d, Style, module
from lenext.models.table import parameters
from lenext.training.schedule import learning_rate

IMAGE = (3, 299, 299)

# Module: parameters and multiply-adds.
MODULES = {
    "mixed_5b": (255_904, 312_345_600), "mixed_5c": (277_472, 338_688_000), "mixed_5d": (285_152, 348_096_000),
    "mixed_6a": (1_153_280, 401_937_408), "mixed_6b": (1_297_408, 374_063_104), "mixed_6c": (1_691_008, 487_702_528),
    "mixed_6d": (1_691_008, 487_702_528), "mixed_6e": (2_141_952, 617_914_368), "mixed_7a": (1_698_304, 291_004_416),
    "mixed_7b": (5_044_608, 322_437_120), "mixed_7c": (6_076_800, 388_497_408),
}  # fmt: skip
STEM = [
    (928, 19_181_664), (9_280, 199_148_544), (18_560, 398_297_088), (5_280, 27_284_480), (138_624, 696_867_840),
]  # fmt: skip


@cache
def on_meta(**options: object) -> AuxiliaryNetwork:
    with torch.device("meta"):
        network = create_model("inception_v3", **options).eval()  # type: ignore[arg-type]
    assert isinstance(network, AuxiliaryNetwork)
    return network


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Normalisation changes no map, but takes most of the time on the meta device."""
    monkeypatch.setattr(nn.BatchNorm2d, "forward", lambda _, x: x)


def test_every_module_counts_what_was_counted() -> None:
    found: dict[str, tuple[int, int]] = {}
    for layer in summarise(on_meta(), IMAGE).layers:
        part, _, rest = layer.name.partition(".")
        place = rest.partition(".")[0] if part == "stages" else f"{part} {rest.partition('.')[0]}"
        params, macs = found.get(place, (0, 0))
        found[place] = (params + layer.params, macs + layer.macs)
    assert {place: found[place] for place in MODULES} == MODULES
    assert [counted for place, counted in found.items() if place.startswith("stem conv")] == STEM
    assert found["head fc"] == (2_049_000, 2_048_000)


@pytest.mark.parametrize(
    ("options", "params"),
    [
        ({"auxiliary": True}, 27_161_264),
        ({"reading": "authors"}, 23_817_352),
        ({"reading": "keras"}, 23_817_352),
        ({"reading": "torchvision"}, 23_834_568),
        ({"reading": "torchvision", "auxiliary": True}, 27_161_264),
        ({"reading": "timm"}, 23_834_568),
    ],
)
def test_options_and_readings_count_what_was_counted(options: dict[str, object], params: int) -> None:
    assert parameters(on_meta(**options)) == params


def test_keras_counts_its_moving_statistics_too() -> None:
    statistics = sum(value.numel() for name, value in on_meta(reading="keras").named_buffers() if "running" in name)
    assert statistics == 34_432


@pytest.mark.usefixtures("quick")
def test_the_auxiliary_head_is_batch_normalised_and_costs_what_was_counted() -> None:
    network = on_meta(auxiliary=True)
    assert list(network.auxiliary) == ["mixed_6e"]
    head = network.auxiliary["mixed_6e"]
    assert parameters(head) == 3_326_696
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        assert head(torch.empty(1, 768, 17, 17, device="meta")).shape == (1, 1000)
    assert counter.get_total_flops() // 2 == 5_683_200
    assert sum(isinstance(m, nn.BatchNorm2d) for m in head.modules()) == 2
    (logits,) = network.auxiliary_logits(torch.empty(2, *IMAGE, device="meta"))
    assert logits.shape == (2, 1000)
    assert on_meta().auxiliary_logits(torch.empty(2, *IMAGE, device="meta")) == ()


def test_a_7x7_is_a_line_of_seven_and_another_across_it() -> None:
    kernels = [m.kernel_size for m in on_meta().stages.mixed_6b.branch3.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [(1, 1), (7, 1), (1, 7), (7, 1), (1, 7)]


def test_the_last_modules_spread_1x3_and_3x1_side_by_side() -> None:
    branch = on_meta().stages.mixed_7b.branch2
    assert list(dict(branch.conv2.named_children())) == ["1x3", "3x1"]
    assert [m.kernel_size for m in branch.conv2.modules() if isinstance(m, nn.Conv2d)] == [(1, 3), (3, 1)]


def test_reductions_pool_and_stride_side_by_side() -> None:
    for kind, channels in (("B", 3 + 384 + 96), ("D", 3 + 320 + 192)):
        with torch.device("meta"):
            reduction, outputs = module(kind, 0, 3, Style(scale=True, count_padding=False))
        y: Tensor = reduction(torch.empty(1, 3, 17, 17, device="meta"))
        assert y.shape == (1, channels, 8, 8)
        assert outputs == channels


def test_only_torchvision_and_timm_count_the_zeros_around_the_map() -> None:
    def counting(reading: str) -> set[bool]:
        network = on_meta(reading=reading)
        return {m.count_include_pad for m in network.stages.modules() if isinstance(m, nn.AvgPool2d)}

    assert counting("paper") == counting("authors") == counting("keras") == {False}
    assert counting("torchvision") == counting("timm") == {True}


def test_the_authors_normalisation_has_a_scale_of_one_that_is_kept_but_not_trained() -> None:
    norm, usual = ShiftNorm2d(3, eps=0.001), nn.BatchNorm2d(3, eps=0.001)
    x = torch.randn(4, 3, 5, 5)
    assert torch.equal(norm(x), usual(x))
    assert list(dict(norm.named_parameters())) == ["bias"]
    assert set(norm.state_dict()) == set(usual.state_dict())
    norm.reset_parameters()
    assert norm.weight.tolist() == [1, 1, 1]


def test_convolutions_have_no_bias_and_normalisation_the_released_eps() -> None:
    modules = list(on_meta(auxiliary=True).modules())
    assert all(m.bias is None for m in modules if isinstance(m, nn.Conv2d))
    assert {m.eps for m in modules if isinstance(m, nn.BatchNorm2d)} == {0.001}


def test_dropout_is_that_of_each_reading() -> None:
    shares = {reading: on_meta(reading=reading).head.drop.p for reading in readings("inception_v3")}
    assert shares == {"paper": 0.2, "authors": 0.2, "keras": 0.0, "torchvision": 0.5, "timm": 0.0}


def test_one_machine_drops_the_rate_as_one_weird_trick_does() -> None:
    """research/inception: 0.16 at every 30 epochs, which 1404.5997 has as 250 ** (-1 / 3); no clipping."""
    paper, alone = RECIPES["*"]["paper"], RECIPES["*"]["one-machine"]
    rates = [learning_rate(alone.schedule, alone.optimizer.lr, epoch, 100, 0, 1) for epoch in (0, 29, 30, 60, 90)]
    assert rates == pytest.approx([0.1, 0.1, 0.016, 0.00256, 0.0004096])
    assert replace(alone.optimizer, lr=paper.optimizer.lr) == paper.optimizer
    assert (alone.clip, alone.batch_size, alone.average) == (None, 256, paper.average)


@pytest.mark.usefixtures("quick")
def test_images_from_75_pixels_are_taken() -> None:
    for size in ((75, 75), (150, 201)):
        assert on_meta()(torch.empty(1, 3, *size, device="meta")).shape == (1, 1000)
