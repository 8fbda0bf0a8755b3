"""``lenext where``."""

from __future__ import annotations

from pathlib import Path

import click

import lenext
from lenext.cli.options import common
from lenext.cli.output import emit
from lenext.explanation.address import search
from lenext.models import ALIASES, FILE_OF


@click.command()
@click.argument("word")
@common
def command(word: str, as_json: bool, quiet: bool) -> None:  # noqa: ARG001 - nothing to silence
    """Say in which file and line a network, layer, recipe, protocol, claim or command is defined.

    \b
    lenext where vgg16
    lenext where TableConv
    lenext where "single crop"
    """
    found = search(ALIASES.get(word.lower(), word), Path(lenext.__file__).parent, FILE_OF)
    lines = [f"{address.file}:{address.line}  {address.kind} {address.name}" for address in found]
    emit([vars(address) for address in found], lines, as_json=as_json)
