"""A protocol's probabilities: the mean over the views, whatever the batches."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from lenext.data.statistics import Statistics
from lenext.evaluation.dense import densely
from lenext.evaluation.inference import Compute
from lenext.evaluation.testing import WAITING, Bench, area, run, stacks
from lenext.evaluation.views import views, whole_images
from lenext.models import create_model
from lenext.protocol import Dense, Mean, MultiCrop, SingleCrop, SquareCrops, TenCrop

SIZES = [(37, 53), (90, 41), (48, 48), (37, 53), (33, 101)]
CPU = Compute(torch.device("cpu"))
STATISTICS = Statistics((0.5,) * 3, (0.25,) * 3)
MULTI, DENSE = MultiCrop(scales=(34, 40), crop=32, grid=2), Dense(scales=(32, 45))
PROTOCOLS = [
    SingleCrop(resize=36, crop=32),
    TenCrop(resize=36, crop=32),
    TenCrop(resize=36, crop=32, interpolation="bicubic", logits=True),
    SquareCrops(scales=(34,), crop=32),
    MULTI,
    DENSE,
    Dense(scales=(40,), mirror=False),
    Mean(parts=(TenCrop(resize=36, crop=32, logits=True), MULTI)),
    Mean(parts=(MULTI, DENSE)),
]
protocols = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: type(protocol).__name__)


def pictures():
    rng = np.random.default_rng(0)
    return [torch.from_numpy(rng.integers(0, 256, (1, 3, *size), dtype=np.uint8)) for size in SIZES]


@pytest.fixture(scope="module", params=["resnet20_cifar", "lenet5"])
def network(request):
    torch.manual_seed(3)
    return create_model(request.param, num_classes=6, in_channels=3).eval()


def scores(network, statistics, images, protocol, compute):
    shown = (stacks(image, protocol, statistics) for image in images)
    return run(network, statistics, shown, compute, 64 * network.input_size[1] * network.input_size[2]).probabilities


def naive(network, image, protocol):
    """One view at a time; the softmax of each; their mean. Or the mean of the logits and its softmax."""
    if isinstance(protocol, Mean):
        return sum(naive(network, image, part) for part in protocol.parts) / len(protocol.parts)
    if isinstance(protocol, Dense):
        ask, shown = densely(network), [view for both in whole_images(image, protocol) for view in both.split(1)]
    else:
        ask, shown = network, views(image, protocol).split(1)
    with torch.no_grad():
        answers = torch.cat([ask(STATISTICS.normalise(view)) for view in shown])
    assert len(answers) == protocol.views
    if isinstance(protocol, TenCrop) and protocol.logits:
        return answers.mean(0).softmax(0)
    return answers.softmax(1).mean(0)


@protocols
def test_every_protocol_is_the_mean_of_its_views_one_by_one(network, protocol):
    found = scores(network, STATISTICS, pictures(), protocol, CPU)
    assert found.dtype == np.float32
    expected = torch.stack([naive(network, image, protocol) for image in pictures()]).numpy()
    assert found == pytest.approx(expected, abs=1e-5)
    assert found.sum(1) == pytest.approx(1, abs=1e-5)


@protocols
def test_the_shares_of_an_image_make_one(protocol):
    shown = stacks(pictures()[0], protocol, STATISTICS)
    assert sum(len(stack.views) for stack in shown) == protocol.views
    assert sum(stack.share * len(stack.views) for stack in shown) == pytest.approx(1)


@pytest.mark.parametrize("pixels", [1, 32 * 32 * 7, 32 * 32 * 1000])
def test_the_size_of_the_batches_changes_nothing_but_rounding(network, pixels):
    shown = [stacks(image, PROTOCOLS[-1], STATISTICS) for image in pictures()]
    found = run(network, STATISTICS, shown, CPU, pixels)
    assert found.probabilities == pytest.approx(scores(network, STATISTICS, pictures(), PROTOCOLS[-1], CPU), abs=1e-5)
    assert found.views == len(SIZES) * PROTOCOLS[-1].views


def test_views_go_through_in_full_batches():
    """So that 144 views of an image cost what 144 single images cost."""
    network, sizes = create_model("lenet5").eval(), []
    network.register_forward_hook(lambda _, given, __: sizes.append(len(given[0])))
    protocol = SquareCrops(scales=(34, 36, 38, 40), crop=32)
    images = [torch.zeros(1, 1, 40, 50 + number, dtype=torch.uint8) for number in range(3)]
    shown = (stacks(image, protocol, STATISTICS) for image in images)
    found = run(network, Statistics((0.0,), (1.0,)), shown, CPU, 64 * 32 * 32)
    assert sizes == [64] * 6 + [3 * 144 - 6 * 64]
    assert (found.views, found.macs) == (3 * 144, 3 * 144 * 325_680)


def test_images_of_many_sizes_wait_for_each_other_but_not_without_end():
    network, waiting = create_model("resnet20_cifar").eval(), []
    bench = Bench(network, STATISTICS, CPU, 4 * 40 * 40)
    for width in range(40, 70):
        bench.add(stacks(torch.zeros(1, 3, 40, width, dtype=torch.uint8), Dense(scales=(40,)), STATISTICS))
        waiting.append(sum(area(kind, queue) for kind, queue in bench._waiting.items()))
    assert max(waiting) <= WAITING * 4 * 40 * 40
    assert any(later > earlier for earlier, later in pairwise(waiting))
    assert bench.finish().probabilities.shape == (30, 10)


def test_no_image_gives_no_row(network):
    assert scores(network, STATISTICS, [], PROTOCOLS[0], CPU).shape == (0, 0)


def test_of_a_larger_mean_image_a_view_loses_the_central_window():
    mean = torch.arange(3 * 8 * 8.0).view(3, 8, 8)
    statistics = Statistics((0.0,) * 3, (1 / 255,) * 3, mean).for_views(6, 6)
    assert (statistics.subtract(torch.zeros(1, 3, 6, 6, dtype=torch.uint8)) == -mean[:, 1:7, 1:7]).all()


def test_a_mean_image_is_stretched_to_views_of_another_size(network):
    mean = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255
    statistics = Statistics((0.0,) * 3, (1.0,) * 3, mean)
    assert statistics.for_views(32, 32) is statistics
    wide = statistics.for_views(48, 64).pixel_mean
    assert wide.shape == (3, 48, 64)
    assert wide.mean((1, 2)) == pytest.approx(mean.mean((1, 2)).numpy(), rel=0.02)
    assert scores(network, statistics, pictures(), DENSE, CPU).shape == (len(SIZES), 6)


def test_ten_crops_lose_the_mean_of_their_own_place():
    mean = torch.rand(3, 36, 36) * 255
    statistics = Statistics((0.0,) * 3, (1 / 255,) * 3, pixel_mean=mean)
    square = torch.randint(0, 256, (1, 3, 36, 36), dtype=torch.uint8)
    (shown,) = stacks(square, TenCrop(resize=36, crop=32, square=True), statistics)
    inputs = statistics.normalise(shown.views)
    assert torch.allclose(inputs[3], square[0, :, 4:, 4:] - mean[:, 4:, 4:], atol=1e-4)  # the lower right corner
    assert torch.allclose(inputs[5], (square[0] - mean)[:, :32, :32].flip(2), atol=1e-4)  # the upper left, mirrored
