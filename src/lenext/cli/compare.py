"""``lenext compare``."""

from __future__ import annotations

from typing import Any

import click

from lenext.cli.output import common, emit
from lenext.cli.watch import screen


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--data", required=True, help="A folder, a CSV or a built-in set, as for evaluate.")
@click.option("--protocol", default="single", help="ten-crop, vgg-dense ...; `lenext show` lists a network's.")
@click.option("--split", help="train, val, test or all; by default the images that trained neither.")
@click.option("--batch-size", type=click.IntRange(1), default=64, help="Images at once [64].")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
@click.option(
    "--precision", type=click.Choice(["auto", "fp32", "bf16"]), default="fp32", help="Of the networks' arithmetic."
)
@click.option("--workers", type=click.IntRange(0), default=2, help="Threads that read images [2].")
@click.option("--data-root", help="Where the files of built-in sets lie.")
@click.option("--on-bad", type=click.Choice(["skip", "stop"]), default="skip", help="When a file cannot be used.")
@common
def command(a: str, b: str, data: str, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Say whether A or B is better on the same images, whether that is chance, and where they differ.

    A and B are run folders, weight files, or networks' names for their published ImageNet weights.
    """
    from lenext.api.compare import measured
    from lenext.api.evaluate import EvaluateOptions

    with screen(quiet=quiet) as watcher:
        found = measured(a, b, data, EvaluateOptions(**asked), watcher)
    emit(found.document(), found.lines(), as_json=as_json)
