"""Random parts against plain transcriptions of each code, with the same drawn numbers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lenext.data.draws import AUGMENTATION, uniforms
from lenext.data.random_part import TRIES, area_box, aspect, mean_area
from lenext.errors import UsageError
from lenext.models import entry, model_file
from lenext.recipes import RandomResizedCrop
from lenext.recipes.augmentations import RULES
from lenext.values import decode, encode

STEP = RandomResizedCrop(size=6)
TORCH = replace(STEP, drawn="fb.resnet.torch")
TENSORFLOW = replace(STEP, drawn="tensorflow")
HOPELESS = np.full((TRIES, 4), 0.999)
FLAT, TALL, POINT = (10, 1000), (1000, 10), (1, 1)


def drawn(count):
    return uniforms((0, AUGMENTATION), 0, 0, count, 4 * TRIES).reshape(count, TRIES, 4)


def logarithmic(step, number):
    return math.exp(math.log(step.aspect[0]) * (1 - number) + math.log(step.aspect[1]) * number)


def even(step, number):
    return step.aspect[0] * (1 - number) + step.aspect[1] * number


def exchanged(step, number):
    return even(step, 2 * number) if number < 0.5 else 1 / even(step, 2 * number - 1)


ASPECTS = {
    "torchvision": logarithmic, "uniform": even, "fb.resnet.torch": exchanged, "tensorflow": even, "efficientnet": even,
}  # fmt: skip


def test_every_rule_is_here():
    assert set(ASPECTS) == set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_the_aspect_is_distributed_as_its_rule_says(rule):
    """The share of drawn aspects under each of nine bounds, beside the integral of the density."""
    step = replace(STEP, drawn=rule)
    found = np.array([aspect(number, step) for number in drawn(20_000)[:, 0, 1]])
    low, high = step.aspect
    for bound in np.linspace(low, high, 11)[1:-1]:
        up = (bound - low) / (high - low)
        expected = {
            "torchvision": math.log(bound / low) / math.log(high / low),
            "fb.resnet.torch": (up + (high - 1 / bound) / (high - low)) / 2,
        }.get(rule, up)
        assert (found <= bound).mean() == pytest.approx(expected, abs=0.012)
    assert low <= found.min() < low + 0.001
    assert high - 0.001 < found.max() <= high


@pytest.mark.parametrize("rule", ["torchvision", "uniform", "fb.resnet.torch"])
@pytest.mark.parametrize("size", [(30, 50), (50, 30), (224, 224)])
def test_of_areas_the_box_is_the_first_that_fits(rule, size):
    step, (height, width) = replace(STEP, drawn=rule), size
    fitted = 0
    for tries in drawn(200):
        box = area_box(height, width, tries, step)
        for number, shape, y, x in tries:
            pixels, ratio = height * width * (0.08 + number * 0.92), ASPECTS[rule](step, shape)
            w, h = round((pixels * ratio) ** 0.5), round((pixels / ratio) ** 0.5)
            if h <= height and w <= width:
                fitted += 1
                assert box == (math.floor(y * (height - h + 1)), math.floor(x * (width - w + 1)), h, w)
                break
    assert fitted > 190


def test_boxes_keep_to_area_and_aspect():
    step = RandomResizedCrop(size=6, area=(0.25, 0.5), aspect=(0.5, 2.0))
    boxes = np.array([area_box(200, 200, tries, step) for tries in drawn(300)])
    _, _, h, w = boxes.T
    assert np.quantile(h * w / 200**2, [0, 0.5, 1]) == pytest.approx([0.25, 0.375, 0.5], abs=0.02)
    assert np.quantile(np.log2(w / h), [0, 0.5, 1]) == pytest.approx([-1, 0, 1], abs=0.15), "log-uniform"
    assert (boxes[:, 0] + h).max() > 190


class TestTensorFlow:
    @pytest.mark.parametrize(
        ("size", "area", "heights"),
        [
            ((100, 100), (0.25, 1.0), (50, 100)),  # squares of a quarter of the image and more
            ((100, 40), (0.25, 1.0), (32, 40)),  # 32 x 32 is the first with a quarter of 4000; 40 is all the width
            ((100, 100), (0.09, 0.16), (32, 40)),  # 31 x 31 is less than a tenth of the image
        ],
    )
    def test_every_height_that_fits_comes_equally_often(self, size, area, heights):
        step = replace(TENSORFLOW, area=area, aspect=(1.0, 1.0))
        boxes = np.array([area_box(*size, tries, step) for tries in drawn(4_000)])
        assert (boxes[:, 2] == boxes[:, 3]).all()
        found, counts = np.unique(boxes[:, 2], return_counts=True)
        assert found.tolist() == list(range(heights[0], heights[1] + 1))
        assert counts / len(boxes) == pytest.approx(1 / len(found), rel=0.35)

    def test_its_boxes_lie_in_the_image_and_are_a_tenth_of_it_at_least(self):
        for height, width in ((30, 50), (211, 97), (64, 64)):
            boxes = np.array([area_box(height, width, tries, TENSORFLOW) for tries in drawn(500)])
            top, left, h, w = boxes.T
            assert (top + h <= height).all()
            assert (left + w <= width).all()
            assert (h * w).min() >= 0.1 * height * width
            assert np.abs(h * np.clip(w / h, 3 / 4, 4 / 3) - w).max() <= 0.5, "the width is the height's, rounded"

    def test_the_last_place_is_never_taken(self):
        step = replace(TENSORFLOW, area=(0.25, 0.25), aspect=(1.0, 1.0))
        boxes = np.array([area_box(20, 20, tries, step) for tries in drawn(500)])
        assert np.unique(boxes[:, 0]).tolist() == np.unique(boxes[:, 1]).tolist() == list(range(10)), "of 0 to 10"

    def test_it_tries_again_where_an_aspect_allows_too_little(self):
        """In 10 x 130 pixels a tenth of the image is 130: 10 rows of 13, so an aspect of 1.25 and more."""
        step = replace(TENSORFLOW, area=(0.01, 1.0), aspect=(1.0, 1.35))
        first = [even(step, tries[0, 1]) for tries in drawn(300)]
        assert min(first) < 1.2
        boxes = np.array([area_box(10, 130, tries, step) for tries in drawn(300)])
        assert set(map(tuple, boxes[:, 2:])) <= {(10, 13), (10, 14), (10, 130)}


@pytest.mark.parametrize(
    ("rule", "size", "box"),
    [
        ("torchvision", FLAT, (0, 493, 10, 13)),  # too flat for any try: the widest central box
        ("torchvision", TALL, (493, 0, 13, 10)),
        ("torchvision", POINT, (0, 0, 1, 1)),
        ("uniform", FLAT, (0, 493, 10, 13)),
        ("fb.resnet.torch", FLAT, (0, 495, 10, 10)),  # the central square
        ("fb.resnet.torch", TALL, (495, 0, 10, 10)),
        ("tensorflow", FLAT, (0, 0, 10, 1000)),  # all of it
        ("efficientnet", FLAT, (1, 496, 8, 8)),  # 224 of 256 parts of the height
        ("efficientnet", TALL, (496, 1, 8, 8)),
        ("efficientnet", POINT, (0, 0, 1, 1)),
    ],
)
def test_without_a_fitting_try_the_rule_decides(rule, size, box):
    assert area_box(*size, HOPELESS, RandomResizedCrop(size=224, area=(0.9, 1.0), drawn=rule)) == box


def test_efficientnet_takes_the_whole_image_for_a_failure():
    step = RandomResizedCrop(size=224, area=(1.0, 1.0), aspect=(1.0, 1.0), drawn="efficientnet")
    assert area_box(64, 64, HOPELESS, step) == (4, 4, 56, 56)
    assert area_box(64, 64, HOPELESS, replace(step, drawn="tensorflow")) == (0, 0, 64, 64)


@pytest.mark.parametrize("rule", RULES)
def test_aspects_are_multiples_of_the_results_own(rule):
    step = RandomResizedCrop(size=40, width=80, area=(0.2, 0.4), drawn=rule)
    boxes = np.array([area_box(300, 300, tries, step) for tries in drawn(300)])
    assert np.quantile(boxes[:, 3] / boxes[:, 2], [0, 1]) == pytest.approx([1.5, 8 / 3], rel=0.05)


@pytest.mark.parametrize("rule", RULES)
def test_the_mean_area_is_that_of_the_boxes(rule):
    step = replace(STEP, area=(0.1, 0.6), drawn=rule)
    boxes = np.array([area_box(500, 500, tries, step) for tries in drawn(3_000)])
    assert (boxes[:, 2] * boxes[:, 3]).mean() / 500**2 == pytest.approx(mean_area(step), rel=0.02)


class TestStored:
    def test_a_rule_is_kept(self):
        assert decode(RandomResizedCrop, encode(TORCH)) == TORCH

    def test_without_a_rule_it_is_torchvisions(self):
        document = encode(TORCH)
        del document["drawn"]
        assert decode(RandomResizedCrop, document) == STEP

    def test_unknown_rules_are_refused(self):
        with pytest.raises(UsageError, match="linear"):
            RandomResizedCrop(size=6, drawn="linear")


@pytest.mark.parametrize(
    ("network", "variant", "rule"),
    [
        ("googlenet", "paper", "uniform"),
        ("inception_v3", "paper", "tensorflow"),
        ("xception", "paper", "tensorflow"),
        ("mobilenet_v1", "paper", "tensorflow"),
        ("efficientnet_b7", "paper", "efficientnet"),
        ("resnet50", "fb", "fb.resnet.torch"),
        ("preresnet200", "aspect", "fb.resnet.torch"),
        ("resnext50_32x4d", "paper", "fb.resnet.torch"),
        ("densenet121", "paper", "fb.resnet.torch"),
        ("densenet264", "cosine", "fb.resnet.torch"),
        ("convnext_tiny", "paper", "torchvision"),  # timm's, which is torchvision's
        ("convnext_tiny", "finetune-384", "torchvision"),
    ],
)
def test_a_recipe_draws_as_its_source(network, variant, rule):
    recipe = entry(model_file(network).RECIPES, network)[variant]
    (step,) = [step for step in recipe.augment if isinstance(step, RandomResizedCrop)]
    assert step.drawn == rule
