"""TIFFs of any number of channels: samples side by side or apart, pages, compressions; and hostile ones."""

import io
import random
import struct

import numpy as np
import pytest
from pictures import tiff

from lenext.data import decode as decoder
from lenext.data.decode import decode, describe
from lenext.data.limits import Limits
from lenext.errors import ImageError

H, W = 19, 33
tifffile = pytest.importorskip("tifffile", reason="tifffile, of scikit-image's requirements, writes the files")


def values(count=5, dtype="uint16", seed=0):
    rng = np.random.default_rng(seed)
    if dtype == "float32":
        return rng.random((H, W, count), dtype=np.float32)
    return rng.integers(0, np.iinfo(dtype).max + 1, (H, W, count)).astype(dtype)


def eight_bits(array):
    if array.dtype.kind == "f":
        return np.rint(array * 255)
    return array if array.dtype == np.uint8 else np.rint(array / 257)


def written(array, planar, **options):
    """The bytes as tifffile writes them: samples of a pixel side by side, apart, or a page for each."""
    file = io.BytesIO()
    form = {"contig": {"planarconfig": "contig"}, "separate": {"planarconfig": "separate"}, "pages": {}}[planar]
    shown = array if planar == "contig" else np.ascontiguousarray(array.transpose(2, 0, 1))
    tifffile.imwrite(file, shown, photometric="minisblack", **form, **options)
    return file.getvalue()


def read(data, channels):
    return decode(data, "a.tif", channels=channels).permute(1, 2, 0).numpy()


def reason(data, channels=5):
    with pytest.raises(ImageError) as caught:
        decode(data, "a.tif", channels=channels)
    assert caught.value.path == "a.tif"
    return caught.value.reason


@pytest.mark.parametrize("planar", ["contig", "separate", "pages"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_layout_gives_the_numbers_that_were_written(planar, dtype, tile, order):
    array = values(dtype=dtype)
    data = written(array, planar, tile=tile, byteorder=order)
    assert describe(data, "a.tif").channels[0] == 5
    assert (read(data, 5) == eight_bits(array)).all()


@pytest.mark.parametrize("planar", ["contig", "separate", "pages"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("predictor", [None, 2])
def test_deflate_with_differences_of_neighbours_and_without(planar, dtype, tile, predictor):
    array = values(dtype=dtype)
    data = written(array, planar, tile=tile, predictor=predictor, compression="zlib")
    assert (read(data, 5) == eight_bits(array)).all()


def test_other_compressions_of_bytes_are_pillows_too():
    for compression in ("tiff_lzw", "packbits"):
        array = values(dtype="uint8")
        assert (read(tiff(array, compression), 5) == array).all()


@pytest.mark.parametrize(("count", "planar"), [(2, "contig"), (4, "pages"), (7, "separate"), (3, "pages")])
def test_other_numbers(count, planar):
    array = values(count)
    assert (read(written(array, planar), count) == eight_bits(array)).all()


def test_pages_are_also_a_grey_picture_as_ever():
    array = values(4)
    data = written(array, "pages")
    found = describe(data, "a.tif")
    assert found.channels == (4, 1, 3)
    assert "pages" in found.remarks
    assert "animated" not in found.remarks
    assert (read(data, 1)[..., 0] == eight_bits(array)[..., 0]).all()


def test_pages_of_other_sizes_are_other_pictures():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        for side in (20, 10):
            writer.write(np.zeros((side, side), np.uint8), photometric="minisblack")
    found = describe(file.getvalue(), "a.tif")
    assert found.channels == (1, 3, 4)
    assert "animated" in found.remarks


def test_samples_are_read_with_their_own_number_alone():
    data = written(values(), "contig")
    assert describe(data, "a.tif").channels == (5,)
    assert {reason(data, channels) for channels in (1, 3, 4, 6)} == {"channels", "unsupported"}


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_turned_files_are_put_upright(orientation):
    array = values(dtype="uint8")
    extra = [(274, 3, 1, orientation, True)]
    turned = {1: array, 3: array[::-1, ::-1], 6: np.rot90(array, -1)}[orientation]
    data = written(array, "contig", extratags=extra)
    assert (read(data, 5) == turned).all()
    found = describe(data, "a.tif")
    assert (found.height, found.width) == turned.shape[:2]


def test_white_may_be_zero():
    array = values(dtype="uint8")
    data = written(array, "pages").replace(struct.pack("<HHII", 262, 3, 1, 1), struct.pack("<HHII", 262, 3, 1, 0))
    assert (read(data, 5) == 255 - array).all()


@pytest.mark.parametrize("dtype", ["int16", "uint32", "float64"])
def test_numbers_whose_white_is_not_stated_are_refused(dtype):
    assert reason(written(values(dtype="uint16").astype(dtype), "contig")) == "unsupported"


class TestHostile:
    def test_a_size_that_is_stated_is_checked_before_pixels_are_made(self, monkeypatch):
        data = written(values(), "contig")
        monkeypatch.setattr(decoder, "LIMITS", Limits(pixels=H * W * 5 - 1))
        assert reason(data) == "too-large"
        with pytest.raises(ImageError):
            describe(data, "a.tif")

    def test_a_bomb_is_refused(self):
        data = written(values(dtype="uint8"), "contig", compression="zlib", rowsperstrip=H)
        for tag in (256, 257):
            for kind, word in ((3, "H2x"), (4, "I")):
                before = struct.pack("<HHI" + word, tag, kind, 1, W if tag == 256 else H)
                data = data.replace(before, struct.pack("<HHII", tag, 4, 1, 60_000))
        assert reason(data) == "too-large"

    def test_pages_in_a_ring_end(self):
        data = bytearray(written(values(3, "uint8"), "pages"))
        first = struct.unpack_from("<I", data, 4)[0]
        count = struct.unpack_from("<H", data, first)[0]
        struct.pack_into("<I", data, first + 2 + 12 * count, first)
        assert describe(bytes(data), "a.tif").channels[0] in {1, 2}

    @pytest.mark.parametrize("planar", ["contig", "separate", "pages"])
    def test_truncated_files(self, planar):
        data = written(values(), planar)
        for keep in (9, 40, len(data) // 3, 9 * len(data) // 10):
            with pytest.raises(ImageError):
                decode(data[:keep], "a.tif", channels=5)

    @pytest.mark.parametrize("planar", ["contig", "separate", "pages"])
    def test_damage_anywhere_is_an_image_error_or_an_image(self, planar):
        whole, chance = written(values(), planar, compression="zlib", predictor=2), random.Random(0)
        refused = 0
        for _ in range(300):
            data = bytearray(whole)
            for _ in range(chance.randint(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            try:
                image = decode(bytes(data), "a.tif", channels=5)
            except ImageError:
                refused += 1
            else:
                assert image.shape[0] == 5
        assert refused > 30
