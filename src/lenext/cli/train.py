"""``lenext train``."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import click

from lenext.cli.failure import fail
from lenext.cli.image_size import SIZE
from lenext.cli.loading import loading
from lenext.cli.options import common, data_root, device, on_bad, options_of
from lenext.cli.output import emit
from lenext.cli.sections import SectionedCommand
from lenext.cli.watch import screen
from lenext.training.input_form import FITS

SECTIONS = {
    "What is trained": ("model", "reading", "options", "weights", "freeze", "features_only"),
    "How": ("recipe", "epochs", "batch_size", "image_size", "settings", "balance", "average", "patience", "seed"),
    "Found out first": ("time_limit", "find_rate", "tune"),
    "Data": ("channels", "fit", "validation", "folds", "fold", "on_bad", "cache", "exact", "data_root", "workers"),
    "Machine": ("device", "precision", "threads", "micro_batch", "save_memory", "compile"),
    "Several processes (torchrun, srun)": ("deterministic", "shards", "batch_norm"),
    "Run": ("out", "resume", "save_every", "on_nan", "error_target"),
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("data", required=False)
@click.option("--model", help="A network of `lenext models`.")
@click.option("--recipe", help="practical (ours, the default), paper, paper:VARIANT, or a JSON file.")
@click.option("--reading", help="A published reading of the network; the paper's own by default.")
@click.option("--weights", metavar="RUN", help="Start from the weights of a run, a file, or `imagenet`; or `none`.")
@click.option("--freeze", metavar="STAGE", help="With --weights: what is kept, up to a stage; none or all.")
@click.option("--features-only", is_flag=True, help="With --weights: a linear classifier of features, no more.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="What the paper varies: shortcut=A.")
@click.option("--epochs", type=int, help="Passes over the training images.")
@click.option("--batch-size", type=int, help="Images a step.")
@click.option("--micro-batch", type=int, help="Images of one pass; gradients add up to the batch's.")
@click.option("--image-size", type=SIZE, metavar="S|HxW", help="Of the input in pixels: 224, or 96x160 (height first).")
@click.option("--fit", type=click.Choice(FITS), help="Other aspects: their middle, or the whole image [the recipe's].")
@click.option("--channels", metavar="auto|N", help="1 grey, 3 RGB, 4 RGBA, N of a TIFF [auto: what the data have].")
@click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Change the recipe: optimizer.lr=0.01.")
@click.option("--balance", type=click.Choice(["sampling", "weights", "none"]), help="Of classes of unequal size.")
@click.option("--average", is_flag=True, help="Test a moving average of the weights.")
@click.option("--patience", type=int, metavar="EPOCHS", help="Stop after so many without a better validation.")
@click.option("--time-limit", metavar="TIME", help="90s, 30m, 2h: as many epochs as fit, all else included.")
@click.option("--find-rate", is_flag=True, help="Set the learning rate by a short sweep.")
@click.option("--tune", type=int, metavar="TRIALS", help="Search a better recipe by short trials (lenext[tune]).")
@click.option("--save-memory", is_flag=True, help="Compute blocks again in the backward pass.")
@click.option("--compile", type=click.Choice(["auto", "on", "off"]), help="The network; auto: if that pays [off].")
@click.option("--seed", type=int, help="Same seed, same bits.")
@click.option("--validation", type=float, metavar="SHARE", help="Share held out where the data have no split [0.1].")
@click.option("--folds", type=int, metavar="K", help="Cross-validate: K runs, each tested on its fold.")
@click.option("--fold", metavar="I/K", help="One run of these.")
@click.option("--error-target", type=float, metavar="SHARE", help="Wrong among the answers, or say `unknown` [0.05].")
@on_bad
@click.option(
    "--cache",
    type=click.Choice(["auto", "ram", "disk", "off"]),
    default="auto",
    help="Of decoded files [auto: ram if they fit].",
)
@click.option("--exact", is_flag=True, help="Read images whole that are scaled down to less than half.")
@data_root
@device
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16", "fp16"]), help="Of the arithmetic [fp32].")
@click.option("--workers", type=int, default=2, help="Threads that read images [2].")
@click.option("--threads", type=int, help="Threads that compute; as many as cores by default.")
@click.option("--deterministic", is_flag=True, help="The same bits on any number of processes that divides the shards.")
@click.option("--shards", type=int, metavar="N", help="Of each batch, with --deterministic [4].")
@click.option("--batch-norm", type=click.Choice(["local", "sync"]), help="Over a process's images, or all [local].")
@click.option("--out", type=click.Path(path_type=Path), help="The run folder [runs/DATA-MODEL].")
@click.option("--resume", is_flag=True, help="Go on with the run in the folder, from the step where it stopped.")
@click.option("--save-every", type=float, default=60.0, metavar="SECONDS", help="Between two checkpoints [60].")
@click.option("--on-nan", type=click.Choice(["stop", "rollback"]), default="stop", help="When a number is lost.")
@common
def command(data: str | None, as_json: bool, quiet: bool, options: tuple[str, ...], **asked: Any) -> None:
    """Train a network on DATA: a folder of class folders, one with train/ and val/, a CSV, or a built-in set.

    \b
    lenext train photos/ --model resnet18
    lenext train digits --model lenet5 --out runs/try
    lenext train --resume --out runs/try
    torchrun --nproc-per-node 2 -m lenext train photos/ --model resnet18
    """
    began = time.monotonic()  # loading torch is part of a limit of time
    with loading():
        from lenext.api.train import train
    from lenext.parallel.place import place

    first, last_words = place().first, partial(fail, arguments=sys.argv[1:])
    named = options_of(options) or None
    with screen(quiet=quiet or not first) as watcher:
        document = train(data, watcher=watcher, began=began, last_words=last_words, options=named, **asked)
    if first:
        emit(document, [document["run"]], as_json=as_json)
