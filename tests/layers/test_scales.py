"""A network that sees each picture at several scales and mirrored, and answers by the mean of its features."""

import pytest
import torch
from torch.nn import functional as F

import lenext
from lenext.errors import UsageError
from lenext.layers.scales import at_scales


def seen_alone(network, picture):
    return network.forward_head(network.forward_features(picture), pre_logits=True)


@pytest.fixture
def picture():
    return torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(0))


def test_each_scale_is_followed_by_its_mirror_image(picture):
    views = list(at_scales(picture, (1.0, 0.5)))
    assert [tuple(view.shape[2:]) for view in views] == [(64, 48), (64, 48), (32, 24), (32, 24)]
    assert views[0] is picture
    assert all(mirrored.equal(view.flip(3)) for view, mirrored in zip(views[::2], views[1::2], strict=True))
    assert views[2] == pytest.approx(F.avg_pool2d(picture, 2), abs=1e-6)


def test_nothing_is_left_out_of_a_small_view():
    chessboard = torch.tensor([0.0, 1.0]).repeat(32)[None, None, None] + torch.zeros(1, 1, 64, 64)
    assert next(at_scales(chessboard, (0.3,))) == pytest.approx(torch.full((1, 1, 19, 19), 0.5))


def test_the_answer_is_that_of_the_mean_of_the_features(picture):
    torch.manual_seed(0)
    network = lenext.create_model("resnet18", num_classes=5, scales=(1.0, 0.5)).eval()
    with torch.inference_mode():
        mean = torch.stack([seen_alone(network, view) for view in at_scales(picture, (1.0, 0.5))]).mean(0)
        assert network.pooled(picture).equal(mean)
        assert network(picture).equal(network.get_classifier()(mean))
        assert network(picture) == pytest.approx(network(picture.flip(3)), abs=1e-5)


def test_without_scales_it_is_seen_once(picture):
    network = lenext.create_model("resnet18", num_classes=5).eval()
    with torch.inference_mode():
        assert network.pooled(picture).equal(seen_alone(network, picture))
        assert network(picture).equal(network.get_classifier()(network.pooled(picture)))


@pytest.mark.parametrize("scales", [[0.0], [-1.0], [3.0], "half", [1.0] * 17, ["1"], [float("nan")]])
def test_what_are_no_scales_is_refused(scales):
    with pytest.raises(UsageError, match="no scales"):
        lenext.create_model("resnet18", scales=scales)
