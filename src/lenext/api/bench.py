"""``lenext.bench``: latency, throughput and memory of networks on this machine, beside other libraries."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch

from lenext.api.options import check_counts, read_options
from lenext.api.trained.engine import compute_of
from lenext.benchmark.case import Case
from lenext.benchmark.result import head, write
from lenext.benchmark.rivals import OURS, Contestant, chosen
from lenext.benchmark.run import Limit, Row, against_best, compared, limit, measure, together
from lenext.benchmark.worker import Worker
from lenext.engines.opening import check_name, check_precision
from lenext.errors import Failed, UsageError
from lenext.evaluation.inference import AUTO, Compute
from lenext.evaluation.text import counted
from lenext.models import canonical, differences, list_models
from lenext.training.watch import Silent, Watcher
from lenext.weights.catalogue import entries

# ours: a network of each paper that is used today; the first of each family at its paper's size.
USUAL = (
    "lenet5", "alexnet", "vgg16", "googlenet", "resnet50", "resnext50_32x4d", "xception", "mobilenet_v1",
    "densenet121", "efficientnet_b0", "convnext_tiny",
)  # fmt: skip
BATCHES = (1, 32)  # latency and throughput
LIBRARIES = ("torchvision", "timm")  # those whose networks are other readings than the papers'


@dataclass(frozen=True)
class BenchOptions:
    """What is measured, as ``lenext bench`` offers it. against: names of rivals; batches: images at once;
    threads: that compute, as many as torch takes by default; engine: by which ours is computed, "auto" for the fastest
    here, eager torch where it is None; rounds: samples of each; starts: how often all begin anew for so many rounds;
    reading: of all networks, that of the libraries' weights by default where a library takes part, else the paper's;
    out: a file for the document.
    """

    against: tuple[str, ...] = ()
    batches: tuple[int, ...] = ()
    precision: str = AUTO
    device: str = "auto"
    threads: int | None = None
    rounds: int = 7
    starts: int = 1
    reading: str | None = None
    image_size: int | None = None
    training: bool = False
    save_memory: bool = False
    engine: str | None = None
    out: str | None = None


def bench(*names: str, watcher: Watcher | None = None, **asked: Any) -> dict[str, Any]:
    """Measure networks (names or patterns; one of each family by default); the document of ``lenext bench --json``.

    asked: the fields of ``BenchOptions``. Raises UsageError for unknown networks, rivals and settings.
    """
    options = read_options(BenchOptions, asked, "lenext.bench")
    check(options)
    watcher = watcher or Silent()
    networks = named(names)
    contestants = [OURS, *chosen(options.against, training=options.training)]
    if options.reading is not None:
        for name in networks:
            differences(name, options.reading)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(options.threads or before)
        return measured(networks, contestants, options, watcher)
    finally:
        torch.set_num_threads(before)


def check(options: BenchOptions) -> None:
    """Refuse values that no measurement can have."""
    check_counts(options, "threads", "rounds", "starts", "image_size")
    least = 2 if options.training else 1
    if any(batch < least for batch in options.batches):
        raise UsageError(f"A batch has {min(options.batches)} images.", f"Give --batch {least} or more.")
    if options.engine is not None:
        check_name(options.engine)
        if options.training:
            raise UsageError("Engines do not train.", "Leave --engine or --training out.")
    if options.save_memory and not options.training:
        raise UsageError("--save-memory is for a step of training.", "Add --training, or leave it out.")
    if options.out is not None and Path(options.out).is_dir():
        raise UsageError(f"{options.out} is a folder.", "Name a file with --out.")
    if options.out is not None and not Path(options.out).parent.is_dir():
        raise UsageError(f"There is no folder {Path(options.out).parent}.", "Make it, or choose another --out.")


def named(names: tuple[str, ...]) -> list[str]:
    """The networks that names and patterns mean, each once."""
    found: list[str] = []
    for name in names or USUAL:
        matches = list_models(name) if any(sign in name for sign in "*?[") else [canonical(name)]
        if not matches:
            raise UsageError(f"No network is called like {name!r}.", "`lenext models` lists them.")
        found += matches
    return list(dict.fromkeys(found))


def measured(
    networks: list[str], contestants: list[Contestant], options: BenchOptions, watcher: Watcher
) -> dict[str, Any]:
    """Every network on every batch; what is known so far is in the file after each of them."""
    compute = checked_compute(options)
    threads = torch.get_num_threads()
    watcher.message(f"Measuring on {compute.device}, {compute.precision}, {threads} threads.")
    top = limit(compute, threads)
    watcher.message(f"Limit: {top.gflops:,.0f} GFLOP/s ({top.name}).")
    rows: list[Row] = []
    refused: list[str] = []
    document: dict[str, Any] = {}

    def say(why: str) -> None:
        refused.append(why)
        watcher.message(why)

    batches = options.batches or (BATCHES[1:] if options.training else BATCHES)
    for start in range(options.starts):
        with ExitStack() as stack:
            workers = [stack.enter_context(worker_of(one, options, threads)) for one in contestants]
            for name, batch in product(networks, batches):
                watcher.message(f"{name}, {counted(batch, 'image')} at once{nth(start, options.starts)} ...")
                case = case_of(name, batch, compute, options)
                rows = together([*rows, *measure(case, workers, options.rounds, top, say)])
                document = describe(networks, contestants, options, compute.precision, top, rows)
                if options.out is not None and rows:
                    write(Path(options.out), document)
    if any(row.timing.disturbed for row in rows):
        watcher.message(
            "Others used the processors during most samples of the rows that are marked: measure again, or --threads 1."
        )
    if not rows:
        why = refused[0].removesuffix(".")
        raise Failed(f"Nothing was measured: {why}.", "Choose another network, --image-size, --batch or --precision.")
    return document


def nth(start: int, starts: int) -> str:
    return f", start {start + 1} of {starts}" if starts > 1 else ""


def checked_compute(options: BenchOptions) -> Compute:
    """Where and in which precision ours computes. Raises UsageError for one that the engine does not have."""
    found = compute_of(options.device, options.precision, options.engine)
    if options.engine not in (None, AUTO):
        check_precision(options.engine, found.precision)
    return found


def worker_of(one: Contestant, options: BenchOptions, threads: int) -> Worker:
    """Its process; ours is another where an engine computes."""
    if one is OURS and options.engine is not None:
        return Worker(one.name, ("-m", "lenext.api.bench_worker"), threads)
    return Worker(one.name, threads=threads)


def case_of(name: str, batch: int, compute: Compute, options: BenchOptions) -> Case:
    return Case(
        name,
        batch,
        reading=reading_of(name, options),
        image_size=options.image_size,
        device=str(compute.device),
        precision=compute.precision,
        threads=torch.get_num_threads(),
        training=options.training,
        save_memory=options.save_memory,
        engine=options.engine,
    )


def reading_of(name: str, options: BenchOptions) -> str:
    """The reading that was asked for, or the one that the library beside it has: another network has other costs."""
    if options.reading is not None:
        return options.reading
    for library in LIBRARIES:
        for entry in entries(name) if library in options.against else ():
            if entry.source == library:
                return entry.reading
    return "paper"


def describe(
    networks: list[str],
    contestants: list[Contestant],
    options: BenchOptions,
    precision: str,
    top: Limit,
    rows: list[Row],
) -> dict[str, Any]:
    """The document of the rows so far."""
    words = ["lenext", "bench", *networks]
    words += ["--training"] if options.training else []
    words += ["--save-memory"] if options.save_memory else []
    words += [] if options.device == AUTO else ["--device", options.device]
    words += [] if options.precision == AUTO else ["--precision", options.precision]
    for name in ("engine", "reading", "image_size"):
        value = getattr(options, name)
        words += [] if value is None else [f"--{name.replace('_', '-')}", str(value)]
    words += [word for batch in options.batches for word in ("--batch", str(batch))]
    words += ["--threads", str(torch.get_num_threads()), "--rounds", str(options.rounds)]
    words += ["--starts", str(options.starts)] if options.starts > 1 else []
    words += ["--against", ",".join(options.against)] if options.against else []
    ratios = compared(rows)
    best = against_best(ratios, precision)
    return {
        **head(
            "a training step" if options.training else "inference",
            " ".join(words),
            f"{os.cpu_count()} cores",
            {one.name: one.version for one in contestants},
        ),
        "precision": precision,
        "threads": torch.get_num_threads(),
        "time": "CPU time of the process" if torch.get_num_threads() == 1 else "clock, quiet samples",
        "limit": {"name": top.name, "gflops": top.gflops},
        "measurements": [row.document() for row in rows],
        "ratios": ratios,
        **({} if best is None else {"against_best": best}),
    }
