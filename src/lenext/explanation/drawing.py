"""A network as a figure in SVG: a row for each block, at its left the map that comes out, repeated blocks drawn once.

Text stays text, and the colours follow the reader's choice of light or dark.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from html import escape

from lenext.explanation.anatomy import Block, Lanes, Operation, Part, Parts, Repeated

CHIP, GAP, LANE, TURN = 22.0, 9.0, 14.0, 15.0  # heights of a chip and between two, width between lanes, of a curve
BYPASS, JOIN, PAD = 26.0, 9.0, 12.0  # room of a line past a lane, radius of the sign, padding of a frame
NAMES, MAPS, BODY = 24.0, 250.0, 330.0  # where names begin, maps have their centre, bodies begin
ROW = 20.0  # from one row to the next

STYLE = """
svg { --paper: #fff; --ink: #1d2433; --faint: #667085; --line: #98a2b3; --frame: #f5f6f8;
  --convolution: #d6e4ff; --depthwise: #cdeee8; --pool: #ffe3c2; --linear: #dcf2cf; --other: #e9e4f5; --map: #7f9fd6 }
@media (prefers-color-scheme: dark) { svg { --paper: #12161f; --ink: #e6e9ef; --faint: #9aa4b5; --line: #5d6779;
  --frame: #1b212d; --convolution: #243f73; --depthwise: #1d5048; --pool: #6b431a; --linear: #32562a;
  --other: #413663; --map: #4d6fae } }
.paper { fill: var(--paper) } .frame { fill: var(--frame); stroke: var(--line); stroke-width: .6 }
.line { fill: none; stroke: var(--line); stroke-width: 1.4 } .head { fill: var(--line) }
.sign { fill: var(--paper); stroke: var(--line); stroke-width: 1.4 }
.map { fill: var(--map); stroke: var(--ink); stroke-width: .5; stroke-opacity: .5 }
.convolution { fill: var(--convolution) } .depthwise { fill: var(--depthwise) } .pool { fill: var(--pool) }
.linear { fill: var(--linear) } .other { fill: var(--other) }
text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--ink) }
.title { font-size: 20px; font-weight: 600 } .name, .times { font-weight: 600 } .faint { fill: var(--faint) }
.after { font-size: 10px; fill: var(--faint) } .middle { text-anchor: middle }
"""


def draw(title: str, notes: Sequence[str], image: tuple[int, int, int], blocks: Sequence[Block]) -> str:
    """The figure's file: a title, lines below it, the image, then every block on the way of the image."""
    canvas = Canvas()
    bodies = [measured(block) for block in blocks]
    middle = BODY + max(width for width, _ in bodies) / 2
    y = 42.0
    canvas.text(NAMES, y, title, "title")
    for note in notes:
        y += 19
        canvas.text(NAMES, y, note, "faint")
    y += 34
    y = row(canvas, y, middle, Block(("input",), (Operation("image", "other"),), image), first=True)
    for block in blocks:
        y = row(canvas, y, middle, block)
    canvas.text(NAMES, y + 6, "Left: the map that comes out, its height by the logarithm of its side,", "after")
    canvas.text(NAMES, y + 20, "its width by that of its channels. /2: a stride of two pixels.", "after")
    width = max([middle + max(width for width, _ in bodies) / 2 + 70, *(NAMES + wide(note, 6.4) for note in notes)])
    return canvas.file(width, y + 40, title)


def row(canvas: Canvas, top: float, middle: float, block: Block, *, first: bool = False) -> float:
    """One block; returns where the next one begins."""
    width, height = measured(block)
    tall = max(height, sides(block.output)[1], 30.0)
    y = top + (tall - height) / 2
    if not first:
        canvas.arrow(middle, canvas.last, y)
    if framed(block):
        canvas.box(middle - width / 2, y, width, height, "frame", 8)
        canvas.path(f"M{middle:.1f} {y:.1f}v{PAD}")
        canvas.last = column(canvas, middle, y + PAD, block.parts)
    else:
        canvas.last = column(canvas, middle, y, block.parts)
    if block.times > 1:
        canvas.text(middle + width / 2 + 10, top + tall / 2 + 5, f"\N{MULTIPLICATION SIGN} {block.times}", "times")
    label(canvas, top + tall / 2, block)
    return top + tall + ROW


def label(canvas: Canvas, middle: float, block: Block) -> None:
    """Names, shape and picture of the map."""
    name = block.names[0] if block.times == 1 else f"{block.names[0]} \N{EN DASH} {block.names[-1]}"
    canvas.text(NAMES, middle - 2, name, "name")
    canvas.text(NAMES, middle + 13, signs("x".join(map(str, block.output))), "faint")
    width, height = sides(block.output)
    canvas.box(MAPS - width / 2, middle - height / 2, width, height, "map", 1.5)


def sides(shape: tuple[int, ...]) -> tuple[float, float]:
    """Width and height of a map's picture; a vector is as high as one pixel."""
    side = shape[1] if len(shape) == 3 else 1
    return 4 + 6.5 * math.log2(shape[0]), 5 + 7.0 * math.log2(side)


def framed(block: Block) -> bool:
    return len(block.parts) > 1 or not isinstance(block.parts[0], Operation)


def measured(block: Block) -> tuple[float, float]:
    """Width and height of a block's body."""
    width, height = extent(block.parts)
    return (width + 2 * PAD, height + 2 * PAD) if framed(block) else (width, height)


def extent(parts: Parts) -> tuple[float, float]:
    """Width and height of parts below each other; a way without parts is a line."""
    if not parts:
        return 2 * BYPASS, 0
    boxes = [box(part) for part in parts]
    return max(width for width, _ in boxes), sum(height for _, height in boxes) + GAP * (len(boxes) - 1)


def box(part: Part) -> tuple[float, float]:
    if isinstance(part, Operation):
        return 20 + wide(part.label, 6.4) + wide(" ".join(part.after), 5.2) + 8 * bool(part.after), CHIP
    if isinstance(part, Repeated):
        width, height = box(part.part)
        return width + 2 * BYPASS + 26, height
    ways = [extent(way) for way in part.ways]
    height = max(height for _, height in ways) + 2 * TURN + 2 * JOIN
    if bypassed(part):
        return ways[0][0] + 2 * BYPASS, height
    return sum(width for width, _ in ways) + LANE * (len(ways) - 1), height


def bypassed(part: Lanes) -> bool:
    """Whether one way does something and the other hands the map on: drawn as an arc past it."""
    return len(part.ways) == 2 and not part.ways[1]


def wide(text: str, letter: float) -> float:
    """About as wide as a reader's fonts set it."""
    return letter * len(text)


def column(canvas: Canvas, x: float, y: float, parts: Parts) -> float:
    """Parts below each other, the way through them in the middle; returns their lower end."""
    for number, part in enumerate(parts):
        if number:
            canvas.path(f"M{x:.1f} {y - GAP:.1f}V{y:.1f}")
        y = drawn(canvas, x, y, part) + GAP
    return y - GAP if parts else y


def drawn(canvas: Canvas, x: float, y: float, part: Part) -> float:
    width, height = box(part)
    if isinstance(part, Operation):
        canvas.chip(x - width / 2, y, width, part)
        return y + height
    if isinstance(part, Repeated):
        drawn(canvas, x, y, part.part)
        beside = x + box(part.part)[0] / 2 + 8
        canvas.text(beside, y + height / 2 + 4, f"\N{MULTIPLICATION SIGN} {part.times}", "times")
        return y + height
    return lanes(canvas, x, y, part)


def lanes(canvas: Canvas, x: float, y: float, part: Lanes) -> float:
    """Ways side by side, from one point above them to the sign where they meet."""
    width, height = box(part)
    low, sign = y + height - 2 * JOIN, y + height - JOIN
    if bypassed(part):
        inner = extent(part.ways[0])[0]
        end = column(canvas, x, y + TURN, part.ways[0])
        canvas.path(f"M{x:.1f} {y:.1f}V{y + TURN:.1f}M{x:.1f} {end:.1f}V{low:.1f}")
        right = x + inner / 2 + BYPASS * 0.7
        canvas.path(
            f"M{x:.1f} {y + 2:.1f}H{right - 10:.1f}Q{right:.1f} {y + 2:.1f} {right:.1f} {y + 12:.1f}"
            f"V{sign - 10:.1f}Q{right:.1f} {sign:.1f} {right - 10:.1f} {sign:.1f}H{x + JOIN:.1f}"
        )
    else:
        left = x - width / 2
        for way in part.ways:
            inner = extent(way)[0]
            centre = left + inner / 2
            end = column(canvas, centre, y + TURN, way)
            canvas.path(curve(x, y, centre, y + TURN) + f"M{centre:.1f} {end:.1f}" + f"V{low - TURN:.1f}")
            canvas.path(curve(centre, low - TURN, x, low))
            left += inner + LANE
    canvas.sign(x, sign, part.join)
    return y + height


def curve(x: float, y: float, to_x: float, to_y: float) -> str:
    half = (y + to_y) / 2
    return f"M{x:.1f} {y:.1f}C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}"


def signs(text: str) -> str:
    """3x3 with the sign that a printer would set."""
    return re.sub(r"(?<=\d)x(?=\d)", "\N{MULTIPLICATION SIGN}", text)


class Canvas:
    """The elements of the file: lines below, boxes on them, text on top."""

    def __init__(self) -> None:
        self.last = 0.0  # the lower end of the way so far
        self._lines: list[str] = []
        self._frames: list[str] = []
        self._boxes: list[str] = []

    def text(self, x: float, y: float, words: str, kind: str) -> None:
        self._boxes.append(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>')

    def box(self, x: float, y: float, width: float, height: float, kind: str, corner: float) -> None:
        place = self._frames if kind == "frame" else self._boxes
        shape = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{corner}"'
        place.append(f'<rect class="{kind}" {shape}/>')

    def chip(self, x: float, y: float, width: float, part: Operation) -> None:
        self.box(x, y, width, CHIP, part.kind, 5)
        after = f'<tspan class="after" dx="8">{escape(" ".join(part.after))}</tspan>' if part.after else ""
        words = f"{escape(signs(part.label))}{after}"
        self._boxes.append(f'<text class="middle" x="{x + width / 2:.1f}" y="{y + 15:.1f}">{words}</text>')

    def path(self, steps: str) -> None:
        self._lines.append(f'<path class="line" d="{steps}"/>')

    def arrow(self, x: float, y: float, to_y: float) -> None:
        self.path(f"M{x:.1f} {y:.1f}V{to_y - 5:.1f}")
        self._lines.append(f'<path class="head" d="M{x - 4:.1f} {to_y - 7:.1f}h8L{x:.1f} {to_y:.1f}z"/>')

    def sign(self, x: float, y: float, join: str) -> None:
        words = {"x": "\N{MULTIPLICATION SIGN}"}.get(join, join)
        half = JOIN if len(words) == 1 else wide(words, 6.4) / 2 + 8
        self.box(x - half, y - JOIN, 2 * half, 2 * JOIN, "sign", JOIN)
        self.text(x, y + 4, words, "middle")

    def file(self, width: float, height: float, title: str) -> str:
        size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
        inside = [*self._frames, *self._lines, *self._boxes]
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>',
                f"<title>{escape(title)}</title>",
                f"<style>{STYLE}</style>",
                '<rect class="paper" width="100%" height="100%"/>',
                *inside,
                "</svg>\n",
            ]
        )
