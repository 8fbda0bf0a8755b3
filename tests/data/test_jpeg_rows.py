"""A part of a JPEG: the pixels of the whole one, the rows below spared, and no damage missed among its own."""

import io

import numpy as np
import pytest
import simplejpeg
import torch
from PIL import Image

from lenext.data import jpeg_rows
from lenext.data.augment import Pipeline
from lenext.data.decode import decode, read_image
from lenext.data.decoded import DecodedImages
from lenext.data.images import FileImages
from lenext.data.listing import Part
from lenext.data.loader import Loader
from lenext.data.statistics import Statistics
from lenext.errors import ImageError
from lenext.recipes import RandomFlip, RandomResizedCrop

SAMPLINGS = ["4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1"]


def jpeg(height, width, seed=0, **how):
    numbers = np.random.default_rng(seed)
    small = Image.fromarray(numbers.integers(0, 256, (9, 12, 3), np.uint8))
    file = io.BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(file, "JPEG", **({"quality": 92} | how))
    return file.getvalue()


def drawn(pixels, sampling):
    return simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), 92, "RGB", sampling.replace(":", ""))


def box(top, left, height, width):
    return lambda *_: (top, left, height, width)


def reason(data, part=None):
    """Why a picture is refused; None where it is not."""
    try:
        decode(data, "a", part=part)
    except ImageError as error:
        return error.reason
    return None


@pytest.fixture
def counted(monkeypatch):
    """How many parts were decoded without the rows below."""
    found = []
    whole = jpeg_rows.first_rows
    monkeypatch.setattr(jpeg_rows, "first_rows", lambda *args: found.append(whole(*args)) or found[-1])
    return lambda: [one is not None for one in found]


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_part_has_the_pixels_of_the_whole(sampling, channels, counted):
    pixels = np.asarray(Image.open(io.BytesIO(jpeg(211, 173))))
    data = drawn(pixels, sampling)
    for least in (0, 100, 50):
        whole = decode(data, "a", channels=channels, least=least)
        rows = whole.shape[1]
        for top in range(0, rows - 8, 3):
            part = decode(data, "a", channels=channels, least=least, part=box(top, 5, 7, 11))
            assert part.equal(whole[:, top : top + 7, 5:16]), (least, top)
    assert sum(counted()) > len(counted()) / 2


@pytest.mark.parametrize("how", [{}, {"optimize": True}])
def test_the_rows_below_are_spared(how, counted):
    data = jpeg(320, 200, **how)
    whole = decode(data, "a")
    assert decode(data, "a", part=box(10, 0, 90, 200)).equal(whole[:, 10:100])
    assert counted() == [True]
    assert decode(data, "a", part=box(10, 0, 300, 200)).equal(whole[:, 10:310])
    assert counted() == [True, False]


def test_what_is_progressive_marked_or_turned_is_decoded_whole(counted):
    exif = Image.Exif()
    exif[0x0112] = 6
    for how in ({"progressive": True}, {"restart_marker_rows": 1}, {"exif": exif}):
        data = jpeg(320, 200, **how)
        whole = decode(data, "a")
        assert decode(data, "a", part=box(10, 20, 90, 100)).equal(whole[:, 10:100, 20:120])
    assert counted() == []


def test_damage_is_seen_as_before_though_only_a_part_is_read(tmp_path):
    data = jpeg(320, 200, quality=97)
    start = data.index(b"\xff\xda") + 14
    images = DecodedImages(FileImages(tmp_path, ("a.jpg",)), 0, 3)
    seen = 0
    for place in range(start, len(data) - 200, 61):
        damaged = data[:place] + bytes([0x7F, 0xFF, 0x00, 0x7F] * 8) + data[place + 32 :]
        (tmp_path / "a.jpg").write_bytes(data)
        assert images.read(0, 3, 255, box(0, 0, 200, 200)).equal(images.read(0, 3, 255)[:, :200])
        (tmp_path / "a.jpg").write_bytes(damaged)
        if (wrong := reason(damaged)) is not None:
            seen += 1
            with pytest.raises(ImageError) as found:
                images.read(0, 3, 255, box(0, 0, 200, 200))
            assert found.value.reason == wrong
    assert seen > 5, "nothing was damaged"


def test_a_file_that_ends_early_is_seen_where_only_rows_below_are_lost():
    data = jpeg(320, 200)
    assert reason(data[: len(data) * 9 // 10], box(0, 0, 50, 200)) == "truncated"


def test_training_reads_parts_and_sees_what_it_would_see_of_whole_pictures(tmp_path, counted):
    for number in range(12):
        (tmp_path / f"{number:02d}.jpg").write_bytes(jpeg(150 + 9 * number, 180, seed=number))
    names = tuple(sorted(path.name for path in tmp_path.iterdir()))
    images = DecodedImages(FileImages(tmp_path, names), 0, 3)
    order = np.arange(12)
    loader = Loader(Part(images, order, np.zeros(12, np.int64), names), 3)
    pipeline = Pipeline((RandomResizedCrop(size=40), RandomFlip()), Statistics((0.5,) * 3, (0.5,) * 3), 3)
    ((first, _),) = loader.training(pipeline, 1, order, [0, 12])
    assert counted() == [], "a file is decoded whole once"
    ((found, _),) = loader.training(pipeline, 1, order, [0, 12])
    assert sum(counted()) > 3
    wanted = [pipeline(read_image(tmp_path / name)[None], 1, row) for row, name in enumerate(names)]
    assert found.equal(torch.cat(wanted))
    assert first.equal(found)
