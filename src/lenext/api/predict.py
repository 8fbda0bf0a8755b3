"""``lenext.predict``: classes and probabilities of image files, in the order given, a bad file never hiding another.

Nothing here imports torch: a network that was exported to ONNX or OpenVINO is run without it.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenext.api.options import PredictOptions, paths_given, read_options
from lenext.data.ahead import read_ahead
from lenext.data.collector import at_rest
from lenext.data.folder import entries, files_below
from lenext.data.item import Problem
from lenext.engines.artefact import is_artefact
from lenext.engines.opening import FOUR, check_name
from lenext.errors import ImageError, UsageError
from lenext.evaluation.memory import enough_memory
from lenext.training.watch import Silent, Watcher

if TYPE_CHECKING:
    from lenext.api.predictions_file import PredictionsFile
    from lenext.api.trained.recognise import Recogniser
    from lenext.evaluation.trust import Doubt

UNKNOWN = "unknown"


UNREAD = frozenset({"name", "special-file", "unreadable", "loop"})  # kinds of what a folder holds beside files

File = str | Problem  # a path, or what lies there and why it is no file


@dataclass(frozen=True)
class Shown:
    """One file read: its test view, or why there is none."""

    path: str
    view: Any
    error: dict[str, str] | None


def predict(
    model: str | Path,
    paths: str | Path | Iterable[str | Path],
    *,
    watcher: Watcher | None = None,
    done: Container[str] = (),
    earlier: PredictionsFile | None = None,
    **asked: Any,
) -> Iterator[dict[str, Any]]:
    """For each image ``{"path", "predictions": [{"class", "probability"}], "error"}``, as it is computed.

    model: a run folder, a weight file, a folder that ``lenext.export`` made, or a network's name for its published
    ImageNet weights; paths: files, folders (searched through) and globs; done: paths that are passed over; earlier:
    answers that the network must give again; asked: ``PredictOptions``. A file that cannot be read has no predictions
    and an error ``{"kind", "message"}``. A network that gives any number of labels names them under ``labels``, each
    with its probability, None for a file that cannot be read. With ``unknown`` there are an ``answer`` (a class or
    "unknown") and the ``doubt`` that decided it.
    """
    options = read_options(PredictOptions, asked, "lenext.predict")
    if options.top < 1 or options.batch_size < 1 or options.workers < 0:
        raise UsageError("--top and --batch-size count from 1, --workers from 0.", "Give whole numbers.")
    if options.engine is not None:
        check_name(options.engine)
    given = paths_given("lenext.predict", paths)
    recogniser = opened(model, options, watcher or Silent(), many=are_many(given))
    if earlier is not None and earlier.last:
        earlier.compare(answers(recogniser, earlier.last, replace(options, top=len(recogniser.classes))))
    files = (file for path in given for file in expand(path))
    first = next(files, None)
    if first is None:
        raise nothing_at(given)
    wanted = (file for file in chain([first], files) if path_of(file) not in done)
    return answers(recogniser, wanted, options)


def nothing_at(given: Iterable[str]) -> UsageError:
    """What to raise where no path leads to an image."""
    named = ", ".join(given) if isinstance(given, Sequence) else ""
    where = f"No image was found at {named}." if named else "No image was named."
    return UsageError(where, "Give files, folders that hold some or globs, or - for a list on standard input.")


def are_many(given: Iterable[str]) -> bool:
    """Whether more than a few files are meant; of what comes one by one, as by standard input, nobody knows."""
    paths = given if isinstance(given, Sequence) else ()
    return len(paths) >= FOUR or any(os.path.isdir(path) or glob.has_magic(path) for path in paths)


@at_rest()
def opened(model: str | Path, options: PredictOptions, watcher: Watcher, *, many: bool = False) -> Recogniser:
    """The network, by an exported file without torch or by torch."""
    if is_artefact(model):
        from lenext.api.trained.exported import Exported

        return Exported(Path(model), options, watcher, many=many)
    from lenext.api.trained.recognise import recogniser  # brings torch

    return recogniser(model, options, watcher)


def answers(recogniser: Recogniser, files: Iterable[File], options: PredictOptions) -> Iterator[dict[str, Any]]:
    """The answers, batch by batch; of the files, and of their pictures, only those of the next batches are held."""

    def show(file: File) -> Shown:
        if isinstance(file, Problem):
            return Shown(file.path, None, {"kind": file.kind, "message": file.message})
        try:
            return Shown(file, recogniser.show(file), None)
        except ImageError as error:
            return Shown(file, None, {"kind": error.reason, "message": error.message})

    def read(some: list[File]) -> list[Shown]:
        return [show(file) for file in some]

    jobs = batches(files, options.batch_size, grows=recogniser.grows)
    for batch in read_ahead(read, jobs, options.workers):
        views = [shown.view for shown in batch if shown.view is not None]
        with enough_memory(len(views)):
            found, doubted = recogniser.recognise(views) if views else ((), None)
        scores, doubts = iter(found), iter(doubted or ())
        for shown in batch:
            seen = shown.view is not None
            given = next(scores) if seen else None
            predictions = ranked(given, recogniser.classes, options.top) if seen else []
            answer = {"path": shown.path, "predictions": predictions, "error": shown.error}
            if recogniser.cuts is not None:
                answer["labels"] = reached(given, recogniser.classes, recogniser.cuts) if seen else None
            if options.unknown is not None:
                answer |= decided(predictions, next(doubts) if seen else None)
            yield answer


def batches(files: Iterable[File], size: int, *, grows: bool) -> Iterator[list[File]]:
    """The files, ``size`` together; where batches grow, the first is of one file and each of twice as many."""
    waiting, now = iter(files), 1 if grows else size
    while batch := list(islice(waiting, now)):
        yield batch
        now = min(size, 2 * now)


def decided(predictions: Sequence[Mapping[str, Any]], doubt: Doubt | None) -> dict[str, Any]:
    """The best class, or "unknown" where there is a reason to doubt; both None for a file that cannot be read."""
    if doubt is None:
        return {"answer": None, "doubt": None}
    return {"answer": UNKNOWN if doubt.reasons else predictions[0]["class"], "doubt": doubt.document()}


def ranked(scores: Any, classes: Sequence[str], top: int) -> list[dict[str, Any]]:
    """The ``top`` most probable classes, the first of equals first; scores: float32, one for each class."""
    order = (-scores).argsort(kind="stable")[:top]
    return [{"class": classes[index], "probability": float(scores[index])} for index in order]


def reached(scores: Any, classes: Sequence[str], cuts: Sequence[float]) -> list[dict[str, Any]]:
    """The labels whose probability is their threshold or more, the most probable first."""
    chosen = {name for name, score, cut in zip(classes, scores, cuts, strict=True) if score >= cut}
    return [one for one in ranked(scores, classes, len(classes)) if one["class"] in chosen]


def path_of(file: File) -> str:
    return file.path if isinstance(file, Problem) else file


def expand(path: str) -> Iterator[File]:
    """The files that a path means: all below a folder, the matches of a glob, itself.

    What lies in a folder and cannot be read as a file comes last; what is called like no picture is passed over.
    """
    if os.path.isdir(path):
        root, passed_over = Path(path), list[Problem]()
        folders, files = entries(root, "", passed_over)
        below = (file for folder in folders for file in files_below(root, folder, passed_over))
        yield from (os.path.join(path, file) for file in chain(files, below))
        unread = (problem for problem in passed_over if problem.kind in UNREAD)
        yield from (replace(problem, path=os.path.join(path, problem.path)) for problem in unread)
    elif glob.has_magic(path) and not os.path.exists(path):
        for match in sorted(glob.glob(path, recursive=True)):
            yield from expand(match)
    else:
        yield path
