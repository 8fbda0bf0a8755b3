"""A network before images of another set: whether it notices that they are none of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lenext.evaluation import novelty
from lenext.evaluation.intervals import Interval, wilson
from lenext.evaluation.novelty import Detection
from lenext.evaluation.text import per_cent, visible
from lenext.evaluation.trust import Rule, Shown


@dataclass(frozen=True, kw_only=True)
class Abroad:
    """What became of ``images`` images of the set ``data``.

    unknown: the share answered `unknown`; novel: the share that looks new, whatever the confidence; by_novelty,
    by_confidence: how well either score alone tells them from the images of the measurement; the first is None where
    the weight file has no score.
    """

    data: str
    images: int
    unknown: Interval
    novel: Interval
    by_novelty: Detection | None
    by_confidence: Detection

    def document(self) -> dict[str, Any]:
        return {
            "data": self.data,
            "images": self.images,
            "unknown": self.unknown.document(),
            "novel": self.novel.document(),
            "novelty": None if self.by_novelty is None else self.by_novelty.document(),
            "confidence": self.by_confidence.document(),
        }


def abroad(rule: Rule, own: Shown, others: Shown, data: str) -> Abroad:
    """Show a network others than its ``own`` images."""
    scores, strange = rule.novelty(own.features), rule.novelty(others.features)
    doubt, elsewhere = (1 - rule.probabilities(shown).max(axis=1) for shown in (own, others))
    images = len(others.labels)
    return Abroad(
        data=data,
        images=images,
        unknown=wilson(int((~rule.answered(others)).sum()), images),
        novel=wilson(int(rule.novel(others.features).sum()), images),
        by_novelty=None if scores is None or strange is None else novelty.detection(scores, strange),
        by_confidence=novelty.detection(doubt, elsewhere),
    )


def lines(found: Abroad) -> list[str]:
    """The finding for a terminal."""

    def span(part: Interval, images: int) -> str:
        low, high = per_cent(part.low, images), per_cent(part.high, images)
        return f"{per_cent(part.value, images)} % (95 % interval {low} to {high})"

    text = [
        "",
        f"Against {visible(found.data)}, {found.images:,} images: {span(found.unknown, found.images)} answered unknown",
    ]
    for name, one in (("novelty", found.by_novelty), ("confidence", found.by_confidence)):
        if one is not None:
            text.append(
                f"  by {name}: AUROC {one.auroc.value:.4f} ({one.auroc.low:.4f} to {one.auroc.high:.4f}); "
                f"{span(one.fpr, found.images)} false alarms where 95 % of them are found"
            )
    return text
