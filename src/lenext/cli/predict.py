"""``lenext predict``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click

from lenext.cli.output import common, json_text
from lenext.cli.watch import screen
from lenext.errors import DataError


@click.command()
@click.argument("model")
@click.argument("paths", nargs=-1, required=True)
@click.option("--weights", help="With a network's name: its published weights, as `lenext show` lists them [the best].")
@click.option("--top", type=click.IntRange(1), default=1, help="Classes to name [1; 5 with --json].")
@click.option("--unknown", type=float, metavar="SHARE", help="Say `unknown` rather than err in more of the answers.")
@click.option("--batch-size", type=click.IntRange(1), default=32, help="Images at once [32].")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
@click.option("--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", help="Of the network's arithmetic.")
@click.option("--workers", type=click.IntRange(0), default=2, help="Threads that read images [2].")
@common
def command(model: str, paths: tuple[str, ...], as_json: bool, quiet: bool, **asked: Any) -> None:
    """Name the class of images, or their labels: files, folders, globs, or - for a list of paths on standard input.

    MODEL is a run folder, a weight file, or a network's name for its published ImageNet weights.
    Answers come in the order given, as they are computed. A file that cannot be read is named and hides no other.
    """
    from lenext.api.predict import predict

    context = click.get_current_context()
    if as_json and context.get_parameter_source("top") is click.core.ParameterSource.DEFAULT:
        asked["top"] = 5
    given = [path for word in paths for path in ([line.rstrip("\n") for line in sys.stdin] if word == "-" else [word])]
    with screen(quiet=quiet) as watcher:
        answers = predict(model, [path for path in given if path], watcher=watcher, **asked)
    readable = write_json(answers) if as_json else write_lines(answers, quiet=quiet)
    if not readable and as_json:  # the document names the reasons; a second one would make it unreadable
        context.exit(DataError.exit_status)
    if not readable:
        raise DataError("None of the files could be read.", "See the reason beside each.")


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
