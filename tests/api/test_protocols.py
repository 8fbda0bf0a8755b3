"""A protocol by name, for networks of any paper and any image size."""

from __future__ import annotations

import pytest
import torch

from lenext.api.trained.protocols import choose_protocols, every_name, in_proportion
from lenext.data.statistics import Statistics
from lenext.errors import UsageError
from lenext.evaluation.views import views
from lenext.models import create_model, list_models, protocols
from lenext.protocol import Dense, Mean, MultiCrop, Preprocessing, SingleCrop, SquareCrops, TenCrop
from lenext.weights.card import Card, Model

PHOTO = SingleCrop(resize=256, crop=224)
SMALL = SingleCrop(resize=73, crop=64)


def model(name, view=PHOTO, **options):
    with torch.device("meta"):
        network = create_model(name, num_classes=2, **options)
    shown = Preprocessing(channels=network.input_size[0], view=view, mean=(0.5,) * 3, std=(0.5,) * 3)
    card = Card(network=name, reading="paper", classes=("a", "b"), preprocessing=shown, options=options)
    return Model(network, card, Statistics(shown.mean, shown.std))


def chosen(name, *models):
    return choose_protocols(models, name)


@pytest.mark.parametrize("name", list_models())
def test_every_network_has_a_single_view_of_the_size_of_its_input(name):
    single = protocols(name)["single"]
    assert isinstance(single, SingleCrop)
    assert single.crop > 0


def test_the_papers_protocols_are_all_there():
    names = {f"{file}-{protocol}" for file, protocol in every_name()}
    assert names >= {
        "alexnet-ten-crop", "vgg-dense", "vgg-dense-multiscale", "vgg-dense-multiscale-jittered", "vgg-multi-crop",
        "vgg-multi-crop-dense", "googlenet-ten-crop", "googlenet-144-crop", "inception_v3-12-crop",
        "inception_v3-144-crop", "resnet-ten-crop", "resnet-dense-multiscale", "densenet-ten-crop", "resnext-single320",
        "xception-single", "mobilenet-single", "efficientnet-single", "convnext-single384", "lenet-single",
    }  # fmt: skip


def test_what_the_papers_count():
    counts = {name: protocols("vgg16")[name].views for name in protocols("vgg16")}
    assert (counts["multi-crop"], counts["dense-multiscale"], counts["multi-crop-dense"]) == (150, 6, 156)
    assert protocols("googlenet")["144-crop"].views == protocols("inception_v3")["144-crop"].views == 144
    assert protocols("inception_v3")["12-crop"].views == 12
    assert protocols("resnet152")["dense-multiscale"].scales == (224, 256, 384, 480, 640)
    b3 = protocols("efficientnet_b3")["single"]
    assert (b3.crop, b3.resize, b3.crop_first, b3.interpolation) == (300, 332, True, "bicubic")


@pytest.mark.parametrize("name", ["inception_v3", "xception", "mobilenet_v1"])
def test_tensorflows_central_part_is_of_each_side(name):
    """slim's eval: 87.5 % of the height and of the width, then a square, whatever the aspect."""
    single = protocols(name)["single"]
    across = torch.arange(1600).mul(255).div(1599).round().to(torch.uint8).expand(1, 1, 800, -1)
    for image in (across, across.transpose(2, 3)):
        line = views(image, single)[0, 0].float()
        line = line[0] if image is across else line[:, 0]
        assert line[0] / 255 == pytest.approx(0.0625, abs=0.005)
        assert line[-1] / 255 == pytest.approx(0.9375, abs=0.005)


def test_single_is_the_view_of_the_weight_file():
    odd = SingleCrop(resize=99, crop=77)
    (found,) = chosen("single", model("resnet18", odd))
    assert (found.protocol, found.scaled) == (odd, None)


@pytest.mark.parametrize("name", ["dense-multiscale", "vgg-dense-multiscale", "vgg11-dense-multiscale"])
def test_the_own_protocol_with_and_without_its_papers_name(name):
    (found,) = chosen(name, model("vgg11"))
    assert found.protocol == Dense(scales=(224, 256, 288))
    assert found.scaled is None


@pytest.mark.parametrize("name", ["googlenet-144-crop", "inception_v3-144-crop", "inception-v3-144-crop"])
def test_another_papers_protocol(name):
    (found,) = chosen(name, model("resnet18"))
    assert isinstance(found.protocol, SquareCrops)
    assert found.protocol.crop == 224
    assert found.protocol.scales == (256, 288, 320, 352)
    assert (found.scaled is None) == name.startswith("googlenet")


def test_a_smaller_network_gets_every_length_in_proportion_and_says_so():
    (found,) = chosen("ten-crop", model("resnet18", SMALL))
    assert found.protocol == TenCrop(resize=73, crop=64)
    assert "64/224" in found.scaled
    (found,) = chosen("dense-multiscale", model("resnet18", SMALL))
    assert found.protocol == Dense(scales=(64, 73, 110, 137, 183))


def test_another_crop_of_images_of_the_papers_scale_changes_crops_alone():
    """Caffe's AlexNet: 227 of 256 pixels."""
    (found,) = chosen("alexnet-ten-crop", model("resnet18", SingleCrop(resize=256, crop=227)))
    assert found.protocol == TenCrop(resize=256, crop=227, square=True)
    assert "crops" in found.scaled


def test_a_crop_of_the_trained_size_is_not_scaled_again():
    trained = SingleCrop(resize=384, crop=384, squash=True, interpolation="bicubic")
    (found,) = chosen("single384", model("convnext_tiny", trained))
    assert (found.protocol, found.scaled) == (trained, None)


def test_lengths_in_proportion():
    crops, dense = MultiCrop(scales=(256, 384), crop=224), Dense(scales=(256, 384))
    half = Mean(parts=(MultiCrop(scales=(128, 192), crop=112), Dense(scales=(128, 192))))
    assert in_proportion(Mean(parts=(crops, dense)), 0.5) == half
    assert in_proportion(SingleCrop(resize=4, crop=3), 0.01) == SingleCrop(resize=1, crop=1)


def test_in_an_ensemble_everyone_has_its_own_of_the_name_else_the_first_ones():
    vgg, resnet, mobile = chosen("dense-multiscale", model("vgg11"), model("resnet18"), model("mobilenet_v1"))
    assert vgg.protocol == mobile.protocol == Dense(scales=(224, 256, 288))
    assert resnet.protocol == protocols("resnet18")["dense-multiscale"]


@pytest.mark.parametrize(
    ("name", "near"), [("ten-corp", "ten-crop"), ("vgg-dens", "vgg-dense"), ("qqq", "ten-crop"), ("", "single")]
)
def test_unknown_names_are_answered_with_near_ones(name, near):
    with pytest.raises(UsageError, match="resnet18 has no protocol") as refused:
        chosen(name, model("resnet18"))
    assert near in refused.value.remedy


def test_views_that_do_not_fit_are_refused_before_the_data_are_read():
    with pytest.raises(UsageError, match="vgg11 cannot be shown 320 x 320 pixels") as refused:
        chosen("resnext-single320", model("vgg11"))
    assert "--protocol single" in refused.value.remedy
    with pytest.raises(UsageError, match="vgg11 cannot be shown whole images of 224"):
        chosen("dense-multiscale", model("vgg11", SingleCrop(resize=256, crop=224), image_size=256))
