"""The dense test: the head at every position of the map, and the mean of what it says."""

from __future__ import annotations

import pytest
import torch

from lenext.errors import UsageError
from lenext.evaluation.dense import SlidingHead, densely
from lenext.models import create_model


def built(name, **options):
    torch.manual_seed(0)
    return create_model(name, num_classes=7, **options).double().eval()


def images(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@torch.no_grad()
def test_a_dense_vgg_on_its_own_224_pixels_is_the_plain_network():
    network = built("vgg11")
    image = images(1, 3, 224, 224)
    assert (densely(network)(image) - network(image)).abs().max() < 1e-6


@torch.no_grad()
@pytest.mark.parametrize(("height", "width"), [(224, 224), (256, 256), (255, 341), (512, 383)])
def test_the_score_map_of_vgg_has_a_32th_of_the_image_less_six(height, width):
    with torch.device("meta"):
        network = create_model("vgg11", num_classes=7).eval()
        found = densely(network).score_map(torch.empty(2, 3, height, width))
    assert found.shape == (2, 7, height // 32 - 6, width // 32 - 6)


@torch.no_grad()
@pytest.mark.parametrize("name", ["vgg11", "lenet5"])
def test_every_window_gets_what_the_head_says_of_it_alone(name):
    network = built(name, **({"image_size": 64} if name == "vgg11" else {}))
    channels, side, _ = network.input_size
    image = images(2, channels, side + 33, side + 70)
    sliding = densely(network)
    features = network.forward_features(image)
    high, wide = sliding.window
    naive = [
        network.forward_head(features[:, :, top : top + high, left : left + wide])
        for top in range(features.shape[2] - high + 1)
        for left in range(features.shape[3] - wide + 1)
    ]
    assert len(naive) > 1
    assert torch.allclose(sliding(image), torch.stack(naive).mean(0), atol=1e-9)
    own = images(1, channels, side, side)
    assert torch.allclose(sliding(own), network(own), atol=1e-9)


@torch.no_grad()
@pytest.mark.parametrize("name", ["resnet20_cifar", "nin_cifar"])
def test_a_network_that_pools_its_map_is_dense_as_it_stands(name):
    """The mean of the classifier over all positions is the classifier of the mean."""
    network = built(name)
    image = images(2, 3, 45, 70)
    found = densely(network)(image)
    features = network.forward_features(image)
    if name == "nin_cifar":
        maps = network.head.maps.relu(network.head.maps.conv(features))
    else:
        maps = network.get_classifier()(features.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    assert maps.shape[2] * maps.shape[3] > 64
    assert torch.allclose(found, maps.mean((2, 3)), atol=1e-9)
    assert torch.equal(found, network(image))


def test_too_small_an_image_is_refused_by_name_and_size():
    network = create_model("lenet5")
    sliding = densely(network)
    assert isinstance(sliding, SlidingHead)
    with pytest.raises(UsageError, match=r"lenet5 cannot be shown whole images of 40 x 28 pixels.* 32 x 32") as refused:
        sliding(torch.zeros(1, 1, 28, 40))
    assert refused.value.remedy
