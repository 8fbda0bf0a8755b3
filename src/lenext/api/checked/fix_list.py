"""The list of what a data set would be better without: paths, by which a person may act. Nothing is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lenext.api.check import Checked
from lenext.evaluation.text import visible
from lenext.weights.durable import write_file

HOW = """\
# What `lenext check` would leave out of {name}: one path a line, below {root}.
# Nothing was deleted. Read the list, take out the lines that you disagree with, then move the files away, as by
#   mkdir -p ../left-out && grep -v '^#' THIS_FILE | xargs -d '\\n' mv --backup=numbered -t ../left-out --
# in that folder. Each line is led by its reasons. Doubtful labels stand at the end and are no more than remarks.
"""


def write_fix_list(path: Path, found: Checked) -> None:
    """Write the list, whole or not at all. Raises ``Failed`` where it cannot be written."""
    header = HOW.format(name=visible(found.listing.name), root=visible(str(found.listing.root.resolve())))
    text = header + "".join(f"{line}\n" for line in lines(found))
    write_file(path, text.encode("utf-8", "surrogateescape"), resumes=False)


def lines(found: Checked) -> Iterator[str]:
    """Reasons as comments and paths; a path that cannot stand on a line of its own is a comment, too."""
    reasons: dict[str, list[str]] = {}
    for problem in found.listing.problems:
        reasons.setdefault(problem.path, []).append(f"# {problem.kind}: {visible(problem.message)}")
    for path in found.leave_out():
        yield from reasons.get(path, ())
        yield as_line(path)
    yield from doubted(found)


def doubted(found: Checked) -> Iterable[str]:
    left = set(found.leave_out())
    for doubt in found.doubts:
        path = found.listing.items[doubt.row].path
        if path not in left:
            yield f"# label, perhaps {visible(found.answers[doubt.answer])}: {visible(path)}"


def as_line(path: str) -> str:
    """The path as a line; one that begins like a comment or an option begins with ``./``."""
    if visible(path) != path and any(char in path for char in "\r\n"):
        return f"# (a name with a line break) {visible(path)}"
    return f"./{path}" if path.startswith(("#", "-")) else path
