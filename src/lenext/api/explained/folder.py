"""The folder that ``lenext explain`` writes: a picture for each file and one page of them all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lenext.api.explained.explanation import Explained
from lenext.errors import UsageError
from lenext.evaluation.pages import address, as_image, shrunk
from lenext.explanation.overlay import drawn_size, layer, overlay, png
from lenext.explanation.page import PAGE, SIDE, THUMB, Entry, Near, page
from lenext.weights.durable import cannot_write, write_file

LEAST, MOST = 256, 1024  # pixels of the longer side of a picture in the folder
INDEX = "index.html"


@dataclass(frozen=True)
class Folder:
    """A new or empty folder."""

    path: Path

    @property
    def index(self) -> Path:
        """The page."""
        return self.path / INDEX

    def filled(self, entries: Iterator[Explained], model: str, method: str) -> Iterator[Explained]:
        """The same explanations, each once its picture is written; the page is, after the last."""
        kept: list[Entry] = []
        total = 0
        try:
            for total, one in enumerate(entries, 1):
                written = self._write(one, total)
                if total <= PAGE:
                    kept.append(entry(written))
                yield written
        finally:  # also where the work is stopped: what is done is shown
            if any(not one.error for one in kept):
                write_file(self.index, page(model, method, kept, total), resumes=False)
            else:
                with suppress(OSError):
                    self.path.rmdir()

    def _write(self, one: Explained, number: int) -> Explained:
        data = drawing(one)
        if data is None:
            return one
        name = f"{number:04}-{plain_stem(one.path)}-{one.method}.png"
        write_file(self.path / name, data, resumes=False)
        return replace(one, map=str(self.path / name))


def open_folder(path: Path) -> Folder:
    """Make the folder. Raises UsageError for one that holds something."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} already holds something.", "Choose another folder with --out.")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(path, error, resumes=False) from error
    return Folder(path)


def free(path: Path) -> Path:
    """The path itself, or with the first number at which nothing stands."""
    number, chosen = 1, path
    while chosen.exists():
        number += 1
        chosen = path.with_name(f"{path.name}-{number}")
    return chosen


def plain_stem(path: str | None) -> str:
    """A file's name in letters that are safe in any name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", Path(path).stem)[:40] if path else "network"


def drawing(one: Explained) -> bytes | None:
    """The PNG file of an explanation: the map on its picture, or its sheet."""
    if one.sheet is not None:
        return png(one.sheet)
    if one.on_view is None or one.placement is None or one.picture is None:
        return None
    height, width = drawn_size(one.picture.shape[0], one.picture.shape[1], LEAST, MOST)
    return overlay(one.picture, *(part.numpy() for part in one.placement.lay(one.on_view, height, width)))


def entry(one: Explained) -> Entry:
    """An explanation as the page shows it."""
    picture = above = ""
    tiny = False
    if one.sheet is not None:
        picture, tiny = address(png(one.sheet)), True
    elif one.picture is not None and one.on_view is not None and one.placement is not None:
        height, width = drawn_size(one.picture.shape[0], one.picture.shape[1], LEAST, SIDE)
        above = address(layer(*(part.numpy() for part in one.placement.lay(one.on_view, height, width))))
        picture, tiny = shrunk(as_image(one.picture), SIDE).address, max(one.picture.shape) < LEAST
    return Entry(
        path=one.path or "",
        answer=one.class_ or "",
        probability=one.probability,
        predicted=one.predicted if one.predicted and one.predicted != one.class_ else "",
        stage=one.stage,
        said=one.said,
        doubtful=one.doubtful,
        picture=picture,
        layer=above,
        tiny=tiny,
        near=[Near(n.name, n.label, n.distance, shrunk(as_image(n.picture), THUMB).address) for n in one.near],
        error=one.error["message"] if one.error else "",
    )
