"""The line as a table: counts every network without memory for its weights, and prints ``line.json``.

``python -m lenext.models.table > line.json``, then move it beside this file. A test holds the two together.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lenext.layers.network import Network
from lenext.models import create_model, list_models, model_file


def measure(name: str) -> dict[str, Any]:
    """One row: year and paper, trainable parameters, multiply-adds of one image, and the input it is shown."""
    with torch.device("meta"):
        network = create_model(name).eval()
    paper = model_file(name).PAPER
    return {
        "year": paper.year,
        "paper": paper.title,
        "params": parameters(network),
        "macs": multiply_adds(network, network.input_size),
        "input": list(network.input_size),
    }


def parameters(module: nn.Module) -> int:
    """Trainable parameters."""
    return sum(weight.numel() for weight in module.parameters() if weight.requires_grad)


def multiply_adds(network: Network, size: tuple[int, int, int]) -> int:
    """Multiply-adds of convolutions and linear layers for one image of (channels, height, width), on the meta device.

    A module's ``density`` says which share of the multiplications it really needs (LeNet's C3).
    """
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(torch.empty(1, *size, device="meta"))
    flops = float(counter.get_total_flops())
    counts = counter.get_flop_counts()
    for path, module in network.named_modules(prefix=type(network).__name__):
        if isinstance(density := getattr(module, "density", None), float):
            flops -= (1 - density) * sum(counts[path].values())
    return round(flops / 2)


if __name__ == "__main__":
    rows = [f"  {json.dumps(name)}: {json.dumps(measure(name))}" for name in list_models()]
    sys.stdout.write("{\n" + ",\n".join(rows) + "\n}\n")
