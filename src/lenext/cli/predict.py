"""``lenext predict``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lenext.cli.loading import loading
from lenext.cli.options import common, device, engine, file_to_write, paths_of, precision, weights, workers
from lenext.cli.output import emit, emit_each, end_unread
from lenext.cli.sections import SectionedCommand
from lenext.cli.watch import screen
from lenext.errors import DataError, UsageError

if TYPE_CHECKING:
    from lenext.training.watch import Watcher

SECTIONS = {
    "What is answered": ("weights", "top", "unknown"),
    "Where to": ("out", "resume"),
    "Machine": ("engine", "device", "precision", "batch_size", "workers"),
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("model")
@click.argument("paths", nargs=-1, required=True)
@weights
@click.option("--top", type=click.IntRange(1), default=1, help="Classes to name [1; 5 with --json, but in --out].")
@click.option("--unknown", type=float, metavar="SHARE", help="Say `unknown` rather than err in more of the answers.")
@click.option("--batch-size", type=click.IntRange(1), default=32, help="Images at once [32].")
@device
@precision
@engine
@click.option("--out", metavar="FILE", help="Write the answers to a .csv or .jsonl, line by line.")
@click.option("--resume", is_flag=True, help="Go on with --out: what it holds is not done again.")
@workers
@common
def command(
    model: str, paths: tuple[str, ...], as_json: bool, quiet: bool, out: str | None, resume: bool, **asked: Any
) -> None:
    """Name the class of images, or their labels: files, folders, globs, or - for a list of paths on standard input.

    MODEL is a run folder, a weight file, a folder of `lenext export`, which starts at once, or a network's name for its
    published ImageNet weights. Answers come in the order given, as they are computed, and however many files there are,
    only a few are held. A file that cannot be read is named and hides no other.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's threads, which nothing here uses, spin at their start
    with loading():
        from lenext.api.predict import predict

    context = click.get_current_context()
    if as_json and out is None and context.get_parameter_source("top") is click.core.ParameterSource.DEFAULT:
        asked["top"] = 5
    if resume and out is None:
        raise UsageError("--resume goes on with a file.", "Name it with --out.")
    with screen(quiet=quiet) as watcher:
        if out is not None:
            write_file(model, paths, out, resume=resume, as_json=as_json, watcher=watcher, asked=asked)
            return
        answers = predict(model, paths_of(paths), watcher=watcher, **asked)
    readable = emit_each(answers) if as_json else write_lines(answers, quiet=quiet)
    if not readable:
        end_unread(as_json=as_json)


def write_file(
    model: str, paths: tuple[str, ...], out: str, *, resume: bool, as_json: bool, watcher: Watcher, asked: Any
) -> None:
    """The answers into ``out``; its figures, or a line, to standard output."""
    from lenext.api.predict import predict
    from lenext.api.predictions_file import PredictionsFile

    start, count, readable = time.monotonic(), 0, 0
    place = file_to_write("--out", Path(out))
    with PredictionsFile(place, top=asked["top"], unknown=asked["unknown"] is not None, resume=resume) as file:
        before = len(file)
        for answer in predict(model, paths_of(paths), watcher=watcher, done=file, earlier=file, **asked):
            file.write(answer)
            count, readable = count + 1, readable + (answer["error"] is None)
        file.finish()
    document = {"out": out, "images": count, "unreadable": count - readable, "before": before}
    seconds = time.monotonic() - start
    line = f"{out}: {count:,} images, {count - readable:,} unreadable, {before:,} were there; {seconds:.1f} s"
    emit(document | {"seconds": round(seconds, 3)}, [line], as_json=as_json)
    if count and not readable:
        click.get_current_context().exit(DataError.exit_status)


def write_lines(answers: Iterator[dict[str, Any]], *, quiet: bool) -> int:
    """A line a file: path, then class and probability of each answer."""
    from lenext.evaluation.text import visible

    readable = 0
    for answer in answers:
        if answer["error"] is None:
            readable += 1
            shown = answer.get("labels", answer["predictions"])  # of any number of labels those that are given
            named = [f"{visible(one['class'])} {one['probability']:.4f}" for one in shown] or ["(no label)"]
            silent = ["unknown"] if answer.get("doubt") and answer["doubt"]["reasons"] else []
            click.echo("\t".join([visible(answer["path"]), *silent, *named]))
        elif not quiet:
            reason = f"{answer['error']['message']} [{answer['error']['kind']}]"
            click.echo(f"{visible(answer['path'])}: {reason}", err=True)
    return readable
