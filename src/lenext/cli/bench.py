"""``lenext bench``."""

from __future__ import annotations

from typing import Any

import click

from lenext.cli.loading import loading
from lenext.cli.options import common, device
from lenext.cli.output import emit, table
from lenext.cli.sections import SectionedCommand
from lenext.cli.watch import screen

HEADER = ["network", "by", "batch", "ms", "images/s", "GFLOP/s", "of limit", "MiB", "ratio", ""]

SECTIONS = {
    "What is measured": ("against", "engine", "reading", "batches", "image_size", "training", "save_memory"),
    "How": ("device", "precision", "threads", "rounds", "starts", "out"),
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("names", nargs=-1, metavar="[NAMES]...")
@click.option(
    "--against",
    metavar="RIVALS",
    help="torchvision, timm, torch, eager, compile, onnxruntime, openvino, keras, by commas.",
)
@click.option("--engine", help="Ours by auto, eager, compiled, openvino or onnxruntime, as predict has it [eager].")
@click.option("--batch", "batches", multiple=True, type=click.IntRange(1), help="Images at once [1 and 32].")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), default="auto", help="Ours [auto].")
@device
@click.option("--threads", type=click.IntRange(1), help="Threads that compute; one is measured by CPU time.")
@click.option("--rounds", type=click.IntRange(1), default=7, help="Samples of each [7].")
@click.option("--starts", type=click.IntRange(1), default=1, help="Processes of each, one after the other [1].")
@click.option("--reading", help="Of all networks [the rival library's, else the paper's].")
@click.option("--image-size", type=click.IntRange(1), help="Of the input in pixels [the network's].")
@click.option("--training", is_flag=True, help="A whole step: forward, backward, optimiser.")
@click.option("--save-memory", is_flag=True, help="With --training: compute our blocks again in the backward pass.")
@click.option("--out", metavar="FILE", help="Write the document here too, after each network.")
@common
def command(
    names: tuple[str, ...], against: str | None, as_json: bool, quiet: bool, out: str | None, **asked: Any
) -> None:
    """Measure NAMES, networks or patterns like 'vgg*', on this machine; by default one of each family.

    Everybody takes turns, in another order each round. On several threads a sample counts while other processes leave
    the processors alone; rows without three such samples are marked.

    \b
    lenext bench resnet50 --against torchvision,openvino
    lenext bench --engine auto --against eager,compile,openvino
    lenext bench --threads 1 --out results/bench.json
    """
    with loading():
        from lenext.api.bench import bench

    rivals = tuple(word for word in (against or "").split(",") if word)
    with screen(quiet=quiet) as watcher:
        document = bench(*names, watcher=watcher, against=rivals, out=out, **asked)
    emit(document, lines(document), as_json=as_json)


def lines(document: dict[str, Any]) -> list[str]:
    """The table for a person."""
    found = {(one["name"], one["against"]): one["value"] for one in document["ratios"]}
    rows = []
    for row in document["measurements"]:
        ratio = found.get((f"lenext, {row['network']}, batch {row['batch']}", row["by"]))
        rows.append(
            [
                row["network"], row["by"], str(row["batch"]), f"{row['milliseconds']['value']:,.2f}",
                f"{row['images_per_second']:,.1f}", f"{row['gflops']:,.0f}", f"{row['share_of_limit']:.0%}",
                "" if row["memory"] is None else f"{row['memory'] / 2**20:,.0f}",
                "" if ratio is None else f"{ratio:.2f}",
                " ".join([row.get("engine", ""), "disturbed" if row["disturbed"] else ""]).strip(),
            ]
        )  # fmt: skip
    head = f"{document['what']}, {document['precision']}, {document['threads']} threads; {document['time']}; "
    head += f"limit {document['limit']['gflops']:,.0f} GFLOP/s; ratio: how many times as fast lenext is"
    best = document.get("against_best")
    shown = [head, *table(HEADER, rows, {2, 3, 4, 5, 6, 7, 8})]
    if best is not None:
        foot = f"{best['least']:.2f} at least, {best['geometric_mean']:.2f} in the geometric mean"
        shown.append(f"beside the fastest rival of the same precision in each case: {foot}")
    return shown
