"""``lenext evaluate``."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from lenext.cli.failure import fail
from lenext.cli.loading import loading
from lenext.cli.options import common, engine, measuring, weights
from lenext.cli.output import emit
from lenext.cli.sections import SectionedCommand
from lenext.cli.watch import screen
from lenext.errors import UsageError

SECTIONS = {
    "What is measured": ("weights", "protocol", "split", "unknown", "against"),
    "Data": ("on_bad", "data_root", "workers"),
    "Machine": ("engine", "device", "precision", "batch_size"),
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("models", nargs=-1, metavar="MODEL...")
@click.argument("data")
@weights
@click.option("--unknown", type=float, metavar="SHARE", help="Wrong among the answers, or say `unknown` [the run's].")
@click.option("--against", metavar="DATA", help="Other images, which the network should not know.")
@engine
@measuring
@common
def command(models: tuple[str, ...], data: str, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Measure MODEL on DATA: every image once, every figure with its interval.

    MODEL is a run folder, a weight file, or a network's name for its published ImageNet weights. Several are an
    ensemble: the mean of their probabilities answers. Started by torchrun, the processes share the images.
    """
    if not models:
        raise UsageError(f"One of the two is missing: {data!r} is a model or data.", "Give both: MODEL DATA.")
    with loading():
        from lenext.api.evaluate import measured
        from lenext.api.options import EvaluateOptions
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
