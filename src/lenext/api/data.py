"""A data set made ready: found, scanned, described, split; the same steps for training, evaluation and ``check``."""

from __future__ import annotations

from collections.abc import Sequence

from lenext.data.duplicates import contents, equal_groups, exact_twins
from lenext.data.duplicates import problems as twin_problems
from lenext.data.item import LEFT_OUT, Problem
from lenext.data.known import Known
from lenext.data.listing import Listing, find, part, with_problems
from lenext.data.scan import scan, summary
from lenext.errors import DataError
from lenext.evaluation.text import visible
from lenext.training.watch import Watcher

HARMLESS = frozenset({"litter", "class-empty"})  # kinds of problems that take no picture from the data
NAMED = 20  # problems that are written out one by one; the run folder and `lenext check` hold all


def ready(
    spec: str,
    *,
    data_root: str | None,
    workers: int,
    on_bad: str,
    watcher: Watcher,
    least: int = 2,
    channels: Sequence[int] | None = None,
    known: Known | None = None,
) -> Listing:
    """The data set that ``spec`` names with every image decoded once; problems are said before anything is done.

    channels: numbers that every image must be readable with; None for the data's own; known: what a run read before.
    Raises DataError when a file must be left out and ``on_bad`` is "stop".
    """
    found = find(spec, data_root=data_root, least=least)
    scanned = scan(found, workers=max(1, workers), progress=watcher.scan, least=least, channels=channels, known=known)
    listing = with_twins(scanned)
    for line in (*summary(listing), *problem_lines(listing)):
        watcher.message(line)
    bad = left_out(listing)
    if bad and on_bad == "stop":
        raise DataError(
            f"{len(bad)} of the files cannot be used, first {bad[0]['path']}: {bad[0]['message']}",
            "Repair or remove them, or leave them out with --on-bad skip.",
        )
    return listing


def with_twins(listing: Listing) -> Listing:
    """The listing with a remark on every picture that stands, equal to the byte, in two splits or classes."""
    pairs = exact_twins(listing, equal_groups(contents(listing) or ()))
    grave = [pair for pair in pairs if "duplicate" not in pair.kinds]
    return with_problems(listing, [*listing.problems, *twin_problems(listing, grave)]) if grave else listing


def problem_lines(listing: Listing) -> list[str]:
    """What was left out, each on a line; of remarks the first of each kind. ``NAMED`` lines at most."""
    bad = [problem for problem in listing.problems if problem.action == LEFT_OUT]
    remarks = {problem.kind: problem for problem in reversed(listing.problems) if problem.action != LEFT_OUT}
    lines = [f"  {problem_line(problem)}" for problem in (*bad, *remarks.values())][:NAMED]
    rest = len(listing.problems) - len(lines)
    return [*lines, f"  and {rest:,} more: see `lenext check`."] if rest else lines


def problem_line(problem: Problem) -> str:
    """A problem for a person: what was done, with which file, and why."""
    return f"{problem.action}: {visible(problem.path)}: {visible(problem.message)} [{problem.kind}]"


def left_out(listing: Listing) -> list[dict[str, str]]:
    """The files that were found and cannot be used; what systems leave behind is not among them."""
    bad = [p for p in listing.problems if p.action == LEFT_OUT and p.kind not in HARMLESS]
    return [{"path": problem.path, "kind": problem.kind, "message": problem.message} for problem in bad]


def counts(listing: Listing) -> dict[str, dict[str, int]]:
    """Images by split and class."""
    table = {}
    for split in listing.splits:
        sizes = part(listing, split).sizes(len(listing.classes)).tolist()
        table[split] = dict(zip(listing.classes, sizes, strict=True))
    return table
