"""The page of a check, with its pictures: pairs side by side, doubtful labels one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lenext.api.check import Checked
from lenext.api.data import counts
from lenext.data.duplicates import Twins
from lenext.data.item import LEFT_OUT
from lenext.data.scan import summary
from lenext.errors import ImageError
from lenext.evaluation.confident import DoubtfulLabel
from lenext.evaluation.label_measure import NONE
from lenext.evaluation.pages import Picture, environment, picture
from lenext.protocol import MULTICLASS
from lenext.weights.durable import write_file

PROBLEMS = 1000  # that the page names one by one
SHOWN = 120  # pairs, and as many doubtful labels; each is a picture in the file
GRAVITY = ("two-classes", "leak", "duplicate", "near-duplicate")  # the worst first
TITLES = {
    "two-classes": "In two classes", "leak": "In two splits", "duplicate": "Twice", "near-duplicate": "Nearly the same",
}  # fmt: skip
OTHER_LABELS = {**TITLES, "two-classes": "With different labels"}  # where an image may have several


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One picture with its path, and where it belongs: class and split."""

    path: str
    place: str
    picture: Picture | None


@dataclass(frozen=True, kw_only=True)
class Group:
    """Pictures side by side, under a title that says what is the matter with them."""

    title: str
    note: str
    pictures: Sequence[Shown]


def write_page(path: Path, found: Checked) -> None:
    """Write the page, whole or not at all. Raises ``Failed`` where it cannot be written."""
    listing = found.listing
    pairs = sorted(found.pairs, key=lambda pair: (GRAVITY.index(pair.kinds[0]), pair.first, pair.second))
    groups = [pair_group(found, pair) for pair in pairs[:SHOWN]] + [doubt_group(found, d) for d in found.doubts[:SHOWN]]
    problems = sorted(listing.problems, key=lambda problem: problem.action != LEFT_OUT)
    images = counts(listing)
    largest = max((count for split in images.values() for count in split.values()), default=1)
    html = (
        environment()
        .get_template("check.html")
        .render(
            listing=listing,
            lines=summary(listing),
            counts=images,
            groups=groups,
            more=len(pairs) + len(found.doubts) - len(groups),
            kinds=Counter(problem.kind for problem in problems),
            classes=sorted({name for split in images.values() for name in split}),
            largest=max(1, largest),
            problems=problems[:PROBLEMS],
        )
    )
    write_file(path, html.encode("utf-8", "backslashreplace"), resumes=False)


def pair_group(found: Checked, pair: Twins) -> Group:
    note = "equal to the pixel" if pair.exact else f"{100 * pair.difference:.2f} % of the variance differs"
    titles = TITLES if found.listing.task == MULTICLASS else OTHER_LABELS
    title = " and ".join((titles[pair.kinds[0]], *(titles[kind].lower() for kind in pair.kinds[1:])))
    return Group(title=title, note=note, pictures=[shown(found, pair.first), shown(found, pair.second)])


def doubt_group(found: Checked, doubt: DoubtfulLabel) -> Group:
    item, answer = found.listing.items[doubt.row], found.answers[doubt.answer]
    note = f"the model says {answer} ({doubt.probability:.3f}; for the label {doubt.given:.3f})"
    return Group(title=f"Labelled {item.label}", note=note, pictures=[shown(found, doubt.row)])


def shown(found: Checked, index: int) -> Shown:
    item = found.listing.items[index]
    place = ", ".join(part for part in (*found.listing.classes_of(item), item.split) if part) or NONE
    return Shown(path=item.path, place=place, picture=read(found, index))


def read(found: Checked, index: int) -> Picture | None:
    """The picture, or none where the file was taken away meanwhile."""
    try:
        return picture(found.listing.images.read(index, 3, 255).permute(1, 2, 0).numpy())
    except ImageError:
        return None
