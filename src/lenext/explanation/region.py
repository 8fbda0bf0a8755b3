"""A heat map in words: which part of the picture it points to, and how sharply."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lenext.explanation.judgement import HOTTEST, Judgement

Floats = NDArray[np.float32]

ROWS, COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")
WIDE = 0.26  # ours: deviation, as a share of a side, above which places are spread; those all over a side have 0.29


@dataclass(frozen=True, kw_only=True)
class Region:
    """peak: the hottest pixel (y, x); share: of all heat, what its hottest tenth of the pixels holds (0.1: none is
    hotter than others); words: where that tenth lies."""

    peak: tuple[int, int]
    share: float
    words: str


def region(heat: Floats, shown: NDArray[np.bool_]) -> Region | None:
    """Where a map (H W, of the picture) points to, among the pixels that were ``shown``; None where all are cold."""
    total = float(heat[shown].sum(dtype=np.float64))
    if total <= 0:
        return None
    peak = np.unravel_index(int(np.argmax(np.where(shown, heat, -1))), heat.shape)
    count = max(1, round(HOTTEST * int(shown.sum())))
    warm = np.where(shown, heat, -1).ravel()
    chosen = np.argpartition(-warm, count - 1)[:count]
    chosen = chosen[warm[chosen] > 0]  # of a sharp map, less than a tenth is warm at all
    share = float(warm[chosen].sum(dtype=np.float64)) / total
    ys, xs = np.unravel_index(chosen, heat.shape)
    return Region(peak=(int(peak[0]), int(peak[1])), share=share, words=where(ys, xs, heat.shape))


def where(ys: NDArray[np.int64], xs: NDArray[np.int64], shape: tuple[int, ...]) -> str:
    """The part of the picture in which these pixels lie: one of nine, a band, or all over it."""
    height, width = shape
    wide_y, wide_x = ys.std() > WIDE * height, xs.std() > WIDE * width
    row = ROWS[min(2, int(3 * (ys.mean() + 0.5) / height))]
    column = COLUMNS[min(2, int(3 * (xs.mean() + 0.5) / width))]
    if wide_y and wide_x:
        return "all over the picture"
    if wide_x:
        return f"across the {row} part"
    if wide_y:
        return {"left": "down the left side", "centre": "down the middle", "right": "down the right side"}[column]
    if row == "middle":
        return "centre" if column == "centre" else f"middle {column}"
    return f"{row} {'middle' if column == 'centre' else column}"


def why(answer: str, found: Region | None, judged: Judgement | None) -> list[str]:
    """What a map says and what it is worth, sentence by sentence; the last may be a warning."""
    if found is None:
        return [f"Nothing in these maps speaks for {answer}: the map is cold everywhere."]
    place = found.words if found.words.startswith(("all", "across", "down")) else f"in the {found.words}"
    said = [f"What speaks for {answer} lies {place}; the hottest tenth of the pixels holds {found.share:.0%} of it."]
    if judged is None:
        return said
    said.append(
        f"Without that tenth the probability goes from {judged.whole:.1%} to {judged.hidden:.1%}; of that tenth alone "
        f"it is {judged.alone:.1%}."
    )
    if judged.better_than_random is not None:
        verdict = f"{judged.matched} of {judged.trials} random maps do as well"
        worth = f"{verdict}." if judged.better_than_random else f"This map is no better than chance: {verdict}."
        said.append(worth)
    return said
