"""Two classifiers on the same images: are they different, by how much, and where?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lenext.data.draws import uniforms
from lenext.errors import DataError
from lenext.evaluation.intervals import Interval, wilson
from lenext.evaluation.metrics import Ints
from lenext.evaluation.text import NAME, aligned, bounds, counted, cut, per_cent, visible

SIGNIFICANT = 0.05  # the usual level; the p value is printed beside every verdict
RESAMPLES = 10_000
SHOWN = 20  # images and classes that the terminal lists; the document has all

BOOTSTRAP = (0, 0)  # seed and stream of the resamples: the same answers give the same interval, always


@dataclass(frozen=True, kw_only=True)
class Changed:
    """An image that one of the two recognises and the other does not."""

    name: str
    truth: str
    a: str
    b: str


@dataclass(frozen=True, kw_only=True)
class ClassChange:
    """One class: its images, how many each recognises, and how many only one of them does."""

    name: str
    support: int
    a: int
    b: int
    only_a: int
    only_b: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """only_a, only_b: images that only one recognises; p: McNemar's, exact, two-sided; difference: accuracy of a minus
    that of b with its paired bootstrap interval of 95 %.
    """

    images: int
    unreadable: tuple[Mapping[str, Any], ...]
    a: Interval
    b: Interval
    both: int
    only_a: int
    only_b: int
    neither: int
    p: float
    difference: Interval
    per_class: tuple[ClassChange, ...]
    changed: tuple[Changed, ...]

    @property
    def better(self) -> str | None:
        """ "a" or "b", None where chance alone could have made the difference."""
        if self.p >= SIGNIFICANT:
            return None
        return "a" if self.only_a > self.only_b else "b"

    @property
    def verdict(self) -> str:
        """One sentence for a person."""
        sides = f"{counted(self.only_a, 'image')} only A recognises, {self.only_b:,} only B; p = {self.p:.2g}"
        if self.better is None:
            return f"No difference found ({sides})."
        points = [100 * value for value in (self.difference.value, self.difference.low, self.difference.high)]
        if self.better == "b":
            points = [-points[0], -points[2], -points[1]]
        return (
            f"{self.better.upper()} is better by {points[0]:.2f} points, 95 % interval {points[1]:.2f} to "
            f"{points[2]:.2f} ({sides})."
        )

    def document(self) -> dict[str, Any]:
        """The comparison as plain JSON: fractions, lists and words."""
        return {
            "images": self.images,
            "unreadable": [dict(file) for file in self.unreadable],
            "top1": {"a": self.a.document(), "b": self.b.document()},
            "difference": self.difference.document(),
            "mcnemar": {
                "both": self.both,
                "only_a": self.only_a,
                "only_b": self.only_b,
                "neither": self.neither,
                "p": self.p,
            },
            "better": self.better,
            "verdict": self.verdict,
            "per_class": [
                {"class": row.name, **{key: value for key, value in asdict(row).items() if key != "name"}}
                for row in self.per_class
            ],
            "changed": [asdict(image) for image in self.changed],
        }


def compare(
    a: Ints,
    b: Ints,
    truth: Ints,
    *,
    names: Sequence[str],
    classes: Sequence[str],
    unreadable: Sequence[Mapping[str, Any]] = (),
) -> Comparison:
    """Compare the answers ``a`` and ``b`` (N, positions in ``classes``) for images whose class is ``truth``.

    ``classes`` may be more than the data have; ``names``: one for each image. Raises ``DataError`` without any image.
    """
    if not len(truth):
        raise DataError("There is not one readable image to compare on.", "See what is wrong with `lenext check`.")
    right_a, right_b = a == truth, b == truth
    images, only_a, only_b = len(truth), int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    changed = [
        Changed(name=names[row], truth=classes[truth[row]], a=classes[a[row]], b=classes[b[row]])
        for row in np.flatnonzero(right_a != right_b).tolist()
    ]
    return Comparison(
        images=images,
        unreadable=tuple(unreadable),
        a=wilson(int(right_a.sum()), images),
        b=wilson(int(right_b.sum()), images),
        both=int((right_a & right_b).sum()),
        only_a=only_a,
        only_b=only_b,
        neither=int((~right_a & ~right_b).sum()),
        p=mcnemar(only_a, only_b),
        difference=paired_difference(only_a, only_b, images),
        per_class=tuple(
            class_change(classes[label], truth == label, right_a, right_b) for label in np.unique(truth).tolist()
        ),
        changed=tuple(changed),
    )


def class_change(name: str, members: Any, right_a: Any, right_b: Any) -> ClassChange:
    """The row of one class; all three are N booleans."""
    return ClassChange(
        name=name,
        support=int(members.sum()),
        a=int((members & right_a).sum()),
        b=int((members & right_b).sum()),
        only_a=int((members & right_a & ~right_b).sum()),
        only_b=int((members & right_b & ~right_a).sum()),
    )


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact test of McNemar (1947): how probable so uneven a split of the changed images is between two equals.

    Two-sided: twice the tail of a binomial of one half, 1 at most; 1 where nothing changed.
    """
    from scipy.special import bdtr  # costs a tenth of a second

    changed = only_a + only_b
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), changed, 0.5))) if changed else 1.0


def paired_difference(only_a: int, only_b: int, images: int) -> Interval:
    """Accuracy of a minus accuracy of b, with the 95 % percentile interval of its paired bootstrap.

    A resample of the images matters only through how many it holds of those that one side alone recognises. So these
    two counts are drawn, by inversion of their exact distribution, in place of ``images`` rows.
    """
    from scipy.stats import binom

    draws = np.maximum(uniforms(BOOTSTRAP, 0, 0, RESAMPLES, 2), 2.0**-54)  # at 0 scipy answers -1
    of_a = binom.ppf(draws[:, 0], images, only_a / images)
    rest = images - of_a
    of_b = binom.ppf(draws[:, 1], rest, only_b / (images - only_a)) if only_b else np.zeros(RESAMPLES)
    low, high = np.quantile((of_a - of_b) / images, (0.025, 0.975))
    return Interval((only_a - only_b) / images, float(low), float(high))


def lines(comparison: Comparison) -> list[str]:
    """The comparison for a terminal: the verdict first, then where the two differ."""
    images = comparison.images
    text = [visible(comparison.verdict)]
    text += [
        f"{name}  top-1 {per_cent(part.value, images):>6} %   95 % interval {bounds(part, images)}"
        for name, part in (("A", comparison.a), ("B", comparison.b))
    ]
    text.append(f"{counted(images, 'image')}; both right on {comparison.both:,}, both wrong on {comparison.neither:,}")
    if comparison.unreadable:
        text.append(f"Left out, because they cannot be read: {len(comparison.unreadable):,}")
    return [*text, *_class_lines(comparison), *_image_lines(comparison)]


def _class_lines(comparison: Comparison) -> list[str]:
    rows = [row for row in comparison.per_class if row.only_a or row.only_b]
    if not rows:
        return []
    rows = sorted(rows, key=lambda row: -abs(row.only_a - row.only_b))[:SHOWN]
    head, *names = aligned("class", (row.name for row in rows))
    text = ["", f"{head}  images  A right  B right  only A  only B"]
    for name, row in zip(names, rows, strict=True):
        text.append(f"{name}  {row.support:>6}  {row.a:>7}  {row.b:>7}  {row.only_a:>6}  {row.only_b:>6}")
    return text


def _image_lines(comparison: Comparison) -> list[str]:
    if not comparison.changed:
        return []
    text = ["", "Images that changed sides:"]
    text += [
        f"  {visible(one.name)}: {cut(one.truth, NAME)}; A says {cut(one.a, NAME)}, B {cut(one.b, NAME)}"
        for one in comparison.changed[:SHOWN]
    ]
    more = len(comparison.changed) - SHOWN
    return [*text, f"  and {more:,} more: --json lists all."] if more > 0 else text
