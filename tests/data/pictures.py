"""Pictures for the tests, made on the fly: sound ones of every format and kind, and hostile ones."""

import io
import os
import struct
import zlib

import numpy as np
from PIL import Image

# Two by three blocks of different brightness and colour: no turn or mirror image of it equals another.
BLOCKS = np.array([[[250, 10, 10], [10, 250, 10], [10, 10, 250]], [[240, 240, 20], [20, 20, 20], [200, 200, 200]]])
UPRIGHT = np.kron(BLOCKS.astype(np.uint8), np.ones((16, 16, 1), dtype=np.uint8))  # 32 x 48 x 3

SAVED = {
    "jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"lossless": True}),
    "bmp": ("BMP", {}),
    "gif": ("GIF", {}),
    "tiff": ("TIFF", {}),
}


def encoded(pixels=UPRIGHT, kind="png", mode=None, **options):
    """The bytes of an array or Pillow image in the format of a key of ``SAVED``."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    format_name, usual = SAVED[kind]
    out = io.BytesIO()
    (image.convert(mode) if mode else image).save(out, format_name, **(usual | options))
    return out.getvalue()


def noise(height=40, width=60, seed=0):
    """Pixels that do not compress, so that every byte of the file matters."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def turned(pixels, orientation):
    """How ``pixels`` must be stored so that a viewer that obeys the EXIF orientation shows them upright."""
    store = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a, 1),  # the viewer turns it clockwise
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }
    return np.ascontiguousarray(store[orientation](pixels))


def exif(orientation, order="<"):
    """An EXIF block that says nothing but the orientation."""
    tiff = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 1)
    return b"Exif\0\0" + tiff + struct.pack(order + "HHIHHI", 274, 3, 1, orientation, 0, 0)


def png(width, height, depth, colour, rows, extra=b""):
    """A PNG of any header whatever, with ``rows`` as its raw filtered rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND")


def chunk(kind, body=b""):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def grey16_png(values):
    """values: uint16, H W."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(values.shape[1], values.shape[0], 16, 0, rows)


def rgb16_png(values):
    """values: uint16, H W 3."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(values.shape[1], values.shape[0], 16, 2, rows)


def animation(kind):
    """Two frames: the blocks, then black."""
    first = Image.fromarray(UPRIGHT)
    black = Image.new("RGB", first.size)
    return encoded(first, kind, save_all=True, append_images=[black], **({} if kind == "tiff" else {"duration": 100}))


def jpeg_with_size(width, height):
    """A JPEG whose header promises another size than it has."""
    data = bytearray(encoded(kind="jpeg"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def tiny_photo(seed):
    """A small JPEG, another for each seed."""
    return encoded(noise(24, 24, seed), "jpeg")


def class_folders(root, counts, first_seed=0):
    """Make ``root/<class>/<n>.jpg`` for every class and count; returns ``root``."""
    seed = first_seed
    for name, count in counts.items():
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (root / name / f"{number:03d}.jpg").write_bytes(tiny_photo(seed))
            seed += 1
    return root


def is_root():
    """Whether file permissions do not bind this process."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def tiff(pixels, compression):
    """Any number of 8-bit channels side by side, compressed by Pillow as one wide grey picture in one strip."""
    height, width, count = pixels.shape
    data = bytearray(encoded(pixels.reshape(height, width * count), "tiff", compression=compression, strip_size=2**24))
    start = struct.unpack_from("<I", data, 4)[0]
    for entry in range(start + 2, start + 2 + 12 * struct.unpack_from("<H", data, start)[0], 12):
        tag = struct.unpack_from("<H", data, entry)[0]
        if tag in {256, 284}:  # that samples lie side by side is the rule, so that its place is free
            struct.pack_into("<HHII", data, entry, 256 if tag == 256 else 277, 4, 1, width if tag == 256 else count)
        elif tag == 258:  # bits of each sample
            struct.pack_into("<HIHxx", data, entry + 2, 3, 1, 8)
    return bytes(data)
