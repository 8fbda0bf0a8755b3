"""``lenext evaluate``."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from lenext.cli.failure import fail
from lenext.cli.output import common, emit
from lenext.cli.watch import screen


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.argument("data")
@click.option("--weights", help="With a network's name: its published weights, as `lenext show` lists them [the best].")
@click.option("--protocol", default="single", help="ten-crop, vgg-dense ...; `lenext show` lists a network's.")
@click.option("--split", help="train, val, test or all; by default the images that did not train.")
@click.option("--unknown", type=float, metavar="SHARE", help="Wrong among the answers, or say `unknown` [the run's].")
@click.option("--against", metavar="DATA", help="Other images, which the network should not know.")
@click.option("--batch-size", type=click.IntRange(1), default=64, help="Images at once [64].")
@click.option("--device", default="auto", help="auto, cpu, cuda, cuda:1 ...")
@click.option(
    "--precision", type=click.Choice(["auto", "fp32", "bf16"]), default="fp32", help="Of the network's arithmetic."
)
@click.option("--engine", help="eager, compiled, openvino, onnxruntime or auto: the fastest here [eager].")
@click.option("--workers", type=click.IntRange(0), default=2, help="Threads that read images [2].")
@click.option("--data-root", help="Where the files of built-in sets lie.")
@click.option("--on-bad", type=click.Choice(["skip", "stop"]), default="skip", help="When a file cannot be used.")
@common
def command(models: tuple[str, ...], data: str, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Measure MODEL on DATA: every image once, every figure with its interval.

    MODEL is a run folder, a weight file, or a network's name for its published ImageNet weights. Several are an
    ensemble: the mean of their probabilities answers. Started by torchrun, the processes share the images.
    """
    from lenext.api.evaluate import EvaluateOptions, measured
    from lenext.evaluation import abroad
    from lenext.parallel.place import place

    first, last_words = place().first, partial(fail, arguments=sys.argv[1:])
    with screen(quiet=quiet or not first) as watcher:
        found = measured(models, data, EvaluateOptions(**asked), watcher, last_words)
    if not first:
        return
    elsewhere = [] if found.abroad is None else abroad.lines(found.abroad)
    text = [*found.evaluation.lines(), *found.trust.lines(), *elsewhere]
    emit(found.document(), text, as_json=as_json)
