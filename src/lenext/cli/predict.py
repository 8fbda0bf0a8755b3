"""``lenext predict``."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from lenext.cli.output import common, emit, json_text
from lenext.cli.watch import screen
from lenext.errors import DataError, UsageError

if TYPE_CHECKING:
    from lenext.training.watch import Watcher


@click.command()
@click.argument("model")
@click.argument("paths", nargs=-1, required=True)
@click.option("--weights", help="With a network's name: its published weights, as `lenext show` lists them [the best].")
@click.option("--top", type=click.IntRange(1), default=1, help="Classes to name [1; 5 with --json].")
@click.option("--unknown", type=float, metavar="SHARE", help="Say `unknown` rather than err in more of the answers.")
@click.option("--batch-size", type=click.IntRange(1), default=32, help="Images at once [32].")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
@click.option(
    "--precision", type=click.Choice(["auto", "fp32", "bf16"]), default="fp32", help="Of the network's arithmetic."
)
@click.option("--engine", help="eager, compiled, openvino, onnxruntime or auto: the fastest here [eager].")
@click.option("--out", metavar="FILE", help="Write the answers to a .csv or .jsonl, line by line.")
@click.option("--resume", is_flag=True, help="Go on with --out: what it holds is not done again.")
@click.option("--workers", type=click.IntRange(0), default=2, help="Threads that read images [2].")
@common
def command(
    model: str, paths: tuple[str, ...], as_json: bool, quiet: bool, out: str | None, resume: bool, **asked: Any
) -> None:
    """Name the class of images, or their labels: files, folders, globs, or - for a list of paths on standard input.

    MODEL is a run folder, a weight file, a folder of `lenext export`, which starts at once, or a network's name for its
    published ImageNet weights. Answers come in the order given, as they are computed, and however many files there are,
    only a few are held. A file that cannot be read is named and hides no other.
    """
    from lenext.api.predict import predict

    context = click.get_current_context()
    if as_json and context.get_parameter_source("top") is click.core.ParameterSource.DEFAULT:
        asked["top"] = 5
    if resume and out is None:
        raise UsageError("--resume goes on with a file.", "Name it with --out.")
    with screen(quiet=quiet) as watcher:
        if out is not None:
            write_file(model, paths, out, resume=resume, as_json=as_json, watcher=watcher, asked=asked)
            return
        answers = predict(model, named(paths), watcher=watcher, **asked)
    readable = write_json(answers) if as_json else write_lines(answers, quiet=quiet)
    if not readable and as_json:  # the document names the reasons; a second one would make it unreadable
        context.exit(DataError.exit_status)
    if not readable:
        raise DataError(NONE_READ, BESIDE)


NONE_READ, BESIDE = "None of the files could be read.", "See the reason beside each."


def named(paths: tuple[str, ...]) -> Iterator[str]:
    """The paths given, and those on standard input, which may be any number, as they come."""
    for word in paths:
        lines = (line.rstrip("\n") for line in sys.stdin) if word == "-" else [word]
        yield from (path for path in lines if path)


def write_file(
    model: str, paths: tuple[str, ...], out: str, *, resume: bool, as_json: bool, watcher: Watcher, asked: Any
) -> None:
    """The answers into ``out``; its figures, or a line, to standard output."""
    from lenext.api.predict import predict
    from lenext.api.predictions_file import PredictionsFile

    start, count, readable = time.monotonic(), 0, 0
    with PredictionsFile(out, top=asked["top"], unknown=asked["unknown"] is not None, resume=resume) as file:
        before = len(file)
        for answer in predict(model, named(paths), watcher=watcher, done=file, **asked):
            file.write(answer)
            count, readable = count + 1, readable + (answer["error"] is None)
        file.finish()
    document = {"out": out, "images": count, "unreadable": count - readable, "before": before}
    seconds = time.monotonic() - start
    line = f"{out}: {count:,} images, {count - readable:,} unreadable, {before:,} were there; {seconds:.1f} s"
    emit(document | {"seconds": round(seconds, 3)}, [line], as_json=as_json)
    if count and not readable:
        click.get_current_context().exit(DataError.exit_status)


def write_json(answers: Iterator[dict[str, Any]]) -> int:
    """One JSON list, written as it grows; returns how many files were readable."""
    readable, opening = 0, "["
    for answer in answers:
        click.echo(opening + json_text(answer), nl=False)
        readable, opening = readable + (answer["error"] is None), ",\n"
    click.echo("]")
    return readable


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
