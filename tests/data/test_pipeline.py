"""The steps of a recipe together: one by one or as a batch, from whatever image, and after the mean image."""

import numpy as np
import pytest
import torch
from batches import AXES, COLOURFUL, NO_STATISTICS, pixels

from lenext.data.augment import Pipeline
from lenext.data.geometry import single_crop
from lenext.data.images import cut_out
from lenext.data.statistics import Statistics
from lenext.protocol import SingleCrop
from lenext.recipes import PCAColour, RandomAffine, RandomCrop, RandomFlip, RandomResizedCrop, ShortSide

VGG = (ShortSide(low=14, high=14), RandomCrop(size=12), RandomFlip(), PCAColour())
CIFAR = (RandomCrop(size=12, pad=4), RandomFlip())
LENET = (SingleCrop(resize=12, crop=16), RandomAffine(degrees=5, shift=0.05, scale=0.1, shear=0.1))
OURS = (RandomResizedCrop(size=10), RandomFlip())
MEAN_IMAGE = Statistics((0.0,), (1 / 255,), pixels(1, 3, 12, 12, seed=9)[0].float() + 0.3, True, AXES)


class TestMeanImageLargerThanTheCrop:
    """AlexNet, 2 and 4.1: the mean of 256 x 256 pixels goes, then 224 x 224 of them are cut out."""

    def test_every_pixel_loses_the_mean_of_its_own_place(self):
        images, mean = pixels(5, 3, 12, 12), pixels(1, 3, 12, 12, seed=1)[0].float()
        statistics = Statistics((0.0,) * 3, (1 / 255,) * 3, mean, subtract_first=True)
        found = Pipeline((SingleCrop(resize=12, crop=12), RandomCrop(size=8)), statistics, 0)(images, 0, 0)
        raw = Pipeline((SingleCrop(resize=12, crop=12), RandomCrop(size=8)), NO_STATISTICS, 0)(images, 0, 0)
        means = Pipeline((SingleCrop(resize=12, crop=12), RandomCrop(size=8)), NO_STATISTICS, 0)(
            mean.expand(5, -1, -1, -1), 0, 0
        )
        assert len({tuple(one.flatten().tolist()) for one in means}) > 1, "the crops stand at several places"
        assert (found == raw.float() - means).all()

    def test_the_image_is_brought_to_its_size_by_the_steps_before_the_crop(self):
        """Caffe squashes what others cut."""
        image, mean = pixels(1, 3, 12, 20), torch.zeros(3, 12, 12)
        statistics = Statistics((0.0,) * 3, (1 / 255,) * 3, mean, subtract_first=True)
        squash = SingleCrop(resize=12, crop=12, squash=True)
        found = Pipeline((squash, RandomCrop(size=12)), statistics, 0)(image, 0, 0)
        assert (found == single_crop(image, squash).float()).all()


class TestPipeline:
    @pytest.mark.parametrize("steps", [VGG, CIFAR, LENET, OURS, (*CIFAR, PCAColour(), RandomAffine(degrees=9))])
    @pytest.mark.parametrize("statistics", [COLOURFUL, MEAN_IMAGE], ids=["pixels", "minus the mean image"])
    @pytest.mark.parametrize("count", [2, 13])
    def test_a_batch_has_the_bits_of_its_images_one_by_one(self, steps, statistics, count):
        pipeline = Pipeline(steps, statistics, seed=3)
        assert pipeline.whole_batches
        images = pixels(count, 3, 12, 12)
        together = pipeline(images, 2, 40)
        assert together.is_floating_point() == statistics.subtract_first
        assert together.equal(torch.cat([pipeline(image[None], 2, 40 + row) for row, image in enumerate(images)]))
        strided = images.contiguous(memory_format=torch.channels_last)
        assert pipeline(strided, 2, 40).equal(together), "neither does the layout in memory matter"
        assert torch.cat(
            [*pipeline.singly(lambda row, part: cut_out(images[row], part)[None], np.arange(count), 2, 40)]
        ).equal(together)

    def test_images_of_varied_size_must_go_one_by_one(self):
        assert not Pipeline((ShortSide(low=3, high=4), RandomCrop(size=3)), NO_STATISTICS, 0).whole_batches

    def test_seed_epoch_and_position_change_the_draws(self):
        images = pixels(1).expand(8, -1, -1, -1)

        def augmented(seed, epoch, position):
            return Pipeline((RandomCrop(size=4),), NO_STATISTICS, seed)(images, epoch, position)

        usual = augmented(0, 0, 0)
        assert usual.equal(augmented(0, 0, 0))
        assert not usual.equal(augmented(1, 0, 0))
        assert not usual.equal(augmented(0, 1, 0))
        assert augmented(0, 0, 3)[:5].equal(usual[3:])

    def test_two_steps_of_one_kind_draw_apart(self):
        images = pixels(1, 1, 1, 2).expand(400, -1, -1, -1)
        found = Pipeline((RandomFlip(), RandomFlip()), NO_STATISTICS, 0)(images, 0, 0)
        changed = (found != images).flatten(1).any(1).float().mean().item()
        assert changed == pytest.approx(0.5, abs=0.1)

    @pytest.mark.parametrize("steps", [VGG, CIFAR, LENET, OURS])
    @pytest.mark.parametrize("size", [(1, 1), (1, 30), (30, 1), (3, 50)])
    def test_the_smallest_and_narrowest_images_go_through(self, steps, size):
        found = Pipeline(steps, COLOURFUL, 0)(pixels(1, 3, *size), 0, 0)
        assert found.shape[2] == found.shape[3] == {VGG: 12, CIFAR: 12, LENET: 16, OURS: 10}[steps]

    def test_the_images_themselves_are_never_written_to(self):
        images = pixels(4, 3, 12, 12)
        before = images.clone()
        for steps in (VGG, CIFAR, LENET, OURS):
            Pipeline(steps, COLOURFUL, 0)(images, 0, 0)
        assert images.equal(before)
