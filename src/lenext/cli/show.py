"""``lenext show``."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lenext.cli.options import common, file_to_write, options_of
from lenext.cli.output import emit, table
from lenext.errors import Failed, UsageError
from lenext.models import build_options, canonical, create_model, entry, model_file, readings
from lenext.weights.catalogue import Entry, entries

if TYPE_CHECKING:
    from lenext.explanation.summary import Layer, Summary
    from lenext.layers.network import Network

Size = tuple[int, int, int]


@click.command()
@click.argument("name")
@click.option("--reading", default="paper", help="A published reading of the network; the paper's own by default.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="What the paper varies: shortcut=A.")
@click.option("--classes", type=click.IntRange(1), help="Classes of the output; the paper's by default.")
@click.option("--input", "size", metavar="CxHxW", help="Channels, height, width of the image; the paper's by default.")
@click.option("--svg", metavar="FILE", help="Draw the network into this file.")
@common
def command(
    name: str,
    reading: str,
    options: tuple[str, ...],
    classes: int | None,
    size: str | None,
    svg: str | None,
    as_json: bool,
    quiet: bool,  # noqa: ARG001 - nothing to silence
) -> None:
    """Show a network layer by layer, with what its paper says of it.

    A receptive field is the side of the square of input pixels that one unit sees, padding included; a layer that
    reads a whole map sees as far as a convolution of the map's size would. A stride is the distance of two neighbours.
    """
    name, asked = canonical(name), options_of(options)
    file = drawable(svg) if svg is not None else None
    if classes is not None:
        asked["num_classes"] = classes
    wanted = parse_size(size) if size else None
    if wanted:
        asked |= fitted(name, wanted, asked)
    network = build(name, reading, asked)
    summary = summarise_or_say(network, wanted or network.input_size)
    if file:
        write_drawing(file, network, summary)
    document = describe(network, summary)
    emit(document, lines(document, summary), as_json=as_json)


def drawable(text: str) -> Path:
    """The file of --svg; what cannot be written is refused before the work."""
    file = Path(text)
    if file.suffix.lower() != ".svg" or file.is_dir():
        raise UsageError(
            f"--svg {text!r} is not the name of an SVG file.", f"Write --svg {file.stem or 'network'}.svg."
        )
    return file_to_write("--svg", file)


def write_drawing(file: Path, network: Network, summary: Summary) -> None:
    from lenext.explanation.anatomy import dissect
    from lenext.explanation.drawing import draw
    from lenext.weights.durable import write_file

    paper = model_file(network.name).PAPER
    reading = "" if network.reading == "paper" else f", reading {network.reading}"
    notes = [
        f"{paper.authors} ({paper.year}): {paper.title}",
        f"{summary.params:,} parameters, {summary.macs:,} multiply-adds{reading}",
    ]
    figure = draw(network.name, notes, summary.input, dissect(network, summary.input))
    try:
        write_file(file, figure.encode(), resumes=False)
    except Failed as error:
        raise Failed(error.message, "Name a file where you may write and where there is room.") from None


def parse_size(text: str) -> Size:
    """3x224x224 as numbers."""
    found = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})x([1-9]\d{0,4})", text.lower())
    if not found:
        raise UsageError(f"--input {text!r} is not a size.", "Write channels, height, width as 3x224x224.")
    channels, height, width = map(int, found.groups())
    return channels, height, width


def fitted(name: str, size: Size, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The options that build the network for images of this size."""
    channels, height, width = size
    options = {"in_channels": channels}
    if "image_size" in build_options(name) and "image_size" not in asked and height == width:
        options["image_size"] = width
    return options


def build(name: str, reading: str, options: Mapping[str, Any]) -> Network:
    """The network without memory for its weights."""
    import torch

    try:
        with torch.device("meta"):
            return create_model(name, reading=reading, **options)
    except (TypeError, ValueError, RuntimeError) as error:
        given = ", ".join(f"{option}={value!r}" for option, value in options.items())
        remedy = "Compare the values with the documentation of `build`: `lenext where " + name + "` says where."
        raise UsageError(f"{name} cannot be built with {given}.", remedy) from error


def summarise_or_say(network: Network, size: Size) -> Summary:
    """The network's layers, or an error that names the smallest image that works."""
    from lenext.explanation.summary import by, summarise

    def goes(side: int) -> bool:
        try:
            return bool(summarise(network, (size[0], side, side)))
        except UsageError:
            return False

    try:
        return summarise(network, size)
    except UsageError as error:
        if "image_size" in build_options(network.name) and size[1] != size[2]:
            message = f"{network.name} is built for square images, not {size[1]} by {size[2]} pixels."
            raise UsageError(message, f"Write --input {by((size[0], size[2], size[2]))}.") from None
        paper = network.input_size
        smallest = bisect_left(range(1, paper[-1]), True, key=goes) + 1  # the paper's own size works
        remedy = f"The smallest square that works is {by((size[0], smallest, smallest))}, the paper's {by(paper)}."
        raise UsageError(error.message, remedy) from None


def describe(network: Network, summary: Summary) -> dict[str, Any]:
    """The network as a document: its layers, then what the paper's file says of it."""
    name, file = network.name, model_file(network.name)
    published = asdict(file.PUBLISHED[name])
    known = {reading: [spoken(asdict(one)) for one in found] for reading, found in readings(name).items()}
    return {
        "name": name,
        "reading": network.reading,
        "options": network.options,
        "params": summary.params,
        "macs": summary.macs,
        "memory": {"outputs": summary.memory, "peak": summary.peak},
        "input": list(summary.input),
        "layers": [row(layer) for layer in summary.layers],
        "paper": file.PAPER.title,
        "authors": file.PAPER.authors,
        "year": file.PAPER.year,
        "idea": file.PAPER.idea,
        "differences": known[network.reading],
        "readings": known,
        "published": {key: published[key] for key in ("params", "macs", "printed", "results")}
        | {"remarks": remarks(name)},
        "weights": [weights_row(one) for one in entries(name)],
        "recipes": list(dict.fromkeys([*entry(file.RECIPES, name), "practical"])),
        "protocols": list(entry(file.PROTOCOLS, name)),
    }


def weights_row(one: Entry) -> dict[str, Any]:
    return {key: getattr(one, key) for key in ("name", "reading", "top1", "top5", "megabytes", "licence")}


def remarks(name: str) -> list[str]:
    """Why the paper's figures differ from the counts here."""
    file = model_file(name)
    own = entry(getattr(file, "REMARKS", {}), name)
    flops = "The paper's FLOPs are multiply-adds: a product and its sum are one."
    return [*([flops] if "FLOPs" in file.PUBLISHED[name].printed else []), *([own] if own else [])]


def spoken(difference: Mapping[str, Any]) -> dict[str, Any]:
    return {key: difference[key] for key in ("where", "paper", "found", "source")}


def row(layer: Layer) -> dict[str, Any]:
    """A layer as JSON: a receptive field or stride is one number, [height, width] where they differ."""
    document = asdict(layer) | {"output": list(layer.output)}
    for key in ("receptive_field", "stride"):
        height, width = document[key]
        document[key] = height if height == width else [height, width]
    return document


def lines(document: Mapping[str, Any], summary: Summary) -> Iterator[str]:
    """The same for a person."""
    options = "".join(f", {name}={value}" for name, value in document["options"].items())
    yield f"{document['name']} (reading: {document['reading']}{options})"
    yield f"{document['authors']} ({document['year']}): {document['paper']}."
    yield document["idea"]
    yield ""
    yield from layer_table(summary)
    yield ""
    yield from beside_paper(document)
    yield ""
    for reading, differences in document["readings"].items():
        yield f"reading {reading}" + ("" if differences else ": as published")
        for one in differences:
            yield f"  {one['where']}: {one['found']}; in the paper {one['paper']} ({one['source']})"
    yield from published_weights(document["weights"])
    yield f"recipes: {', '.join(document['recipes'])}"
    yield f"protocols: {', '.join(document['protocols'])}"


def layer_table(summary: Summary) -> Iterator[str]:
    """One line a layer, under the part of the network that it belongs to; then the sums and what they mean."""
    from lenext.explanation.summary import by

    header = ["", "type", "output", "params", "mult-adds", "memory", "field", "step"]
    rows = [["input", "", by(summary.input), "", "", size(4 * math.prod(summary.input)), "1", "1"]]
    part = ""
    for layer in summary.layers:
        above, name = parted(layer.name)
        if above != part:
            rows.append([above, *[""] * 7])
            part = above
        shape, counts = by(layer.output), [f"{layer.params:,}", f"{layer.macs:,}"]
        views = [pair(layer.receptive_field), pair(layer.stride)]
        rows.append([f"  {name}", kind(layer.type), shape, *counts, size(layer.memory), *views])
    rows.append(["total", "", "", f"{summary.params:,}", f"{summary.macs:,}", size(summary.memory), "", ""])
    yield from table(header, [[dash(cell) for cell in row] for row in rows], {3, 4, 5, 6, 7})
    yield ""
    yield "memory: of the outputs, one image in float32; - where a layer writes over its input or hands it on."
    yield f"In a test at most {size(summary.peak)} of maps are alive at once. field, step: pixels of the image."


def parted(path: str) -> tuple[str, str]:
    """A layer's path as the part of the network, stem, head or a stage's block, and its name in there."""
    parts = path.split(".")
    depth = min(3 if parts[0] == "stages" else 1, len(parts) - 1)
    return ".".join(parts[:depth]), ".".join(parts[depth:])


def kind(name: str) -> str:
    """A type in the words of a table: all maps are two-dimensional here."""
    return name.replace("Adaptive", "").removesuffix("2d").replace("LocalResponseNorm", "LRN")


def pair(sides: tuple[int, int]) -> str:
    return str(sides[0]) if sides[0] == sides[1] else f"{sides[0]}x{sides[1]}"


def size(count: int) -> str:
    """Bytes in the larger units."""
    kib = count / 1024
    return f"{kib / 1024:,.1f} MiB" if kib >= 1000 else f"{kib:,.0f} KiB" if kib >= 1 else f"{count} B"


def dash(cell: str) -> str:
    return "-" if cell in ("0", "0 B") else cell


def published_weights(weights: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The files of trained weights that `--weights` can name."""
    if not weights:
        yield "published weights: none"
        return
    rows = [
        [one["name"], one["reading"], *(percent(one[key]) for key in ("top1", "top5")), one["licence"]]
        for one in weights
    ]
    yield ""
    yield from table(["published weights", "reading", "top-1", "top-5", "licence"], rows, {2, 3})
    yield ""


def percent(value: float | None) -> str:
    return "" if value is None else f"{value:g} %"


def beside_paper(document: Mapping[str, Any]) -> Iterator[str]:
    """Counts here and in the paper, and the results that the paper reports."""
    published = document["published"]
    counts = [
        ["parameters", f"{document['params']:,}", f"{published['params']:,}"],
        ["multiply-adds", f"{document['macs']:,}", f"{published['macs']:,}"],
    ]
    yield from table(["", "here", "published"], counts, {1, 2})
    if published["printed"]:
        yield f"the paper's words: {published['printed']}"
    yield from published["remarks"]
    if published["results"]:
        yield ""
        results = [
            [one["metric"], f"{one['value']:g} %", one["data"], one["protocol"], one["source"]]
            for one in published["results"]
        ]
        yield from table(["published result", "", "data", "protocol", "source"], results, {1})
