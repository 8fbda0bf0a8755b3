"""Arrays and files give their pixels through one interface."""

import numpy as np
import pytest
import torch
from pictures import UPRIGHT, encoded

from lenext.data.images import ArrayImages, FileImages
from lenext.errors import ImageError

GREY = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
COLOUR = np.stack([UPRIGHT, UPRIGHT[::-1]])


class TestArrays:
    def test_grey_in_one_or_three_channels(self):
        images = ArrayImages(GREY, "toy")
        assert len(images) == 2
        assert images.name(1) == "toy/00001"
        assert images.read(1, 1, 255).tolist() == [GREY[1].tolist()]
        assert images.read(1, 3, 255).tolist() == [GREY[1].tolist()] * 3

    def test_a_batch_is_the_images_in_the_order_asked_for(self):
        for array in (GREY, COLOUR):
            images = ArrayImages(array, "toy")
            for channels in (1, 3):
                batch = images.batch(np.array([1, 0, 1]), channels)
                assert batch.dtype == torch.uint8
                expected = [images.read(index, channels, 255) for index in (1, 0, 1)]
                assert (batch == torch.stack(expected)).all()

    def test_colour_becomes_luminance_as_in_files(self, tmp_path):
        (tmp_path / "a.png").write_bytes(encoded())
        from_file = FileImages(tmp_path, ("a.png",)).read(0, 1, 255)
        assert (ArrayImages(COLOUR, "toy").read(0, 1, 255) == from_file).all()

    def test_writing_to_a_batch_leaves_the_array_alone(self):
        images = ArrayImages(GREY.copy(), "toy")
        for channels in (1, 3):
            images.batch([0], channels).add_(1)
        assert (images.array == GREY).all()


class TestFiles:
    def test_paths_below_the_root_and_absolute_ones(self, tmp_path):
        (tmp_path / "in").mkdir()
        for place in (tmp_path / "in" / "a.png", tmp_path / "out.png"):
            place.write_bytes(encoded())
        images = FileImages(tmp_path / "in", ("a.png", str(tmp_path / "out.png")))
        assert len(images) == 2
        assert images.name(0) == "a.png"
        for index in range(2):
            assert (images.read(index, 3, 255).permute(1, 2, 0).numpy() == UPRIGHT).all()

    def test_the_background_reaches_the_decoder(self, tmp_path):
        (tmp_path / "a.png").write_bytes(encoded(np.zeros((1, 1, 4), np.uint8)))
        assert FileImages(tmp_path, ("a.png",)).read(0, 1, 42).item() == 42

    def test_a_file_that_vanished(self, tmp_path):
        with pytest.raises(ImageError) as caught:
            FileImages(tmp_path, ("gone.png",)).read(0, 3, 255)
        assert caught.value.reason == "unreadable"
