"""From ResNet to ConvNeXt in twelve steps: what each one changes, and that the last one arrives."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn

from lenext import create_model
from lenext.errors import UsageError
from lenext.layers.layer_scale import LayerScale
from lenext.layers.network import Network
from lenext.layers.norm import LayerNorm2d
from lenext.models import model_file, resnet
from lenext.models.convnext_roadmap import PUBLISHED, STEPS, WAYS, Residual, stage
from lenext.models.table import multiply_adds, parameters


def on_meta(way: str, number: int, **options: object) -> Network:
    with torch.device("meta"):
        return create_model(f"convnext_roadmap_{way}_{number:02}", **options).eval()  # type: ignore[arg-type]


def census(network: nn.Module) -> Counter[type[nn.Module]]:
    return Counter(type(module) for module in network.modules())


def last_block(way: str, number: int) -> Residual:
    block = on_meta(way, number).stages[-1][-1]  # type: ignore[index]
    assert isinstance(block, Residual)
    return block


# Tables 10 and 11, recounted: multiply-adds in thousands of millions, parameters in millions where they are known.
RECOUNT = {
    "resnet50": (4.089, 4.526, 4.418, 2.350, 5.268, 4.644, 4.065, 4.146, 4.146, 4.146, 4.146, 4.146, 4.456),
    "resnet200": (15.007, 14.518, 14.376, 7.234, 16.764, 15.679, 14.627, *[14.807] * 5, 15.355),
}
MILLIONS = {1: 25.6, 2: 28.6, 3: 28.6, 4: 15.7, 5: 33.8, 6: 25.9, 7: 25.6, 8: 25.9, 13: 28.6}


@pytest.mark.parametrize("way", WAYS)
def test_published_counts_are_the_recounted_ones_and_the_papers_words(way: str) -> None:
    for number, giga in enumerate(RECOUNT[way], 1):
        figures = PUBLISHED[f"convnext_roadmap_{way}_{number:02}"]
        title, _, words = figures.printed.partition(": ")
        assert title == STEPS[number].title
        assert figures.macs / 1e9 == pytest.approx(giga, abs=0.00051)
        if (way, number) not in {("resnet50", 12), ("resnet50", 13)}:  # Table 10's slip
            assert float(words.removesuffix(" GFLOPs")) == pytest.approx(figures.macs / 1e9, abs=0.0051)
        if way == "resnet50" and number in MILLIONS:
            assert figures.params / 1e6 == pytest.approx(MILLIONS[number], abs=0.051)


@pytest.mark.parametrize(
    ("way", "kernel", "macs", "params"),
    [
        ("resnet50", 3, 4_065_080_448, 25_625_512),
        ("resnet50", 5, 4_097_293_440, 25_720_744),
        ("resnet50", 9, 4_210_038_912, 26_054_056),
        ("resnet50", 11, 4_290_571_392, 26_292_136),
        ("resnet200", 5, 14_698_853_888, 83_369_192),
        ("resnet200", 9, 14_950_336_000, 84_329_704),
        ("resnet200", 11, 15_129_966_080, 85_015_784),
    ],
)
def test_the_kernels_of_2_5_count_what_was_counted(
    way: str, kernel: int, macs: int, params: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.BatchNorm2d, "forward", lambda _, x: x)  # counts nothing, and takes most of the time
    network = on_meta(way, 8, kernel_size=kernel)
    assert (multiply_adds(network, (3, 224, 224)), parameters(network)) == (macs, params)


@pytest.mark.parametrize(("way", "arrival"), [("resnet50", "convnext_tiny"), ("resnet200", "convnext_base")])
def test_the_last_step_has_the_parameters_of_convnext_in_the_same_order(way: str, arrival: str) -> None:
    with torch.device("meta"):
        convnext = create_model(arrival)
    assert parameters(on_meta(way, 13)) == parameters(convnext)
    ours = [weight.shape for weight in on_meta(way, 13).parameters()]
    theirs = [weight.shape for weight in convnext.parameters()]
    assert [shape[:2] for shape in ours] == [shape[:2] for shape in theirs]  # a 1x1 convolution is a linear layer


def same_weights(name: str, other: str, **options: object) -> tuple[Network, Network]:
    """The first network with random values everywhere, norms and biases too, and the other one with the same."""
    torch.manual_seed(0)
    with torch.device("meta"):
        networks = create_model(name, num_classes=5), create_model(other, num_classes=5, **options)  # type: ignore[arg-type]
    first, second = (network.to_empty(device="cpu").double().eval() for network in networks)
    for given, weight in zip(first.parameters(), second.parameters(), strict=True):
        nn.init.normal_(given, std=0.1)
        weight.data = given.data.view_as(weight)
    for given, statistics in zip(first.buffers(), second.buffers(), strict=True):
        given.fill_(1)
        statistics.fill_(1)
    return first, second


@pytest.mark.parametrize(
    ("name", "other", "options"),
    [
        ("convnext_roadmap_resnet50_13", "convnext_tiny", {}),
        ("convnext_roadmap_resnet50_01", "resnet50", {"reading": "v1.5"}),
    ],
)
def test_with_the_same_weights_the_way_starts_and_arrives(name: str, other: str, options: dict[str, str]) -> None:
    first, second = same_weights(name, other, **options)
    image = torch.randn(1, 3, 64, 96, dtype=torch.float64)
    with torch.no_grad():
        logits = first(image)
        assert logits.std() > 1e-3
        torch.testing.assert_close(second(image), logits, rtol=1e-10, atol=1e-12)


def test_resnet_200_starts_and_arrives_where_it_should() -> None:
    for name, number in (("resnet200", 1), ("convnext_base", 13)):
        known = model_file(name).PUBLISHED[name]
        found = PUBLISHED[f"convnext_roadmap_resnet200_{number:02}"]
        assert (known.params, known.macs) == (found.params, found.macs)


def test_each_step_changes_what_its_title_says() -> None:
    """Columns of ``STEPS`` that differ from the row above."""
    changed = {
        number: {
            column
            for column in STEPS[1]._fields[1:]
            if getattr(STEPS[number], column) != getattr(STEPS[number - 1], column)
        }
        for number in list(STEPS)[1:]
    }
    assert changed == {
        2: {"blocks", "width"}, 3: {"stem"}, 4: {"block"}, 5: {"width"}, 6: {"block"}, 7: {"block"}, 8: {"kernel"},
        9: {"act"}, 10: {"acts"}, 11: {"norms"}, 12: {"norm"}, 13: {"halving"},
    }  # fmt: skip


def test_blocks_become_depthwise_then_inverted_then_begin_with_the_depthwise_convolution() -> None:
    def shapes(number: int) -> list[tuple[int, int, int, int]]:
        convs = [part for part in last_block("resnet50", number).branch if isinstance(part, nn.Conv2d)]  # type: ignore[union-attr]
        return [(c.in_channels, c.out_channels, c.kernel_size[0], c.groups) for c in convs]

    assert shapes(3) == [(2048, 512, 1, 1), (512, 512, 3, 1), (512, 2048, 1, 1)]
    assert shapes(4) == [(2048, 512, 1, 1), (512, 512, 3, 512), (512, 2048, 1, 1)]
    assert shapes(6) == [(768, 3072, 1, 1), (3072, 3072, 3, 3072), (3072, 768, 1, 1)]
    assert shapes(7) == [(768, 768, 3, 768), (768, 3072, 1, 1), (3072, 768, 1, 1)]
    assert shapes(8)[0] == (768, 768, 7, 768)


def test_activations_and_norms_become_one_in_a_block() -> None:
    assert census(last_block("resnet50", 8))[nn.ReLU] == census(last_block("resnet50", 9))[nn.GELU] == 3
    assert census(last_block("resnet50", 10))[nn.GELU] == 1
    assert census(last_block("resnet50", 10))[nn.BatchNorm2d] == 3
    assert census(last_block("resnet50", 11))[nn.BatchNorm2d] == 1
    order = [type(part) for part in last_block("resnet50", 12).branch][:5]  # type: ignore[union-attr]
    assert order == [nn.Conv2d, LayerNorm2d, nn.Conv2d, nn.GELU, nn.Conv2d]


def test_from_ten_on_there_is_one_activation_for_each_block_and_from_eleven_one_norm() -> None:
    assert census(on_meta("resnet50", 10))[nn.GELU] == 18
    assert census(on_meta("resnet50", 11))[nn.BatchNorm2d] == 18
    assert census(on_meta("resnet50", 12))[LayerNorm2d] == 18
    assert census(on_meta("resnet50", 12))[nn.BatchNorm2d] == 0
    assert census(on_meta("resnet50", 13))[LayerNorm2d] == 18 + 4  # and one plain LayerNorm, in the head


@pytest.mark.parametrize("number", STEPS)
def test_a_convolution_has_a_bias_unless_batch_normalisation_follows(number: int) -> None:
    biased = {
        module.bias is not None for module in on_meta("resnet50", number).modules() if isinstance(module, nn.Conv2d)
    }
    assert biased == ({False} if number <= 10 else {False, True} if number == 11 else {True})


def test_projections_stand_in_every_stage_then_where_the_map_halves_then_nowhere() -> None:
    def projections(number: int) -> int:
        blocks = [module for module in on_meta("resnet50", number).modules() if isinstance(module, Residual)]
        return sum(not isinstance(block.shortcut, nn.Identity) for block in blocks)

    assert [projections(number) for number in (1, 5, 6, 12, 13)] == [4, 4, 3, 3, 0]


def test_layer_scale_comes_last_and_can_come_earlier() -> None:
    assert census(on_meta("resnet50", 12))[LayerScale] == 0
    assert census(on_meta("resnet50", 12, layer_scale=1e-6))[LayerScale] == 18
    assert census(on_meta("resnet50", 13))[LayerScale] == 18


def test_other_kernels_begin_with_step_8_and_are_odd() -> None:
    with pytest.raises(UsageError, match="resnet50_07 has no kernel_size 7") as refused:
        on_meta("resnet50", 7, kernel_size=7)
    assert refused.value.remedy == "Leave kernel_size out before step 08."
    with pytest.raises(UsageError, match="resnet50_08 has no kernel_size 6") as refused:
        on_meta("resnet50", 8, kernel_size=6)
    assert "odd" in refused.value.remedy


@pytest.mark.parametrize("number", [1, 4, 6, 7, 11, 13])
def test_every_weight_of_a_stage_learns(number: int) -> None:
    torch.manual_seed(0)
    blocks = nn.Sequential(stage(STEPS[number], "res3", 8, 16, [0.0, 0.0], layer_scale=1e-6))
    y = blocks(torch.randn(2, 8, 10, 10))
    y.square().mean().backward()
    assert y.shape == (2, 64 if number <= 5 else 16, 5, 5)
    assert all(weight.grad is not None and weight.grad.any() for weight in blocks.parameters())


def test_both_ways_begin_with_somebody_elses_network() -> None:
    """torchvision has no ResNet-200; Table 11's accuracy is the error that 1603.05027 prints."""
    fifty, two_hundred = (PUBLISHED[f"convnext_roadmap_{way}_01"].results[0] for way in WAYS)
    assert (fifty.protocol, fifty.value) == ("1-crop, torchvision's weights", 76.13)
    assert (two_hundred.protocol, two_hundred.source) == ("1-crop, before the new recipe", "Table 11")
    printed = [r for r in resnet.PUBLISHED["resnet200"].results if r.metric == "top-1 error"]
    assert two_hundred.value == pytest.approx(100 - printed[0].value)
