"""First convolutions adapted to images of another number of channels."""

import pytest
import torch

from lenext.layers.first_convolution import adapted, adapted_state, first_convolution
from lenext.models import FILES, create_model


@pytest.mark.parametrize("name", [names[0] for names in FILES.values()])
def test_every_network_has_one_convolution_that_sees_the_image(name):
    with torch.device("meta"):
        three, five = (create_model(name, in_channels=channels).state_dict() for channels in (3, 5))
        others = [key for key in three if three[key].shape != five[key].shape]
        assert others == [f"{first_convolution(create_model(name))}.weight"]


def test_a_grey_image_gives_what_it_gave_as_three_equal_channels():
    torch.manual_seed(0)
    network = create_model("resnet20_cifar").eval()
    grey = create_model("resnet20_cifar", in_channels=1).eval()
    grey.load_state_dict(adapted_state(network, 1))
    image = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        assert torch.allclose(grey(image), network(image.expand(-1, 3, -1, -1)), atol=1e-5)


@pytest.mark.parametrize("channels", [2, 4, 5, 8])
def test_equal_channels_give_the_same_sum(channels):
    weight = torch.rand(4, 1, 3, 3).expand(-1, 3, -1, -1)
    found = adapted(weight, channels)
    assert found.shape == (4, channels, 3, 3)
    assert torch.allclose(found.sum(1), weight.sum(1))


def test_channels_come_over_and_again():
    weight = torch.rand(4, 3, 3, 3)
    assert torch.allclose(adapted(weight, 5) * 5 / 3, weight[:, [0, 1, 2, 0, 1]])
