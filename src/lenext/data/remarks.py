"""What there is to say of a picture that is used all the same, by its name and by its content."""

from __future__ import annotations

from pathlib import PurePath

SUFFIXES = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".apng": "PNG", ".webp": "WEBP",
    ".bmp": "BMP", ".dib": "BMP", ".gif": "GIF", ".tif": "TIFF", ".tiff": "TIFF",
}  # fmt: skip

# Kind of remark -> what is done about it; the picture is used.
REMARKS = {
    "wrong-extension": "The name promises another format than the content has; the content counts.",
    "no-extension": "The name has no extension; the content counts.",
    "exif": "The picture is stored turned or mirrored; it is put upright.",
    "grey16": "The picture has 16 bits of grey; they are scaled to 8.",
    "pages": "The file has several grey pages of one size: channels for a network of as many, else the first is used.",
    "animated": "There is more than one picture in the file; the first is used.",
    "transparency": "The picture has transparency; it is laid on the background, unless four channels are read.",
    "cmyk": "The colours are stored as CMYK; they are converted without a colour profile.",
    "tiny": "The picture is very small.",
    "large": "The picture is very large and slow to decode.",
    "extreme-aspect": "The picture is very long and narrow; most of it lies outside the usual crop.",
}
NAME_REMARKS = frozenset({"wrong-extension", "no-extension"})  # those that the name earns, not the content


def name_remarks(name: str, format_name: str) -> tuple[str, ...]:
    """The kinds of ``REMARKS`` that a file of this format earns by its name alone."""
    suffix = PurePath(name).suffix.lower()
    if not suffix:
        return ("no-extension",)
    return ("wrong-extension",) if suffix in SUFFIXES and SUFFIXES[suffix] != format_name else ()
