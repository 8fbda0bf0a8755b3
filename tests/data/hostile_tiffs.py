"""TIFFs of every layout, and directories that lie: a part of the corpus of ``hostile_pictures``."""

from __future__ import annotations

import io
import struct

import numpy as np
import tifffile
from hostile_case import DAMAGE, GREY, GREYS, Case, refused, shown
from pictures import UPRIGHT, animation, encoded
from PIL import Image


def tiff(pixels=UPRIGHT, **options):
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, **options)
    return out.getvalue()


def tiffs():
    colour = {"photometric": "rgb"}
    kinds = {
        "plain": {}, "tiles": {"tile": (16, 16)}, "planes": {"planarconfig": "separate"},
        "big-endian": {"byteorder": ">"}, "strips": {"rowsperstrip": 1}, "deflate": {"compression": "zlib"},
        "tiles-deflate": {"tile": (16, 32), "compression": "zlib", "predictor": True},
    }  # fmt: skip
    for name, options in kinds.items():
        pixels = np.ascontiguousarray(np.moveaxis(UPRIGHT, 2, 0)) if name == "planes" else UPRIGHT
        yield shown(f"{name}.tif", tiff(pixels, **colour, **options))
    for name in ("tiff_lzw", "packbits"):
        yield shown(f"{name}.tiff", encoded(kind="tiff", compression=name))
    yield shown("jpeg.tiff", encoded(kind="tiff", compression="jpeg", quality=95), UPRIGHT, 80)
    yield shown("cmyk.tif", encoded(kind="tiff", mode="CMYK"), UPRIGHT, 1, ("cmyk",))
    yield shown(
        "fax.tif",
        encoded(Image.fromarray(GREY > 100), "tiff", compression="group4"),
        (GREY > 100)[..., None].repeat(3, 2) * 255,
    )
    grey = {"photometric": "minisblack"}
    yield shown("grey-16.tif", tiff(GREY.astype(np.uint16) * 257, **grey), GREYS, remarks=["grey16"])
    yield shown(
        "grey-16-be.tif", tiff(GREY.astype(">u2") * np.uint16(257), byteorder=">", **grey), GREYS, remarks=["grey16"]
    )
    yield shown("colour-16.tif", tiff(UPRIGHT.astype(np.uint16) * 257, **colour))
    yield shown("float.tif", tiff((GREY / 255).astype(np.float32), **grey), GREYS)
    yield refused("float-large.tif", tiff(GREY.astype(np.float32), **grey), "unsupported")
    yield refused("float-nan.tif", tiff(np.full((32, 48), np.nan, np.float32), **grey), "unsupported")
    yield refused("int-32.tif", tiff(GREY.astype(np.int32), **grey), "unsupported")
    yield shown("pages.tif", animation("tiff"), remarks=["animated"])
    yield refused("big.tif", tiff(bigtiff=True, **colour), "unsupported")
    data = bytearray(encoded(kind="tiff"))
    start = struct.unpack_from("<I", data, 4)[0]
    entries = struct.unpack_from("<H", data, start)[0]
    loop = bytearray(data)
    struct.pack_into("<I", loop, start + 2 + 12 * entries, start)
    yield shown("loop.tif", loop)
    private = bytearray(data)  # an EXIF directory that is the first one
    private[start + 2 + 12 * (entries - 1) : start + 2 + 12 * entries] = struct.pack("<HHII", 34_665, 4, 1, start)
    yield Case("exif-loop.tif", bytes(private), UPRIGHT, 0, DAMAGE)
    tiles = bytearray(tiff(tile=(16, 16), compression="zlib", **colour))
    at = tiles.index(struct.pack("<H", 323), struct.unpack_from("<I", tiles, 4)[0])
    struct.pack_into("<HHII", tiles, at, 323, 4, 1, 4_194_320)
    yield refused("tall-tiles.tif", tiles, "too-large")
    far = bytearray(data)
    struct.pack_into("<I", far, 4, 2**31)
    yield refused("far.tif", far, "truncated")
    yield refused("tags.tif", directory(900, 3, 1_000_000) + bytes(2_500_000), "corrupt", "unsupported")
    yield refused("entries.tif", directory(60_000, 3, 1), "corrupt")
    yield refused("strips-bomb.tif", directory(2, 4, 2_000_000, first=273) + bytes(9_000_000), "unsupported", "corrupt")
    yield refused("page-chain.tif", chain(3000), "unsupported")


def directory(count, kind, length, first=300):
    tags = b"".join(struct.pack("<HHII", first + number, kind, length, 8) for number in range(count))
    return b"II*\0" + struct.pack("<IH", 8, count) + tags + bytes(4)


def chain(pages):
    """Grey pages of one size, one after another."""
    out = io.BytesIO()
    with tifffile.TiffWriter(out) as writer:
        for _ in range(pages):
            writer.write(np.zeros((2, 2), np.uint8), contiguous=False, metadata=None)
    return out.getvalue()
