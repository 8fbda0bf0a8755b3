"""Damage of every sort: what is not whole is refused, and nothing but pixels and ``ImageError`` ever comes out."""

import numpy as np
import pytest
import torch
from pictures import SAVED, animation, encoded, exif, grey16_png, noise

from lenext.data.decode import decode, describe
from lenext.errors import ImageError

REASONS = {"empty", "truncated", "corrupt", "not-an-image", "unsupported", "too-large"}


def mutated(data, rng):
    """One to eight bytes changed, or a stretch cut out, doubled or zeroed."""
    data = bytearray(data)
    kind, at = rng.integers(0, 5), int(rng.integers(0, len(data)))
    length = int(rng.integers(1, 64))
    if kind <= 1:
        for place in rng.integers(0, min(len(data), 200 if kind else len(data)), rng.integers(1, 9)):
            data[place] = rng.integers(0, 256)
    elif kind == 2:
        del data[at : at + length]
    elif kind == 3:
        data[at:at] = data[at : at + length]
    else:
        data[at : at + length] = bytes(len(data[at : at + length]))
    return bytes(data)


def outcome(data):
    """The reason of the refusal, or "read"."""
    try:
        describe(data, "x")
        assert decode(data, "x").dtype == torch.uint8
    except ImageError as error:
        return error.reason
    return "read"


VICTIMS = {
    **{kind: encoded(noise(), kind) for kind in SAVED},
    "progressive": encoded(noise(), "jpeg", progressive=True, exif=exif(6)),
    "cmyk": encoded(noise(), "jpeg", mode="CMYK"),
    "lossy": encoded(noise(), "webp", lossless=False, exif=exif(3)),
    "palette": encoded(kind="png", mode="P"),
    "grey16": grey16_png(np.arange(1600, dtype=np.uint16).reshape(40, 40)),
    "film": animation("gif"),
    "lzw": encoded(noise(), "tiff", compression="tiff_lzw"),
    "deflate": encoded(noise(), "tiff", compression="tiff_adobe_deflate"),
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_damage_gives_pixels_or_an_image_error_and_nothing_else(victim, capfd):
    rng = np.random.default_rng(sum(map(ord, victim)))
    outcomes = [outcome(mutated(VICTIMS[victim], rng)) for _ in range(60)]
    assert set(outcomes) <= REASONS | {"read"}
    assert outcomes.count("read") < 50
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("victim", VICTIMS)
def test_no_file_is_read_that_was_cut_anywhere(victim):
    data = VICTIMS[victim]
    lengths = {*np.linspace(0, len(data) - 1, 40, dtype=int).tolist(), *range(len(data) - 12, len(data))}
    found = {outcome(data[:length]) for length in lengths}
    assert found <= {"empty", "truncated", "not-an-image", "corrupt"}
    assert "truncated" in found
