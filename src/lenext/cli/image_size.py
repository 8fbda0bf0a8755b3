"""The size of an input as one types it."""

from __future__ import annotations

import re

import click


class ImageSize(click.ParamType[int | tuple[int, int]]):
    """224 for a square, 96x160 for height and width."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int | tuple[int, int]:
        if isinstance(value, int):
            return value
        found = re.fullmatch(r"(-?\d{1,9})(?:[xX](\d{1,9}))?", str(value))
        if found is None:
            self.fail(f"{value!r} is not a size; write 224, or 96x160 for 96 pixels high and 160 wide.", param, ctx)
        side = int(found[1])
        return side if found[2] is None else (side, int(found[2]))


SIZE = ImageSize()
