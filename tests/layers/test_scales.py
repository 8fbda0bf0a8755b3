"""A network that sees each picture at several scales and mirrored, and answers by the mean of its features."""

import pytest
import torch
from torch.nn import functional as F

import lenext
from lenext.errors import UsageError
from lenext.evaluation.dense import densely
from lenext.layers.scales import at_scales
from lenext.models import FILES


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


@pytest.mark.parametrize("file", FILES)
def test_every_paper_has_networks_of_several_scales(file):
    name = {"nin": "nin_cifar", "vgg": "vgg11"}.get(file, FILES[file][0])
    small = {"image_size": 64} if file in ("alexnet", "vgg") else {}
    with torch.device("meta"):
        network = lenext.create_model(name, num_classes=3, scales=(1.0, 1.5), **small).eval()
        side = min(network.input_size[1], 107)
        assert network(torch.empty(2, network.input_size[0], side, side)).shape == (2, 3)


@pytest.mark.parametrize("name", ["vgg11", "alexnet"])
def test_a_head_that_flattens_its_map_looks_at_every_place_of_a_larger_one(name):
    """VGG, Appendix B: the last but one layer's outputs, averaged over places, scales and mirror images."""
    torch.manual_seed(0)
    network = lenext.create_model(name, num_classes=3, image_size=96, scales=(1.0, 1.5)).eval()
    window = network.forward_features(torch.zeros(1, 3, 96, 96)).shape[2]
    picture = torch.randn(1, 3, 96, 96)
    with torch.inference_mode():
        means = []
        for view in at_scales(picture, (1.0, 1.5)):
            map_ = network.forward_features(view)
            rows, columns = (side - window + 1 for side in map_.shape[2:])
            windows = [map_[:, :, y : y + window, x : x + window] for y in range(rows) for x in range(columns)]
            assert (len(windows) > 1) is (view.shape[2] > 96)
            means.append(torch.stack([network.forward_head(one, pre_logits=True) for one in windows]).mean(0))
        assert torch.allclose(network.pooled(picture), torch.stack(means).mean(0), atol=1e-5)
        assert network(picture).shape == (1, 3)
        network.scales = (0.75,)
        with pytest.raises(UsageError, match="Its head sees"):
            network(picture)


@pytest.mark.parametrize("scales", [(), (1.0, 0.5)])
def test_features_of_length_1_are_scaled_after_their_mean(picture, scales):
    torch.manual_seed(0)
    network = lenext.create_model("resnet18", num_classes=5, scales=scales, unit_length=True).eval()
    plain = lenext.create_model("resnet18", num_classes=5).eval()
    plain.load_state_dict(network.state_dict())
    with torch.inference_mode():
        mean = torch.stack(
            [seen_alone(plain, view) for view in at_scales(picture, scales or (1.0,))][:: 1 if scales else 2]
        )
        mean = mean.mean(0)
        expected = mean / mean.square().sum(1, keepdim=True).sqrt()
        assert torch.allclose(network.pooled(picture), expected, atol=1e-6)
        assert torch.allclose(network(picture), plain.get_classifier()(expected), atol=1e-6)
        assert not torch.allclose(network(picture), plain.get_classifier()(mean), atol=1e-2)
        assert network.forward_head(network.forward_features(picture)).shape == (2, 5)


def test_a_map_of_any_size_has_logits():
    """What heat maps ask of the view's own map, here larger than the window of the head that flattens it."""
    torch.manual_seed(0)
    network = lenext.create_model("vgg11", num_classes=3, image_size=64, scales=(1.0,), unit_length=True).eval()
    view = torch.randn(1, 3, 96, 128)
    with torch.inference_mode():
        alone, mirrored = (network.forward_head(network.forward_features(one)) for one in (view, view.flip(3)))
        assert alone.shape == (1, 3)
        assert torch.allclose(network(view), (alone + mirrored) / 2, atol=0.05)


def test_a_dense_test_leaves_a_network_of_several_scales_as_it_is():
    network = lenext.create_model("vgg11", num_classes=3, image_size=64, scales=(1.0, 1.5)).eval()
    assert densely(network) is network
    network.scales = ()
    assert densely(network) is not network


@pytest.mark.parametrize("word", ["yes", 2, None])
def test_unit_length_is_yes_or_no(word):
    with pytest.raises(UsageError, match="unit_length"):
        lenext.create_model("resnet18", unit_length=word)


def test_without_scales_it_is_seen_once(picture):
    network = lenext.create_model("resnet18", num_classes=5).eval()
    with torch.inference_mode():
        assert network.pooled(picture).equal(seen_alone(network, picture))
        assert network(picture).equal(network.get_classifier()(network.pooled(picture)))


@pytest.mark.parametrize("scales", [[0.0], [-1.0], [3.0], "half", [1.0] * 17, ["1"], [float("nan")]])
def test_what_are_no_scales_is_refused(scales):
    with pytest.raises(UsageError, match="no scales"):
        lenext.create_model("resnet18", scales=scales)
