"""One network on one batch: what everybody who is measured has to compute."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from lenext.benchmark.limit import synchronise
from lenext.benchmark.timing import Work
from lenext.evaluation.inference import Compute
from lenext.models import create_model
from lenext.recipes import SGD, CrossEntropy
from lenext.training.gradients import Gradients
from lenext.training.objective import Objective
from lenext.training.optim import build_optimizer
from lenext.training.recomputing import recomputed_heads
from lenext.training.scaling import scaling_of
from lenext.training.tile_products import in_tiles

# torchvision's references/classification/train.py; the rate so small that random labels change nothing.
OPTIMIZER = SGD(lr=1e-5, momentum=0.9, weight_decay=1e-4)


@dataclass(frozen=True)
class Case:
    """The network ``name`` on ``batch`` images of its own size, or of ``image_size`` pixels.

    training: a whole step in place of a forward pass; save_memory: our step computes blocks again in the backward pass;
    engine: what computes ours, eager torch where it is None.
    """

    name: str
    batch: int
    reading: str = "paper"
    image_size: int | None = None
    device: str = "cpu"
    precision: str = "fp32"
    threads: int = 1
    training: bool = False
    save_memory: bool = False
    engine: str | None = None

    @cached_property
    def network(self) -> nn.Module:
        """As it is built, the same in every process: nobody moves or changes it (see ``fresh``)."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return create_model(self.name, reading=self.reading)

    def fresh(self) -> nn.Module:
        """A copy of the network."""
        return copy.deepcopy(self.network)

    @cached_property
    def compute(self) -> Compute:
        return Compute.choose(self.device, self.precision)

    @cached_property
    def input_size(self) -> tuple[int, int, int]:
        channels, height, width = self.network.input_size  # type: ignore[misc] # every network of the line has it
        return channels, self.image_size or height, self.image_size or width

    @cached_property
    def images(self) -> Tensor:  # N C H W, float32, as every library takes them
        return torch.rand(self.batch, *self.input_size)

    @cached_property
    def labels(self) -> Tensor:
        return torch.arange(self.batch) % self.classes

    @cached_property
    def classes(self) -> int:
        with torch.inference_mode():
            return int(self.fresh().eval()(torch.rand(1, *self.input_size)).shape[1])

    @cached_property
    def operations(self) -> float:
        """Billions of floating-point operations of the batch, 2 a multiply-add; of a step the backward pass's too."""
        images = torch.rand(2, *self.input_size)  # batch normalisation wants two in training
        network = self.fresh().train(self.training)
        with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(self.training):
            logits = network(images)
            if self.training:
                logits.sum().backward()
        return float(counter.get_total_flops()) / len(images) * self.batch * 1e-9


def ours(case: Case) -> Work:
    """As ``lenext evaluate`` or ``lenext train`` computes: channels last, in the precision that was asked for."""
    network, compute = case.fresh(), case.compute
    compute.place(network, sparingly=case.save_memory)
    images, labels = case.images.to(compute.device), case.labels.to(compute.device)
    if not case.training:
        return inference(network.eval(), images, compute)
    optimizer = build_optimizer(OPTIMIZER, network.train())
    scaling = scaling_of(compute.precision, compute.device)
    objective = Objective(lambda inputs: (network(inputs),), CrossEntropy(), 0.0)
    objective = recomputed_heads(objective, network) if case.save_memory else in_tiles(objective, network, compute)
    gradients = Gradients(objective, compute, scaling=scaling)

    def step() -> None:
        optimizer.zero_grad()
        gradients(images, labels, labels)
        scaling.update(optimizer, lambda: None)
        synchronise(compute.device)

    return step


def inference(network: nn.Module, images: Tensor, compute: Compute) -> Work:
    @torch.inference_mode()
    def work() -> None:
        with compute.autocast():
            network(images)
        synchronise(compute.device)

    return work


def documented(case: Case, network: nn.Module) -> Work:
    """As the tutorials of torch and the libraries on it show: fp32, rows of planes, torch's optimiser as it comes."""
    device = case.compute.device
    images, labels = case.images.to(device), case.labels.to(device)
    network.to(device)
    if not case.training:
        return inference(network.eval(), images, Compute(device))
    network.train()
    optimizer = torch.optim.SGD(
        network.parameters(), OPTIMIZER.lr, momentum=OPTIMIZER.momentum, weight_decay=OPTIMIZER.weight_decay
    )

    def step() -> None:
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        synchronise(device)

    return step
