"""The first rows of a JPEG, without the work for those below: a part of a picture seldom needs all of them."""

from __future__ import annotations

import re

import numpy as np
import simplejpeg
from numpy.typing import NDArray

BELOW = 4  # rows of the picture that may have a share in the last one that is wanted: colours are smoothed over two
WORTH = 16  # rows that are decoded together, mostly
REST = re.compile(r"extran+eous bytes before marker 0xd9$")  # what is left between the rows and the end of the file


def first_rows(
    data: bytes, height_at: int, colours: str, size: tuple[int, int], rows: int, factor: int
) -> NDArray[np.uint8] | None:  # H W C
    """The picture with its first ``rows`` alone; None where that saves nothing, or is not all that is to be said of it.

    height_at: where the file states its height; size: of the result, ``factor`` times smaller than the file's.

    The decoder is told a smaller height. Of all that it finds wrong it tells the first: what stands behind its last row
    comes last, so that damage within the rows, or a file that ends early, is never taken for it.
    """
    height = (rows + BELOW) * factor
    if height + WORTH > int.from_bytes(data[height_at : height_at + 2], "big"):
        return None
    shorter = data[:height_at] + height.to_bytes(2, "big") + data[height_at + 2 :]
    pixels = np.empty((*size, 1 if colours == "GRAY" else 3), np.uint8)
    least = {"min_height": rows + BELOW, "min_width": size[1]}
    try:
        simplejpeg.decode_jpeg(shorter, colours, **least, buffer=pixels[: rows + BELOW])
    except ValueError as error:
        return pixels if REST.search(str(error)) else None
    return None
