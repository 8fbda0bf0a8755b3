"""``lenext explain``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lenext.cli.loading import loading
from lenext.cli.options import common, data_root, device, paths_of, weights, workers
from lenext.cli.output import emit_each, end_unread
from lenext.cli.watch import screen

if TYPE_CHECKING:
    from lenext.api.explained.explanation import Explained

METHODS = ["gradcam", "occlusion", "filters", "activations"]


@click.command()
@click.argument("model")
@click.argument("images", nargs=-1)
@click.option("--method", type=click.Choice(METHODS), default="gradcam", help="[gradcam]; filters needs no image.")
@click.option("--stage", help="Of gradcam and activations: stem, c3, conv5_x ... [the last with room].")
@click.option("--class", "target", help="The class to explain [each picture's most probable one].")
@click.option("--patch", type=click.IntRange(1), help="Of occlusion: pixels of the view [an eighth of its side].")
@click.option("--stride", type=click.IntRange(1), help="Of occlusion: pixels from patch to patch [half a patch].")
@click.option("--trials", type=click.IntRange(0), default=19, help="Random maps that a map must beat [19]; 0: none.")
@click.option("--neighbours", metavar="DATA", help="Data whose training images are searched for the nearest ones.")
@click.option("--nearest", type=click.IntRange(1), default=5, help="How many neighbours to show [5].")
@click.option("--out", type=click.Path(), help="A new folder for pictures and page [explain, explain-2 ...].")
@weights
@device
@workers
@data_root
@common
def command(model: str, images: tuple[str, ...], out: str | None, as_json: bool, quiet: bool, **asked: Any) -> None:
    """Say why MODEL answers as it does: heat maps on the pictures, what they are worth, and a page of them all.

    MODEL is a run folder, a weight file, or a network's name for its published ImageNet weights. IMAGES are files,
    folders, globs, or - for a list of paths on standard input. Each map is tested: how the probability falls when its
    hottest tenth is hidden, what that tenth alone is worth, and whether random maps do as well.
    """
    with loading():
        from lenext.api.explain import ExplainOptions, explained
        from lenext.api.explained.folder import free

    out = out or str(free(Path("explain")))
    with screen(quiet=quiet) as watcher:
        found = explained(model, list(paths_of(images)), ExplainOptions(out=out, **asked), watcher)
    readable = (
        emit_each(one.document() for one in found.entries) if as_json else write_lines(found.entries, quiet=quiet)
    )
    if readable and not quiet and found.folder is not None:
        from lenext.evaluation.text import visible

        click.echo(f"Look at {visible(str(found.folder.index))}.", err=True)
    if not readable:
        end_unread(as_json=as_json)


def write_lines(entries: Iterator[Explained], *, quiet: bool) -> int:
    """A line a file, then what its map says and what it is worth, and its neighbours."""
    from lenext.evaluation.text import visible

    readable = 0
    for one in entries:
        if one.error is not None:
            if not quiet:
                click.echo(f"{visible(one.path or '')}: {one.error['message']} [{one.error['kind']}]", err=True)
            continue
        readable += 1
        words = [] if one.class_ is None else [f"{visible(one.class_)} {one.probability:.4f}"]
        click.echo("\t".join([visible(one.path or "first layer"), *words, visible(one.map or "")]))
        for said in one.said:
            click.echo(f"  {visible(said)}")
        for near in one.near:
            click.echo(f"  {near.distance:.3f} from {visible(near.name)} ({visible(near.label)})")
    return readable
