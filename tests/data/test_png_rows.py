"""A PNG read some rows at a time has the pixels of the whole, whatever the filters."""

import numpy as np
import pytest
from pictures import chunk, encoded, noise

from lenext.data import decode as decoder
from lenext.data import limits
from lenext.data.decode import decode
from lenext.errors import ImageError


@pytest.fixture
def in_pieces(monkeypatch):
    """Every PNG counts as large, and seven rows of 60 pixels make a band."""
    monkeypatch.setattr(decoder, "LARGE", 0)
    monkeypatch.setattr(limits, "BAND", 420)


def smooth():
    """Neighbours alike, so that an encoder uses every filter."""
    return (np.add.outer(np.arange(40) * 3, np.arange(60) * 2)[..., None] + noise() // 32).astype(np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_the_pixels_are_those_of_the_whole(mode, in_pieces):
    for pixels in (smooth(), noise()):
        data = encoded(pixels, mode=mode)
        whole = decoder.pillow.loaded(data, "PNG").convert("RGB")
        assert (decode(data, "x").permute(1, 2, 0).numpy() == np.asarray(whole)).all()


def test_a_transparent_colour_is_known_to_every_piece(in_pieces):
    pixels = smooth()
    pixels[5], pixels[30] = 9, 9
    data = encoded(pixels, transparency=(9, 9, 9))
    shown = decode(data, "x", background=77).permute(1, 2, 0).numpy()
    assert (shown[[5, 30]] == 77).all()
    assert (shown[10] == pixels[10]).all()


def test_missing_rows_are_seen(in_pieces):
    data = encoded(noise())
    at = data.index(b"IDAT")
    import zlib

    rows = zlib.decompress(data[at + 4 : -16])
    short = data[: at - 4] + chunk(b"IDAT", zlib.compress(rows[:-1])) + chunk(b"IEND")
    with pytest.raises(ImageError) as caught:
        decode(short, "x")
    assert caught.value.reason == "truncated"
