"""What the decoder promises: every sound picture comes out as it looks, every other file gives one clear reason."""

import io
import struct

import numpy as np
import pytest
import torch
from pictures import (
    SAVED,
    UPRIGHT,
    animation,
    chunk,
    encoded,
    exif,
    grey16_png,
    jpeg_with_size,
    noise,
    png,
    rgb16_png,
    turned,
)
from PIL import Image

from lenext.data import decode as decoder
from lenext.data.decode import decode, describe, read_image
from lenext.data.remarks import REMARKS
from lenext.errors import ImageError

EXACT = ("png", "webp", "bmp", "tiff")
TOLERANCE = {"jpeg": 12, "gif": 12}


def pixels(data, **options):
    """H W C, as int, so that differences do not wrap."""
    return decode(data, "test", **options).permute(1, 2, 0).numpy().astype(int)


def reason(data, name="picture.png"):
    with pytest.raises(ImageError) as caught:
        decode(data, name)
    assert caught.value.path == name
    assert str(caught.value).startswith(f"{name}: ")
    assert caught.value.remedy
    return caught.value.reason


class TestSoundPictures:
    @pytest.mark.parametrize("kind", SAVED)
    def test_every_format_gives_rgb(self, kind):
        image = decode(encoded(kind=kind), "x")
        assert image.dtype == torch.uint8
        assert image.shape == (3, 32, 48)
        assert np.abs(pixels(encoded(kind=kind)) - UPRIGHT).max() <= TOLERANCE.get(kind, 0)

    @pytest.mark.parametrize("kind", SAVED)
    def test_one_channel_is_luminance(self, kind):
        grey = pixels(encoded(kind=kind), channels=1)
        expected = UPRIGHT @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
        assert grey.shape == (32, 48, 1)
        assert np.abs(grey[..., 0] - expected).max() <= TOLERANCE.get(kind, 1)

    def test_the_content_decides_not_the_name(self, tmp_path):
        path = tmp_path / "photo.jpg"
        path.write_bytes(encoded(kind="png"))
        assert (read_image(path).permute(1, 2, 0).numpy() == UPRIGHT).all()

    def test_a_jpeg_has_the_pixels_that_pillow_gives_it(self):
        data = encoded(noise(), "jpeg", subsampling=2)
        with Image.open(io.BytesIO(data)) as image:
            assert (pixels(data) == np.asarray(image)).all()

    @pytest.mark.parametrize(
        "options", [{"progressive": True}, {"subsampling": 1}, {"quality": 20}, {"optimize": True}]
    )
    def test_jpegs_of_every_usual_kind(self, options):
        assert np.abs(pixels(encoded(kind="jpeg", **options)) - UPRIGHT).mean() < 6

    def test_a_grey_jpeg(self):
        grey = np.asarray(Image.fromarray(UPRIGHT).convert("L"))
        data = encoded(grey, "jpeg")
        assert np.abs(pixels(data, channels=1)[..., 0] - grey).max() <= 6
        assert (pixels(data)[..., 0] == pixels(data)[..., 2]).all()

    def test_one_pixel(self):
        assert pixels(encoded(UPRIGHT[:1, :1])).tolist() == [[[250, 10, 10]]]

    def test_a_very_long_picture(self):
        strip = np.arange(30_000, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
        assert (pixels(encoded(strip)) == strip).all()

    @pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
    def test_tiff_compressions(self, compression):
        assert (pixels(encoded(kind="tiff", compression=compression)) == UPRIGHT).all()

    def test_the_tensor_may_be_written_to(self):
        image = decode(encoded(), "x")
        image.zero_()
        assert image.sum() == 0


class TestOrientation:
    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("kind", EXACT[:2])
    def test_stored_turned_shown_upright(self, kind, orientation):
        data = encoded(turned(UPRIGHT, orientation), kind, exif=exif(orientation))
        assert (pixels(data) == UPRIGHT).all()

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("order", "<>")
    def test_jpeg(self, orientation, order):
        data = encoded(turned(UPRIGHT, orientation), "jpeg", exif=exif(orientation, order))
        assert np.abs(pixels(data) - UPRIGHT).max() <= TOLERANCE["jpeg"]

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_lines_of_one_pixel_are_turned_too(self, orientation):
        for line in (UPRIGHT[:1], UPRIGHT[:, :1]):
            data = encoded(turned(line, orientation), "png", exif=exif(orientation))
            assert (pixels(data) == line).all()

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_tiff(self, orientation):
        data = encoded(turned(UPRIGHT, orientation), "tiff", tiffinfo={274: orientation})
        assert (pixels(data) == UPRIGHT).all()

    @pytest.mark.parametrize("value", [0, 9, 65535])
    def test_a_senseless_orientation_is_upright(self, value):
        assert (pixels(encoded(exif=exif(value))) == UPRIGHT).all()

    @pytest.mark.parametrize("block", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + b"\xff" * 40])
    def test_damaged_metadata_do_not_spoil_the_picture(self, block):
        assert pixels(encoded(kind="jpeg", exif=block)).shape == UPRIGHT.shape


class TestModes:
    def test_16_bit_grey_is_scaled_not_clipped(self):
        values = np.array([[0, 257, 32768, 65535]], dtype=np.uint16)
        assert pixels(grey16_png(values), channels=1).ravel().tolist() == [0, 1, 128, 255]
        assert pixels(encoded(values, "tiff"), channels=1).ravel().tolist() == [0, 1, 128, 255]

    def test_16_bit_grey_tiff_whose_zero_is_white(self):
        values = np.array([[0, 65535]], dtype=np.uint16)
        assert pixels(encoded(values, "tiff", tiffinfo={262: 0}), channels=1).ravel().tolist() == [255, 0]

    def test_16_bit_colour(self):
        values = np.array([[[0, 32768, 65535]]], dtype=np.uint16)
        assert pixels(rgb16_png(values)).ravel().tolist() == [0, 128, 255]

    def test_one_bit(self):
        picture = Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).convert("1")
        assert pixels(encoded(picture)).tolist() == [[[0] * 3, [255] * 3]]

    @pytest.mark.parametrize("background", [0, 100, 255])
    @pytest.mark.parametrize("mode", ["LA", "RGBA"])
    def test_transparency_shows_the_background(self, mode, background):
        picture = Image.new(mode, (3, 1), (200, 255) if mode == "LA" else (200, 200, 200, 255))
        picture.putalpha(Image.fromarray(np.array([[0, 128, 255]], dtype=np.uint8)))
        shown = pixels(encoded(picture), background=background)[0, :, 0]
        assert np.abs(shown - [background, (200 + background) / 2, 200]).max() <= 1

    def test_a_transparent_palette_entry(self):
        picture = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), "P")
        picture.putpalette([10, 20, 30, 40, 50, 60])
        for transparency in (0, b"\x00\xff"):
            shown = pixels(encoded(picture, transparency=transparency), background=77)
            assert shown.tolist() == [[[77] * 3, [40, 50, 60]]]

    def test_a_transparent_gif(self):
        picture = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), "P")
        picture.putpalette([10, 20, 30, 40, 50, 60])
        assert pixels(encoded(picture, "gif", transparency=0), background=9).tolist() == [[[9] * 3, [40, 50, 60]]]

    def test_a_transparent_colour_key(self):
        assert pixels(encoded(transparency=(20, 20, 20)), background=255)[20, 20].tolist() == [255] * 3

    def test_16_bit_colour_with_a_key_is_read(self):
        rows = b"\0" + struct.pack(">6H", 0, 0, 0, 65535, 65535, 65535)
        data = png(2, 1, 16, 2, rows, chunk(b"tRNS", struct.pack(">3H", 0, 0, 0)))
        assert pixels(data)[0, 1].tolist() == [255] * 3

    def test_cmyk_jpeg_is_the_right_way_up(self):
        colours = np.abs(pixels(encoded(kind="jpeg", mode="CMYK")) - UPRIGHT)
        assert colours.max() <= TOLERANCE["jpeg"]

    def test_cmyk_tiff(self):
        assert np.abs(pixels(encoded(kind="tiff", mode="CMYK")) - UPRIGHT).max() <= 1

    def test_floating_point_in_0_to_1(self):
        values = np.array([[0, 0.5, 1]], dtype=np.float32)
        assert pixels(encoded(values, "tiff"), channels=1).ravel().tolist() == [0, 128, 255]

    @pytest.mark.parametrize("value", [1.5, -0.1, np.nan, np.inf])
    def test_other_floating_point_is_refused(self, value):
        assert reason(encoded(np.array([[0, value]], dtype=np.float32), "tiff")) == "unsupported"

    def test_32_bit_integers_are_refused(self):
        assert reason(encoded(np.array([[0, 70_000]], dtype=np.int32), "tiff")) == "unsupported"

    @pytest.mark.parametrize("kind", ["gif", "webp", "png", "tiff"])
    def test_the_first_frame_counts(self, kind):
        assert np.abs(pixels(animation(kind)) - UPRIGHT).max() <= 12


class TestRefusals:
    def test_empty(self):
        assert reason(b"") == "empty"

    @pytest.mark.parametrize(
        "content",
        [b"hello, this is a text", b"<!DOCTYPE html><html>404</html>", bytes(2000), b"BMW is a car, no bitmap"],
    )
    def test_not_an_image(self, content):
        assert reason(content) == "not-an-image"

    @pytest.mark.parametrize(
        "content",
        [
            b"\0\0\0 ftypavif" + bytes(20),
            b"\0\0\0\x18ftypheic" + bytes(20),
            b"<?xml version='1.0'?><svg/>",
            b"%PDF-1.7",
            b"8BPS\0\1",
            b"II+\0\x08\0\0\0",
            b"P6\n1 1\n255\n\0\0\0",
        ],
    )
    def test_other_formats_are_unsupported(self, content):
        assert reason(content) == "unsupported"

    @pytest.mark.parametrize("share", [0.02, 0.3, 0.5, 0.9])
    @pytest.mark.parametrize("kind", SAVED)
    def test_truncated(self, kind, share):
        data = encoded(noise(), kind)
        assert reason(data[: max(int(len(data) * share), 24)]) == "truncated"

    @pytest.mark.parametrize("kind", sorted(set(SAVED) - {"gif"}))
    def test_a_single_missing_byte_counts(self, kind):
        assert reason(encoded(noise(), kind)[:-1]) == "truncated"

    def test_a_jpeg_of_rare_sampling_is_read_by_pillow_and_refused_when_truncated(self, monkeypatch):
        data = encoded(noise(), "jpeg", subsampling=2)
        expected = pixels(data)
        monkeypatch.setattr(decoder, "jpeg_header", lambda _: None)
        assert (pixels(data) == expected).all()
        assert reason(data[: len(data) // 2]) == "truncated"

    def test_truncated_jpegs_of_every_kind(self):
        for options in ({"progressive": True}, {"mode": "CMYK"}, {"mode": "L"}):
            data = encoded(noise(), "jpeg", **options)
            assert reason(data[: len(data) * 2 // 3]) == "truncated"

    @pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
    def test_truncated_compressed_tiff(self, compression, capfd):
        data = encoded(noise(), "tiff", compression=compression)
        for length in (len(data) // 2, len(data) - 1):
            assert reason(data[:length]) == "truncated"
        assert capfd.readouterr().err == ""

    def test_a_damaged_scan_of_a_jpeg_is_corrupt(self):
        data = bytearray(encoded(noise(), "jpeg"))
        data[len(data) // 2 : len(data) // 2 + 2] = b"\xff\x42"  # a marker that does not exist
        assert reason(bytes(data)) == "corrupt"
        del data[len(data) // 2 : len(data) // 2 + 400]  # less data than pixels, but a proper end
        assert reason(bytes(data)) == "corrupt"

    def test_a_wrong_checksum_in_a_png_is_corrupt(self):
        data = bytearray(encoded(noise()))
        data[len(data) // 2] ^= 1
        assert reason(bytes(data)) == "corrupt"

    def test_a_png_without_pixels_is_corrupt(self):
        assert reason(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)) + chunk(b"IEND")) == "corrupt"

    @pytest.mark.parametrize(("width", "height"), [(65_501, 1), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
    def test_too_large_is_seen_in_the_header(self, width, height):
        assert reason(png(width, height, 8, 2, b"")) == "too-large"

    def test_a_jpeg_that_promises_too_much(self):
        assert reason(jpeg_with_size(65_535, 65_535)) == "too-large"

    def test_a_webp_that_promises_too_much(self):
        data = bytearray(animation("webp"))
        at = data.index(b"VP8X") + 12
        data[at : at + 6] = b"\xff\x3f\x00" * 2
        assert reason(bytes(data)) == "too-large"

    def test_no_memory_is_too_large(self, monkeypatch):
        def fail(*_, **__):
            raise MemoryError

        monkeypatch.setattr(decoder, "pillow_pixels", fail)
        assert reason(encoded()) == "too-large"


class TestDescription:
    def test_a_plain_picture_has_no_remark(self):
        found = describe(encoded(), "a.png")
        assert (found.format, found.width, found.height, found.mode, found.remarks) == ("PNG", 48, 32, "RGB", ())

    @pytest.mark.parametrize("kind", SAVED)
    def test_the_size_is_the_upright_one(self, kind):
        stored = turned(UPRIGHT, 6)
        orientation = {"tiffinfo": {274: 6}} if kind == "tiff" else {"exif": exif(6)}
        found = describe(encoded(stored, kind, **({} if kind in {"bmp", "gif"} else orientation)), f"a.{kind}")
        if kind in {"bmp", "gif"}:  # they cannot say so
            assert (found.width, found.height, found.remarks) == (32, 48, ())
        else:
            assert (found.width, found.height, found.remarks) == (48, 32, ("exif",))

    @pytest.mark.parametrize(
        ("remark", "data", "name"),
        [
            ("wrong-extension", encoded(), "a.jpg"),
            ("no-extension", encoded(), "a"),
            ("grey16", grey16_png(np.zeros((32, 32), np.uint16)), "a.png"),
            ("animated", animation("gif"), "a.gif"),
            ("animated", animation("webp"), "a.webp"),
            ("animated", animation("png"), "a.png"),
            ("animated", animation("tiff"), "a.tiff"),
            ("transparency", encoded(mode="RGBA"), "a.png"),
            ("cmyk", encoded(kind="jpeg", mode="CMYK"), "a.jpg"),
            ("tiny", encoded(UPRIGHT[:8, :8]), "a.png"),
            ("large", png(8000, 6000, 8, 2, b""), "a.png"),
            ("extreme-aspect", encoded(np.zeros((20, 200, 3), np.uint8)), "a.png"),
        ],
    )
    def test_each_remark(self, remark, data, name):
        assert describe(data, name).remarks == (remark,)
        assert REMARKS[remark]

    def test_describing_refuses_as_decoding_does(self):
        with pytest.raises(ImageError) as caught:
            describe(b"text", "a.png")
        assert caught.value.reason == "not-an-image"
