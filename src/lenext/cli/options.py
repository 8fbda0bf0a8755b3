"""Options and arguments that several verbs share, and how they are read."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TypeVar

import click

from lenext.errors import UsageError

Function = TypeVar("Function", bound=Callable[..., Any])

weights = click.option(
    "--weights", help="With a network's name: its published weights, as `lenext show` lists them [the best]."
)
device = click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
precision = click.option(
    "--precision", type=click.Choice(["auto", "fp32", "bf16"]), default="fp32", help="Of the arithmetic [fp32]."
)
engine = click.option("--engine", help="eager, compiled, openvino, onnxruntime or auto: the fastest here [eager].")
workers = click.option("--workers", type=click.IntRange(0), default=2, help="Threads that read images [2].")
data_root = click.option("--data-root", help="Where the files of built-in sets lie.")
on_bad = click.option(
    "--on-bad", type=click.Choice(["skip", "stop"]), default="skip", help="When a file cannot be used."
)


def measuring(function: Function) -> Function:
    """What every measurement on a data set can be asked for."""
    options = (
        click.option("--protocol", default="single", help="resnet-ten-crop, vgg-dense ...; `lenext show` names more."),
        click.option("--split", help="train, val, test or all; by default the images that did not train."),
        click.option("--batch-size", type=click.IntRange(1), default=64, help="Images at once [64]."),
        device, precision, workers, data_root, on_bad,
    )  # fmt: skip
    return reduce(lambda done, option: option(done), reversed(options), function)


def common(function: Function) -> Function:
    """--json and --quiet."""
    quiet = click.option("--quiet", is_flag=True, help="No progress and no messages.")
    as_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
    return quiet(as_json(function))


def options_of(words: tuple[str, ...]) -> dict[str, Any]:
    """``--option name=value`` as a mapping; values are read as JSON, or as text."""
    options = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise UsageError(f"--option {word!r} has no value.", "Write it as --option shortcut=A.")
        try:
            options[name] = json.loads(text)
        except json.JSONDecodeError:
            options[name] = text
    return options


def paths_of(words: Sequence[str]) -> Iterable[str]:
    """The paths given; where - is one, those on standard input in its place, any number, as they come."""
    if "-" not in words:
        return [word for word in words if word]
    if isinstance(sys.stdin, TextIOWrapper):  # a path may be any bytes
        sys.stdin.reconfigure(errors="surrogateescape")
    lines = (path_in(line) for line in sys.stdin)
    return (path for word in words for path in (lines if word == "-" else [word]) if path)


def path_in(line: str) -> str:
    """The path on a line; of a list that Windows wrote, without the mark before the first and what ends each."""
    path = line.rstrip("\n")
    plain = path.removeprefix("\ufeff").removesuffix("\r")
    return plain if plain != path and not os.path.lexists(path) else path


def file_to_write(option: str, file: Path) -> Path:
    """The file; what cannot be written for want of a folder is refused before the work."""
    if file.is_dir():
        raise UsageError(f"{option}: {str(file)!r} is a folder.", "Name a file.")
    if not file.parent.is_dir():
        raise UsageError(
            f"{option}: there is no folder {str(file.parent)!r}.", "Make it, or name a file in one that exists."
        )
    return file
