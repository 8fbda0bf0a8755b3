"""How many channels a data set is read with, and which images are left out for theirs."""

import numpy as np
import pytest
from pictures import encoded, noise
from PIL import Image

from lenext.data.channels import own, own_of, readable
from lenext.data.decode import COLOUR, GREY, TRANSPARENT, decode, describe
from lenext.data.images import ArrayImages
from lenext.data.item import Content
from lenext.data.listing import find
from lenext.data.scan import scan, summary
from lenext.errors import DataError

FIVE, PAGES = (5,), (5, 1, 3, 4)


@pytest.mark.parametrize(
    ("kinds", "number"),
    [
        ([GREY] * 3, 1), ([GREY, COLOUR], 3), ([TRANSPARENT] * 2, 3), ([FIVE] * 2, 5), ([FIVE, FIVE, COLOUR], 5),
        ([FIVE, COLOUR, GREY], 3), ([PAGES] * 2, 5), ([PAGES, COLOUR], 3), ([PAGES, FIVE], 5), ([], 3),
    ],
)  # fmt: skip
def test_what_the_data_have(kinds, number):
    assert own([Content("", "PNG", 1, 1, kind) for kind in kinds]) == number


class TestFourth:
    """The fourth channel is opacity, as it is stored."""

    def test_of_a_transparent_picture(self):
        pixels = np.dstack([noise(9, 7), noise(9, 7)[..., 0]])
        data = encoded(Image.fromarray(pixels, "RGBA"))
        assert (decode(data, "a", channels=4).permute(1, 2, 0).numpy() == pixels).all()
        assert describe(data, "a.png").channels == TRANSPARENT

    @pytest.mark.parametrize("kind", ["jpeg", "png"])
    @pytest.mark.parametrize("mode", ["RGB", "L"])
    def test_of_an_opaque_one(self, kind, mode):
        data = encoded(noise(9, 7), kind, mode)
        found = decode(data, "a", channels=4)
        assert found[:3].equal(decode(data, "a", channels=3))
        assert (found[3] == 255).all()
        assert describe(data, f"a.{kind}").channels == (GREY if mode == "L" else COLOUR)

    def test_of_arrays(self):
        images = ArrayImages(noise(8, 8)[None, ..., 0], "x")
        assert images.batch([0], 4)[0, 3].eq(255).all()
        assert images.batch([0], 4)[0, :3].equal(images.batch([0], 3)[0])


def folder(tmp_path, **kinds):
    """Class folders ``a`` and ``b`` with a picture of each mode in both."""
    for label in "ab":
        (tmp_path / label).mkdir()
        for name, mode in kinds.items():
            (tmp_path / label / f"{name}.png").write_bytes(encoded(noise(seed=ord(label)), "png", mode))
    return scan(find(str(tmp_path)))


def test_all_grey_is_said(tmp_path):
    listing = folder(tmp_path, one="L")
    assert own_of(listing) == 1
    assert any("grey" in line for line in summary(listing))
    assert readable(listing, 3)


def test_one_in_colour_makes_three(tmp_path):
    assert own_of(folder(tmp_path, one="L", two="RGB")) == 3


def test_pictures_among_many_channels_are_left_out_and_named(tmp_path):
    tifffile = pytest.importorskip("tifffile", reason="writes the files")
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(3):
            pixels = np.random.default_rng(number).integers(0, 2**16, (20, 24, 5)).astype(np.uint16)
            name = tmp_path / label / f"{number}.tif"
            tifffile.imwrite(name, pixels, photometric="minisblack", planarconfig="contig")
    (tmp_path / "a" / "photo.png").write_bytes(encoded(noise()))
    listing = scan(find(str(tmp_path)))
    assert own_of(listing) == 5
    assert len(listing.items) == 6
    assert [(p.path, p.kind) for p in listing.problems if p.action == "left out"] == [("a/photo.png", "channels")]
    assert listing.images.read(0, 5, 255).shape == (5, 20, 24)
    with pytest.raises(DataError, match="channels"):
        scan(find(str(tmp_path)), channels=(7,))


def test_arrays_of_other_channels_are_refused():
    with pytest.raises(DataError, match="digits cannot be read with 5 channels"):
        scan(find("digits"), channels=(5,))
