"""ResNet-50 and ConvNeXt-T on a GPU against timm with AMP, channels last and torch.compile, with their MFU.

``make bench-gpu``; ``--dry-run`` does all of it on a CPU, with two small pictures and without generating code. Both
have the same precision, batch and optimiser, their pixels on the device, and take turns in one process. MFU is the
share of the fastest product of two matrices in the same run that a network's own operations reach; ``published`` that
of what the maker promises for dense bf16.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from result import RESULTS, command, head, write
from torch import Tensor, nn

from lenext.benchmark.case import OPTIMIZER, Case
from lenext.benchmark.limit import synchronise
from lenext.benchmark.timing import Work, interleaved, ratios
from lenext.recipes import CrossEntropy
from lenext.training.gradients import Gradients
from lenext.training.objective import Objective
from lenext.training.optim import build_optimizer
from lenext.training.scaling import scaling_of
from lenext.weights.adapters.operators import library

NETWORKS = {"resnet50": "resnet50", "convnext_tiny": "convnext_tiny"}  # ours: timm's
READINGS = {"resnet50": "v1.5"}  # which timm's is
PUBLISHED = {"H100": 989e3, "H200": 989e3, "A100": 312e3, "L40S": 362e3, "RTX 4090": 165e3}  # GFLOP/s, dense bf16
MODES = ("default", "reduce-overhead", "max-autotune")  # torch.compile's; the last two with CUDA graphs


def compiled(function: Callable, mode: str) -> Callable:
    """``mode`` eager: traced and checked, but no code is generated."""
    return torch.compile(function, backend="eager") if mode == "eager" else torch.compile(function, mode=mode)


def placed(case: Case, network: nn.Module) -> tuple[Tensor, Tensor]:
    """The network on its device, channels last, and the images and labels there."""
    case.compute.place(network)
    images = case.images.to(case.compute.device, memory_format=torch.channels_last)
    return images, case.labels.to(case.compute.device)


def forward(case: Case, network: nn.Module, mode: str) -> Work:
    images, _ = placed(case, network.eval())
    run = compiled(network, mode)

    def work() -> None:
        with torch.no_grad(), case.compute.autocast():
            run(images)
        synchronise(case.compute.device)

    return work


def ours(case: Case, mode: str) -> Work:
    """A pass, or a step as ``lenext train --compile on`` has it."""
    network = case.fresh()
    if not case.training:
        return forward(case, network, mode)
    images, labels = placed(case, network.train())
    optimizer, scaling = build_optimizer(OPTIMIZER, network), scaling_of(case.compute.precision, case.compute.device)
    heads = compiled(lambda inputs: (network(inputs),), mode)
    gradients = Gradients(Objective(heads, CrossEntropy(), 0.0), case.compute, scaling=scaling)

    def step() -> None:
        optimizer.zero_grad()
        gradients(images, labels, labels)
        scaling.update(optimizer, lambda: None)
        synchronise(case.compute.device)

    return step


def by_timm(case: Case, mode: str) -> Work:
    """As timm's benchmark.py with --amp --channels-last --torchcompile."""
    network = library("timm").create_model(NETWORKS[case.name])
    if not case.training:
        return forward(case, network, mode)
    images, labels = placed(case, network.train())
    optimizer = library("timm.optim").create_optimizer_v2(
        network, opt="sgd", lr=OPTIMIZER.lr, momentum=OPTIMIZER.momentum, weight_decay=OPTIMIZER.weight_decay
    )
    criterion, run = nn.CrossEntropyLoss(), compiled(network, mode)

    def step() -> None:
        optimizer.zero_grad()
        with case.compute.autocast():
            loss = criterion(run(images), labels)
        loss.backward()
        optimizer.step()
        synchronise(case.compute.device)

    return step


def product(case: Case, side: int) -> Work:
    """Two square matrices, multiplied in the precision of the networks."""
    compute = case.compute
    a, b = (torch.randn(side, side, device=compute.device, dtype=compute.dtype) for _ in range(2))

    def work() -> None:
        torch.mm(a, b)
        synchronise(compute.device)

    return work


def measured(case: Case, modes: list[str], rounds: int, side: int) -> tuple[list[dict], dict]:
    """The rows of one network, and the best of ours against the best of timm's."""
    makers = {"lenext": ours, "timm": by_timm}
    works = {(by, mode): make(case, mode) for by, make in makers.items() for mode in modes}
    named = {f"{by}, {mode}": work for (by, mode), work in works.items()} | {"product": product(case, side)}
    timings = interleaved(named, rounds=rounds, threads=2)  # the clock
    peak = 2e-9 * side**3 / timings["product"].median
    device = torch.cuda.get_device_name(case.compute.device) if case.compute.device.type == "cuda" else "cpu"
    promised = next((figure for name, figure in PUBLISHED.items() if name in device), None)
    what, rows = "training" if case.training else "inference", []
    for by, mode in works:
        timing = timings[f"{by}, {mode}"]
        rate = case.operations / timing.median
        row = {"network": case.name, "what": what, "by": by, "compile": mode, "batch": case.batch,
               "milliseconds": round(1e3 * timing.median, 3), "images_per_second": round(case.batch / timing.median, 1),
               "gflops_per_second": round(rate, 1), "mfu": round(rate / peak, 4),
               "published": None if promised is None else round(rate / promised, 4)}  # fmt: skip
        rows.append(row)
        print(json.dumps(row), flush=True)
    slow, fast = (
        timings[min((f"{by}, {mode}" for mode in modes), key=lambda name: timings[name].median)]
        for by in ("timm", "lenext")
    )
    value, low, high = (round(one, 3) for one in ratios(slow, fast))
    ratio = {"name": f"{case.name}, {what}", "against": "timm", "value": value, "low": low, "high": high}
    return rows, {**ratio, "peak_gflops_per_second": round(peak, 1)}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    words.add_argument("--batch", type=int, default=256)
    words.add_argument("--modes", nargs="+", choices=MODES, default=["default", "max-autotune"])
    words.add_argument("--rounds", type=int, default=7)
    words.add_argument("--dry-run", action="store_true", help="on the CPU, small, and without generating code")
    words.add_argument(
        "--out", type=Path, help="the document's file [results/gpu_NAME.json; of a dry run standard output only]"
    )
    asked = words.parse_args()
    dry = asked.dry_run
    if not dry and not torch.cuda.is_available():
        words.exit(1, "There is no GPU here; --dry-run does it all on the CPU.\n")
    modes, rounds, side = (["eager"], 1, 256) if dry else (asked.modes, asked.rounds, 8192)
    rows, found = [], []
    for name in asked.networks:
        for training in (False, True):
            case = Case(
                name, 2 if dry else asked.batch, reading=READINGS.get(name, "paper"), image_size=64 if dry else None,
                device="cpu" if dry else "cuda", precision="auto", training=training,
            )  # fmt: skip
            more, ratio = measured(case, modes, rounds, side)
            rows, found = rows + more, [*found, ratio]
    device = "cpu, dry run" if dry else torch.cuda.get_device_name()
    document = {
        **head(
            "ResNet-50 and ConvNeXt-T against timm with AMP, channels last and torch.compile",
            command(),
            device,
            {"timm": library("timm").__version__},
        ),
        "precision": case.compute.precision,
        "measurements": rows,
        "ratios": found,
    }
    path = asked.out or (None if dry else RESULTS / f"gpu_{device.replace(' ', '-')}.json")
    if path:
        write(path, document)
    for one in found:
        print(f"{one['name']}: {one['value']:.2f}x of timm ({one['low']:.2f} to {one['high']:.2f})")


if __name__ == "__main__":
    main()
