"""Where scaling and cutting lead, in numbers alone; what torch and Pillow then do to pixels has them in common."""

from __future__ import annotations

from lenext.protocol import SingleCrop

LONGEST = 32  # times the shorter side

Shape = tuple[int, int]  # height, width


def covering(shape: Shape, tall: int, wide: int) -> tuple[Shape, Shape]:
    """Of an image of this shape: what ``cover`` keeps of it, and to what it scales that."""
    height, width = shape
    if height * wide > LONGEST * width * tall or width * tall > LONGEST * height * wide:
        most = max(1, LONGEST * width * tall // wide), max(1, LONGEST * height * wide // tall)
        height, width = min(height, most[0]), min(width, most[1])
    if height * wide <= width * tall:
        return (height, width), (tall, max(wide, tall * width // height))
    return (height, width), (max(tall, wide * height // width), wide)


def fitting(shape: Shape, tall: int, wide: int) -> Shape:
    """To what ``fit`` scales an image of this shape."""
    height, width = shape
    if height * wide <= width * tall:
        return max(1, round(wide * height / width)), wide
    return tall, max(1, round(tall * width / height))


def largest(shape: Shape, view: SingleCrop) -> Shape:
    """The part of an image of this shape that ``crop_first`` cuts out."""
    (height, width), (tall, wide) = shape, view.shape
    if height * wide <= width * tall:
        return max(1, height * tall // view.resize), max(1, height * wide // view.resize)
    return max(1, width * tall * tall // (view.resize * wide)), max(1, width * tall // view.resize)


def kept_and_scaled(shape: Shape, view: SingleCrop) -> tuple[Shape, Shape]:
    """What ``single_crop`` takes from the middle of an image of this shape, and to what it scales that."""
    if view.squash:
        return shape, view.scaled
    if view.letterbox:
        return shape, fitting(shape, *view.scaled)
    if view.crop_first:
        return largest(shape, view), view.shape
    return covering(shape, *view.scaled)
