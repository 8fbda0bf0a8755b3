"""``lenext audit``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from lenext.cli.output import common, emit, table


@click.command()
@click.argument("target")
@click.option("--reading", default="paper", help="The reading of a network of ours that is audited.")
@click.option("--against", metavar="NAME[:READING]", help="The network to compare with; the closest by default.")
@common
def command(target: str, reading: str, against: str | None, as_json: bool, quiet: bool) -> None:  # noqa: ARG001
    """Say how a network deviates from its paper, point by point.

    \b
    lenext audit torchvision:googlenet
    lenext audit timm:resnet50 --against resnet50:v1.5
    lenext audit mypackage.nets:build
    lenext audit runs/photos/model.safetensors

    TARGET is run once without weights and compared step by step with the networks of the line. Python code that TARGET
    names is imported and run; nothing is downloaded.
    """
    from lenext.api.audit import audit

    document = audit(target, reading=reading, against=against)
    emit(document, lines(document), as_json=as_json)


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The document for a person."""
    name, reading, against = document["closest"], document["reading"], document["against"]
    size = "x".join(map(str, document["input"]))
    yield f"{document['target']}: closest to {name} (reading: {reading})"
    counts = f"{document['params']:,} parameters, {document['macs']:,} multiply-adds"
    yield f"{counts} at {size} with {document['classes']} classes"
    yield ""
    if reading != against:
        beyond = document["beyond_reading"]
        yield f"From reading {reading}: " + ("no difference." if not beyond else "")
        yield from points(beyond, reading)
        yield ""
    differences = document["differences"]
    base = "the paper" if against == "paper" else f"reading {against}"
    yield f"From {base}: " + ("no difference, layer by layer." if not differences else "")
    yield from points(differences, against)


def points(differences: Sequence[Mapping[str, Any]], base: str) -> list[str]:
    """The points as a table."""
    rows = [[point["what"], point["paper"], point["found"], point["where"]] for point in differences]
    return table(["what", base, "found", "where"], rows, set()) if rows else []
