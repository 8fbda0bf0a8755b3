"""``lenext export``."""

from __future__ import annotations

from typing import Any

import click

from lenext.cli.loading import loading
from lenext.cli.options import common, data_root, weights, workers
from lenext.cli.output import emit
from lenext.cli.watch import screen


@click.command()
@click.argument("model")
@click.option("--to", type=click.Choice(["onnx", "openvino", "torch"]), default="onnx", help="The format [onnx].")
@click.option("--out", metavar="FOLDER", help="Where to [in the run].")
@click.option("--int8", is_flag=True, help="Eight bits, with what that costs.")
@click.option("--calibrate", metavar="DATA", help="Images that set the scales of eight bits.")
@click.option("--data", metavar="DATA", help="Images to compare network and file on [made pictures].")
@click.option("--limit", type=float, metavar="SHARE", help="Labels that may change [0.001; with --int8 0.02].")
@weights
@workers
@data_root
@common
def command(model: str, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Export MODEL for other programs: pixels in, probabilities out, classes and preprocessing beside it.

    The file is run and compared with the network; it is not kept if more labels change than --limit. The folder is
    itself a MODEL for `lenext predict` and `lenext evaluate`, which run it faster and start at once.
    """
    with loading():
        from lenext.api.export import export

    with screen(quiet=quiet) as watcher:
        document = export(model, watcher=watcher, **asked)
    lines = document.pop("lines")
    emit(document, [*lines, document["out"]], as_json=as_json)
