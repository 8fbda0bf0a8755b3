"""``lenext push``."""

from __future__ import annotations

from typing import Any

import click

from lenext.cli.options import common
from lenext.cli.output import emit
from lenext.cli.watch import screen


@click.command()
@click.argument("run")
@click.argument("repository", metavar="USER/NAME")
@click.option("--public", is_flag=True, help="Make a repository that all can see [only you].")
@click.option("--report/--no-report", default=True, help="With report.html, which shows pictures of the data.")
@click.option("--licence", default="other", help="The Hub's word for that of the weights: apache-2.0 ... [other].")
@click.option("--message", default="", help="Of the commit.")
@common
def command(run: str, repository: str, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Send a finished RUN to a repository of Hugging Face's Hub: weight file, model card, report.

    Needs the extra `hub` and a token (`hf auth login`, or HF_TOKEN). Afterwards hf:USER/NAME is a MODEL.
    """
    from lenext.api.hub import push

    with screen(quiet=quiet) as watcher:
        document = push(run, repository, watcher=watcher, **asked)
    emit(document, [document["address"]], as_json=as_json)
