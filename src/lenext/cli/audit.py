"""``lenext audit``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from lenext.cli.loading import loading
from lenext.cli.options import common
from lenext.cli.output import emit, table


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
    lenext audit keras:VGG16
    lenext audit mypackage.nets:build
    lenext audit runs/photos/model.safetensors
    lenext audit network.onnx
    lenext audit weights.pth

    TARGET is run once without weights and compared step by step with the networks of the line. Python code that TARGET
    names is imported and run; nothing is downloaded. Of a file with weights alone (.pth, .pt, .bin, .safetensors) the
    names and shapes are compared.
    """
    with loading():
        from lenext.api.audit import audit

    document = audit(target, reading=reading, against=against)
    emit(document, lines(document), as_json=as_json)


def lines(document: Mapping[str, Any]) -> Iterator[str]:
    """The document for a person."""
    from lenext.explanation.audit import KIN

    name, reading, against = document["closest"], document["reading"], document["against"]
    yield f"{document['target']}: closest to {name} (reading: {reading})"
    if document["likeness"] < KIN:
        yield f"It is none of the line: only {document['likeness']:.0%} of it is as there."
    yield counts(document)
    if document.get("spelling"):
        yield f"Every tensor has the name and shape that {document['spelling']} gives it."
    if document["indistinguishable"]:
        yield f"The same as far as can be seen: {', '.join(document['indistinguishable'])}"
    if document["not_visible"]:
        yield f"Not to be seen in such a file: {'; '.join(document['not_visible'])}"
    yield ""
    if reading != against:
        beyond = document["beyond_reading"]
        yield f"From reading {reading}:" + (" no difference." if not beyond else "")
        yield from points(beyond, reading)
        yield ""
    differences = document["differences"]
    base = "the paper" if against == "paper" else f"reading {against}"
    yield f"From {base}:" + (" no difference, layer by layer." if not differences else "")
    yield from points(differences, against)


def counts(document: Mapping[str, Any]) -> str:
    """How large, and of a network that runs, at which input."""
    parameters = f"{document['params']:,} parameters"
    if "input" not in document:
        return f"{parameters} in {document['tensors']} tensors, {document['classes']} classes"
    size = "x".join(map(str, document["input"]))
    return f"{parameters}, {document['macs']:,} multiply-adds at {size} with {document['classes']} classes"


def points(differences: Sequence[Mapping[str, Any]], base: str) -> list[str]:
    """The points as a table."""
    rows = [[point["what"], point["paper"], point["found"], point["where"]] for point in differences]
    return table(["what", base, "found", "where"], rows, set()) if rows else []
