"""``lenext pull``."""

from __future__ import annotations

from pathlib import Path

import click

from lenext.cli.options import common
from lenext.cli.output import emit
from lenext.cli.watch import screen


@click.command()
@click.argument("repository", metavar="USER/NAME")
@click.option("--out", type=click.Path(path_type=Path), help="The folder [NAME].")
@common
def command(repository: str, out: Path | None, as_json: bool, quiet: bool) -> None:
    """Fetch the weight file of a repository of Hugging Face's Hub, USER/NAME or USER/NAME@REVISION.

    Only model.safetensors is taken; its card and its SHA-256 are checked first. Needs the extra `hub`.
    """
    from lenext.api.hub import pull
    from lenext.evaluation.text import visible

    with screen(quiet=quiet) as watcher:
        document = pull(repository, out, watcher=watcher)
    emit(document, [visible(document["out"])], as_json=as_json)
