"""Pictures of every kind that folders of photos hold, and of every kind of harm, each with what must come of it."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Iterator

import numpy as np
from hostile_case import DAMAGE, GREY, GREYS, LOSSY, Case, refused, shown
from hostile_tiffs import tiffs
from pictures import UPRIGHT, animation, chunk, encoded, exif, grey16_png, jpeg_with_size, noise, png, rgb16_png, turned
from PIL import Image

EPOCH = time.gmtime(0)


def pictures() -> Iterator[Case]:
    yield from turned_ones()
    yield from jpegs()
    yield from damaged_jpegs()
    yield from pngs()
    yield from bmps_and_gifs()
    yield from webps()
    yield from tiffs()
    yield from strangers()
    yield from cut_and_flipped()


def turned_ones():
    for number in range(1, 9):
        stored, remarks = turned(UPRIGHT, number), ("exif",) if number > 1 else ()
        for order in "<>":
            data = encoded(stored, "jpeg", exif=exif(number, order))
            yield shown(f"exif-{number}{'le' if order == '<' else 'be'}.jpg", data, UPRIGHT, LOSSY, remarks)
        yield shown(f"exif-{number}.png", encoded(stored, exif=exif(number)), remarks=remarks)
        yield shown(f"exif-{number}.webp", encoded(stored, "webp", exif=exif(number)), remarks=remarks)
        yield shown(f"exif-{number}.tif", encoded(stored, "tiff", tiffinfo={274: number}), remarks=remarks)


def segment(marker, body):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body


def jpegs():
    plain = encoded(kind="jpeg")
    kinds = {
        "progressive": {"progressive": True}, "restarts": {"restart_marker_blocks": 1}, "optimised": {"optimize": True},
        "halved": {"subsampling": 1}, "best": {"quality": 100}, "profile": {"icc_profile": bytes(200_000)},
    }  # fmt: skip
    for name, options in kinds.items():
        yield shown(f"{name}.jpg", encoded(kind="jpeg", **options), UPRIGHT, 100 if name == "halved" else LOSSY)
    yield shown("grey.jpeg", encoded(kind="jpeg", mode="L"), GREYS, LOSSY)
    yield shown("cmyk.jpg", encoded(kind="jpeg", mode="CMYK"), UPRIGHT, LOSSY, ("cmyk",))
    yield shown("ycck.jpg", ycck(), UPRIGHT, LOSSY, ("cmyk",))
    jfif = plain.index(b"\xff\xe0")
    length = struct.unpack_from(">H", plain, jfif + 2)[0] + 2
    head, rest = plain[:2], plain[2:]
    same = {
        "no-jfif": plain[:jfif] + plain[jfif + length :],
        "two-jfifs": head + plain[jfif : jfif + length] + rest,
        "comment": head + segment(0xFE, bytes(65_000)) + rest,
        "filled": head + b"\xff" * 1000 + rest,
        "xmp": head + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>") + rest,
        "bad-exif": head + segment(0xE1, b"Exif\0\0" + b"\xff" * 60) + rest,
        "photoshop": head + segment(0xED, b"Photoshop 3.0\x008BIM" + b"\xff" * 200) + rest,
        "garbage-after": plain + bytes(range(256)) * 40,
        "another-after": plain + encoded(noise(), "jpeg"),
        "php-after": plain + b"<?php system($_GET['x']); ?>",
    }
    for name, data in same.items():
        yield shown(f"{name}.jpg", data, UPRIGHT, LOSSY)
    out = io.BytesIO()
    first = Image.fromarray(UPRIGHT)
    first.save(out, "MPO", quality=95, subsampling=0, save_all=True, append_images=[Image.new("RGB", (48, 32))])
    yield shown("two.mpo", out.getvalue(), UPRIGHT, LOSSY)
    yield shown("a-jpeg.png", plain, UPRIGHT, LOSSY, ("wrong-extension",))
    yield shown("a-jpeg", plain, UPRIGHT, LOSSY, ("no-extension",))
    yield shown("thin.jpg", encoded(np.full((1, 500, 3), 90, np.uint8), "jpeg"), np.full((1, 500, 3), 90), 3, ["tiny"])


def ycck():
    """Adobe's: colours as brightness and differences of what is no ink; Pillow writes the four channels as they are."""
    ycc = np.asarray(Image.fromarray(255 - UPRIGHT).convert("YCbCr"))
    inks = 255 - np.concatenate([ycc, np.full((*ycc.shape[:2], 1), 255, np.uint8)], axis=2)
    data = bytearray(encoded(Image.fromarray(np.ascontiguousarray(inks), "CMYK"), "jpeg"))
    data[data.index(b"Adobe") + 11] = 2
    return data


def damaged_jpegs():
    plain = encoded(kind="jpeg")
    frame, tables, scan = plain.index(b"\xff\xc0"), plain.index(b"\xff\xdb"), plain.index(b"\xff\xda")

    def frame_of(marker, precision=8):
        return (
            plain[: frame + 1]
            + bytes([marker])
            + plain[frame + 2 : frame + 4]
            + bytes([precision])
            + plain[frame + 5 :]
        )

    yield refused("12-bit.jpg", frame_of(0xC1, 12), "unsupported", "corrupt")
    yield refused("lossless.jpg", frame_of(0xC3), "unsupported", "corrupt")
    yield refused("no-tables.jpg", plain[:tables] + plain[frame:], "corrupt")
    yield refused("no-frame.jpg", plain[:frame] + plain[scan:], "corrupt")
    yield refused("no-end.jpg", plain[:-2], "truncated")
    yield refused("only-start.jpg", b"\xff\xd8\xff", "truncated")
    yield refused("start-and-end.jpg", b"\xff\xd8\xff\xd9", "corrupt", "truncated")
    yield refused("no-height.jpg", jpeg_with_size(48, 0), "corrupt", "unsupported")
    yield refused("promises.jpg", jpeg_with_size(65_500, 2_700), "too-large")
    yield refused("bomb.jpg", jpeg_with_size(65_535, 65_535), "too-large")
    yield refused("segments.jpg", plain[:2] + b"\xff\xfe\0\2" * 1_000_000 + plain[2:], "unsupported")
    yield refused("ends-inside.jpg", plain[:2] + b"\xff\xe1\xff\xff" + plain[2:], "truncated")
    slow = encoded(noise(), "jpeg", progressive=True)
    last = slow.rindex(b"\xff\xda")
    yield refused("scans.jpg", slow[:-2] + slow[last:-2] * 5000 + b"\xff\xd9", "too-large")
    # Behind a scan of all components another costs nothing, for no decoder reads it.
    yield refused("second-scan.jpg", plain[:-2] + plain[scan:], "corrupt")
    yield refused("many-scans.jpg", plain[:-2] + plain[scan:-2] * 5000 + b"\xff\xd9", "corrupt")
    arithmetic = Case("arithmetic.jpg", frame_of(0xC9), UPRIGHT, 255, DAMAGE)  # the coder of it reads any bytes
    yield arithmetic


def rows(values):
    return b"".join(b"\0" + line.tobytes() for line in values)


def black_below():
    pixels = UPRIGHT.copy()
    pixels[-3:] = 0
    return pixels


def adam7(pixels, number=7):
    """The seven passes of an interlaced PNG, or the first of them."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    body = b"".join(
        rows(np.ascontiguousarray(pixels[top::down, left::across])) for top, left, down, across in passes[:number]
    )
    data = bytearray(png(48, 32, 8, 2, body))
    data[28] = 1
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def pngs():
    plain = encoded()
    deep = UPRIGHT.astype(np.uint16) * 257
    alpha = np.dstack([UPRIGHT, np.full(GREY.shape, 255, np.uint8)])
    alpha[:16, :, 3] = 0
    laid = UPRIGHT.copy()
    laid[:16] = 255
    see_through = ("transparency",)
    yield shown("grey.png", encoded(GREY), GREYS)
    yield shown("grey-16.png", grey16_png(GREY.astype(np.uint16) * 257), GREYS, remarks=["grey16"])
    yield shown("colour-16.png", rgb16_png(deep))
    yield shown("interlaced.png", adam7(UPRIGHT))
    yield shown("alpha.png", encoded(alpha), laid, remarks=see_through)
    grey_alpha = np.dstack([GREY, alpha[..., 3]])
    yield shown(
        "grey-alpha.png", png(48, 32, 8, 4, rows(grey_alpha)), np.where(laid == 255, laid, GREYS), 0, see_through
    )
    yield shown(
        "alpha-16.png", png(48, 32, 16, 6, rows((alpha.astype(">u2") * 257).astype(">u2"))), laid, 0, see_through
    )
    key = chunk(b"tRNS", struct.pack(">3H", 250, 10, 10))
    first = UPRIGHT.copy()
    first[:16, :16] = 255
    yield shown("key.png", plain[:33] + key + plain[33:], first, remarks=see_through)
    indices = np.kron(np.arange(6).reshape(2, 3), np.ones((16, 16))).astype(np.uint8)
    colours = UPRIGHT[::16, ::16].reshape(6, 3)
    palette = chunk(b"PLTE", colours.tobytes())
    yield shown("palette.png", png(48, 32, 8, 3, rows(indices), palette))
    packed = indices[:, ::2] << 4 | indices[:, 1::2]
    yield shown("palette-4.png", png(48, 32, 4, 3, rows(packed), palette))
    opacity = chunk(b"tRNS", b"\0")
    yield shown("palette-alpha.png", png(48, 32, 8, 3, rows(indices), palette + opacity), first, remarks=see_through)
    bits = GREY > 100
    yield shown("one-bit.png", png(48, 32, 1, 0, rows(np.packbits(bits, axis=1))), bits[..., None].repeat(3, 2) * 255)
    yield shown("moving.apng", animation("png"), remarks=["animated"])
    for name, extra in ancillary().items():
        yield shown(f"{name}.png", plain[:33] + extra + plain[33:])
    stream = plain[plain.index(b"IDAT") + 4 : -16]
    pieces = b"".join(chunk(b"IDAT", stream[at : at + 1]) for at in range(len(stream)))
    yield shown("pieces.png", plain[:33] + chunk(b"IDAT") + pieces + chunk(b"IEND"))
    yield shown("garbage-after.png", plain + b"PK\3\4" * 100)
    yield shown(
        "long.png", encoded(np.full((1, 30_000, 3), 7, np.uint8)), np.full((1, 30_000, 3), 7), 0, ["extreme-aspect"]
    )
    yield shown("tall.png", encoded(np.full((30_000, 1, 3), 7, np.uint8)), np.full((30_000, 1, 3), 7), 0, ["tiny"])
    yield refused("bomb.png", png(50_000, 50_000, 8, 2, b""), "too-large")
    yield refused("white.png", png(13_300, 13_300, 8, 2, bytes(13_300 * 39_901)), "too-large")
    yield refused("one-bit-bomb.png", png(10_000, 10_000, 1, 0, bytes(10_000 * 1251)), "too-large")
    yield refused("no-pixels.png", png(0, 32, 8, 2, b""), "corrupt")
    yield refused("few-rows.png", png(48, 32, 8, 2, bytes(145 * 9)), "truncated", "corrupt")
    yield refused("few-passes.png", adam7(UPRIGHT[:, :24].repeat(2, axis=1), 5), "truncated", "corrupt")
    yield shown("black-below.png", encoded(black_below()), black_below())
    yield refused("depth.png", png(48, 32, 7, 2, bytes(145 * 32)), "corrupt", "unsupported")
    yield refused("no-data.png", plain[:33] + chunk(b"IEND"), "corrupt")
    yield refused("chunks.png", plain[:33] + chunk(b"aaAa") * 300_000 + plain[33:], "unsupported")
    yield refused("no-end.png", plain[:-12], "truncated")
    yield refused("checksum.png", plain[:60] + bytes([plain[60] ^ 1]) + plain[61:], "corrupt")
    yield refused("apple.png", plain[:8] + chunk(b"CgBI", bytes(4)) + plain[8:], "corrupt", "unsupported")


def ancillary():
    """What stands beside the pixels of a PNG and has nothing to do with them."""
    bomb = zlib.compress(bytes(100_000_000), 9)
    return {
        "text-bomb": chunk(b"zTXt", b"k\0\0" + bomb),
        "profile-bomb": chunk(b"iCCP", b"k\0\0" + bomb),
        "many-texts": chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(900_000))) * 200,
        "long-text": chunk(b"tEXt", b"k\0" + b"x" * 3_000_000),
        "gamma": chunk(b"gAMA", struct.pack(">I", 45_455)),
        "bad-text": chunk(b"tEXt", b"\xff" * 90)[:-1] + b"?",
        "bad-exif": chunk(b"eXIf", b"II*\0" + b"\xff" * 30),
        "frames": chunk(b"acTL", struct.pack(">II", 1, 0)),
    }


def bmps_and_gifs():
    yield from bmps()
    still = encoded(kind="gif")
    yield shown("still.gif", still, UPRIGHT, LOSSY)
    yield shown("interlaced.gif", encoded(kind="gif", interlace=1), UPRIGHT, LOSSY)
    yield shown("moving.gif", animation("gif"), UPRIGHT, LOSSY, ("animated",))
    comment = b"\x21\xfe" + (b"\xff" + b"x" * 255) * 40_000 + b"\0"
    at = 13 + 3 * (2 << (still[10] & 7))
    yield shown("comment.gif", still[:at] + comment + still[at:], UPRIGHT, LOSSY)
    screen = struct.pack("<HH", 65_000, 65_000)
    yield refused("screen.gif", still[:6] + screen + still[10:], "too-large")
    yield refused("wide-screen.gif", still[:6] + struct.pack("<HH", 10_000, 10_000) + still[10:], "too-large")
    yield refused("blocks.gif", still[:-1] + b"\x21\xfe" + b"\1x" * 5_000_000 + b"\0;", "unsupported")
    yield refused("no-frame.gif", still[:at] + b";", "corrupt")
    yield refused("no-end.gif", still[:-2], "truncated", "corrupt")


def bmp(depth, body, height=32, compression=0, masks=b"", palette=b""):
    start = 54 + len(masks) + len(palette)
    header = struct.pack("<IiiHHIIiiII", 40, 48, height, 1, depth, compression, len(body), 0, 0, len(palette) // 4, 0)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + masks + palette + body


def bmps():
    turned_round = UPRIGHT[::-1, :, ::-1]
    indices = np.kron(np.arange(6).reshape(2, 3), np.ones((16, 16))).astype(np.uint8)
    palette = b"".join(bytes([*colour[::-1], 0]) for colour in UPRIGHT[::16, ::16].reshape(6, 3))
    runs = b"".join(b"".join(bytes([16, line[at]]) for at in (0, 16, 32)) + b"\0\0" for line in indices[::-1]) + b"\0\1"
    red, green, blue = (UPRIGHT[::-1, :, channel].astype(np.uint16) for channel in range(3))
    yield shown("plain.bmp", encoded(kind="bmp"))
    yield shown("top-down.bmp", bmp(24, np.ascontiguousarray(UPRIGHT[..., ::-1]).tobytes(), height=-32))
    yield shown("32-bit.bmp", bmp(32, np.dstack([turned_round, np.zeros((32, 48), np.uint8)]).tobytes()))
    yield shown("555.bmp", bmp(16, (red >> 3 << 10 | green >> 3 << 5 | blue >> 3).tobytes()), UPRIGHT, 8)
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    yield shown("565.bmp", bmp(16, (red >> 3 << 11 | green >> 2 << 5 | blue >> 3).tobytes(), 32, 3, masks), UPRIGHT, 8)
    yield shown("palette.bmp", bmp(8, indices[::-1].tobytes(), palette=palette))
    yield shown("runs.bmp", bmp(8, runs, 32, 1, palette=palette))
    yield refused("slow-runs.bmp", bmp(8, runs + b"\1\1" * 3_000_000, 32, 1, palette=palette), "too-large")
    yield refused("promises.bmp", bmp(24, bytes(5000), height=60_000), "truncated", "corrupt")
    yield refused("no-pixels.bmp", encoded(kind="bmp")[:54], "truncated")


def webps():
    yield shown("lossless.webp", encoded(kind="webp"))
    yield shown("lossy.webp", encoded(kind="webp", lossless=False, quality=95), UPRIGHT, 130)
    yield shown("moving.webp", animation("webp"), remarks=["animated"])
    canvas = bytearray(animation("webp"))
    at = canvas.index(b"VP8X") + 12
    canvas[at : at + 6] = (9_999).to_bytes(3, "little") * 2
    yield refused("canvas.webp", canvas, "too-large")
    canvas[at : at + 6] = (6_499).to_bytes(3, "little") * 2
    yield refused("middling-canvas.webp", canvas, "too-large")
    data = encoded(kind="webp")
    yield refused("riff.webp", data[:4] + struct.pack("<I", 2**31) + data[8:], "truncated")
    yield refused(
        "chunks.webp",
        b"RIFF" + struct.pack("<I", 4 + 8 * 500_000) + b"WEBP" + b"abcd\0\0\0\0" * 500_000,
        "unsupported",
        "corrupt",
    )


def saved(format_name, size=(32, 32), mode="RGB"):
    out = io.BytesIO()
    dated = {"creationDate": EPOCH, "modDate": EPOCH} if format_name == "PDF" else {}  # or every run has other bytes
    Image.new(mode, size).save(out, format_name, **dated)
    return out.getvalue()


def strangers():
    for format_name in ("AVIF", "DDS", "EPS", "ICNS", "ICO", "JPEG2000", "PCX", "PDF", "PPM", "QOI"):
        yield refused(f"stranger.{format_name.lower()}", saved(format_name), "unsupported")
        yield refused(f"{format_name.lower()}-called.jpg", saved(format_name), "unsupported")
    for format_name in ("TGA", "SGI"):
        yield refused(f"stranger.{format_name.lower()}", saved(format_name), "not-an-image", "unsupported")
    starts = {
        "eps.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file",
        "svg.png": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
        "psd.png": b"8BPS\0\1" + bytes(60), "heic.jpg": b"\0\0\0\x18ftypheic" + bytes(60),
        "zip.jpg": b"PK\3\4" + bytes(99),
        "gzip.png": b"\x1f\x8b" + bytes(99), "wmf.bmp": b"\xd7\xcd\xc6\x9a" + bytes(90),
        "jxl.jpg": b"\xff\x0a" + bytes(60),
    }  # fmt: skip
    for name, data in starts.items():
        yield refused(name, data, "unsupported")
    others = {
        "text.jpg": b"no picture\n",
        "html.png": b"<!DOCTYPE html><p>404",
        "nulls.jpg": bytes(5000),
        "one.png": b"\x89",
    }
    others |= {
        "elf.jpg": b"\x7fELF" + bytes(99),
        "xpm.gif": b"hello /* XPM */",
        "bm.bmp": b"BM, a car that is no bitmap",
    }
    for name, data in others.items():
        yield refused(name, data, "not-an-image")
    yield refused("empty.jpg", b"", "empty")


def cut_and_flipped():
    """Each format cut at five places, which is always seen, and with bits turned over, which may hit nothing."""
    rng = np.random.default_rng(1998)
    for kind in ("jpeg", "png", "webp", "bmp", "gif", "tiff"):
        data = encoded(noise(), kind)
        for share in (3, 20, 50, 80, 99):
            yield refused(f"cut-{share}.{kind}", data[: max(24, len(data) * share // 100)], "truncated", "corrupt")
        for number in range(4):
            flipped = bytearray(data)
            flipped[rng.integers(0, 200 if number % 2 else len(data))] ^= 1 << int(rng.integers(8))
            yield Case(f"flipped-{number}.{kind}", bytes(flipped), noise(), 255, DAMAGE | {"not-an-image"})
