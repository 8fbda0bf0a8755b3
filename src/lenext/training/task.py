"""A recipe made ready to run on one network: what its steps compute is chosen here, once, and not at every step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from lenext.data.augment import Pipeline
from lenext.data.balance import BalancedOrder, class_weights
from lenext.data.draws import noise_seed, permutation
from lenext.data.loader import Loader, batch_cuts
from lenext.evaluation.inference import Compute
from lenext.layers.drop_path import DropPath
from lenext.recipes import BalancedSampling, ClassWeights, DiagonalLM, Recipe
from lenext.training.average import LastWeights, MovingAverage, average_of
from lenext.training.compiling import compiled_heads
from lenext.training.freezing import training_mode
from lenext.training.goal import Goal, OneClass
from lenext.training.gradients import Gradients, passes
from lenext.training.objective import objective_of
from lenext.training.one_sample_gradients import OneSampleGradients, one_sample_gradients
from lenext.training.optim import set_rate
from lenext.training.recomputing import recomputed_heads
from lenext.training.scaling import Unscaled, scaling_of
from lenext.training.signals import StopSignals
from lenext.training.tile_products import in_tiles

TEST_BATCH = 64  # ours: images that are tested at once, at least; a recipe of single images would wait for each
TEST_PIXELS = TEST_BATCH * 224**2  # ours: of larger images fewer, so that a test takes no more memory than training

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Task:
    """Everything that a run computes with; ``validation`` is None when every image trains.

    micro_batch: images of one pass at most, None for a whole batch; passes of one batch add up to its gradient;
    save_memory: whether blocks are computed again in the backward pass; compiled: whether the network is compiled;
    goal: what is learnt.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    recipe: Recipe
    pipeline: Pipeline
    training: Loader
    validation: Loader | None
    compute: Compute
    classes: int
    micro_batch: int | None = None
    save_memory: bool = False
    compiled: bool = False
    goal: Goal = field(default_factory=OneClass)

    @cached_property
    def cuts(self) -> list[int]:
        """Where an epoch is cut into batches."""
        return batch_cuts(len(self.training.part.labels), self.recipe.batch_size)

    @cached_property
    def steps_per_epoch(self) -> int:
        return len(self.cuts) - 1

    @cached_property
    def pass_sizes(self) -> frozenset[int]:
        """Images of each pass of a whole batch, as the first of an epoch is: nearly equal parts are of two sizes."""
        return frozenset(part.stop - part.start for part in passes(self.cuts[1], self.micro_batch))

    @cached_property
    def epochs(self) -> int:
        return self.recipe.epochs or math.ceil((self.recipe.iterations or 0) / self.steps_per_epoch)

    @cached_property
    def steps(self) -> int:
        """Steps of the whole run; a recipe that counts iterations may end in the middle of an epoch."""
        return self.recipe.iterations or self.epochs * self.steps_per_epoch

    @cached_property
    def gradients(self) -> Gradients | OneSampleGradients:
        """Computes the gradient of a batch."""
        objective = objective_of(self.recipe, self.network, self.class_weights)
        if self.save_memory:
            objective = recomputed_heads(objective, self.network)
        else:
            objective = in_tiles(objective, self.network, self.compute)
        if self.compiled:
            objective = compiled_heads(objective, self.pass_sizes)
        whole = Gradients(objective, self.compute, self.micro_batch, self.scaling, self.goal.hits)
        return one_sample_gradients(self.recipe, self.network, self.compute) or whole

    @cached_property
    def scaling(self) -> Unscaled:
        """What the precision does to gradients."""
        return scaling_of(self.compute.precision, self.compute.device)

    @cached_property
    def order(self) -> Callable[[int], NDArray[np.int64]]:
        """The order of an epoch, as positions in the training part."""
        labels, value = self.training.part.labels, self.recipe.balance
        if isinstance(value, BalancedSampling):
            return BalancedOrder(value, labels, self.pipeline.seed)
        return lambda epoch: permutation(self.pipeline.seed, epoch, len(labels))

    @cached_property
    def class_weights(self) -> Tensor | None:
        """The weights of the classes in the loss (K,)."""
        value = self.recipe.balance
        if not isinstance(value, ClassWeights):
            return None
        sizes = self.training.part.sizes(self.classes)
        return torch.from_numpy(class_weights(value, sizes)).float().to(self.compute.device)

    @cached_property
    def average(self) -> LastWeights | MovingAverage:
        """The weights that are tested; it begins when it is first asked for."""
        return average_of(self.recipe.average, self.network)

    @cached_property
    def seed(self) -> Callable[..., object]:
        """Seeds torch's generator for a step, and a shard of its batch; nothing for a network that draws nothing."""
        if any(isinstance(part, _DropoutNd | nn.RReLU | DropPath) for part in self.network.modules()):
            return lambda step, shard=0: torch.manual_seed(noise_seed(self.pipeline.seed, step, shard))
        return nothing

    @cached_property
    def signals(self) -> StopSignals:
        """Where the loop asks whether it is to stop."""
        return StopSignals()

    @cached_property
    def zero_grad(self) -> Callable[[], object]:
        """Forgets the gradient. The optimiser's own way takes a tenth of a step of LeNet on one image."""
        parameters = list(self.network.parameters())

        def forget() -> None:
            for parameter in parameters:
                parameter.grad = None

        return forget

    @cached_property
    def clip(self) -> Callable[[], object]:
        """Scales the gradient down to the recipe's largest norm."""
        if self.recipe.clip is None:
            return lambda: None
        return partial(nn.utils.clip_grad_norm_, list(self.network.parameters()), self.recipe.clip)

    @cached_property
    def begin_epoch(self) -> Callable[[int], object]:
        """What the optimiser does before an epoch; most have nothing to do.

        One that estimates second derivatives has ``begin_epoch(network, loss, batches)``, with (inputs, labels).
        """
        value = self.recipe.optimizer
        if not isinstance(value, DiagonalLM):
            return nothing
        begin = self.optimizer.begin_epoch  # type: ignore[attr-defined]
        return lambda epoch: begin(self.network, self.recipe.loss, self.sample(epoch, value.samples))

    @cached_property
    def train(self) -> Callable[[], object]:
        """Puts the network into training mode, as far as it trains."""
        return training_mode(self.network, self.recipe.transfer)

    @property
    def test_batch(self) -> int:
        """Images that are tested at once."""
        fitting = TEST_PIXELS // math.prod(self.recipe.view.shape)
        usual = max(self.recipe.batch_size, min(TEST_BATCH, fitting))
        return usual if self.micro_batch is None else min(usual, self.micro_batch)

    def batches(self, epoch: int, order: NDArray[np.int64], cuts: Sequence[int]) -> Iterator[Batch]:
        """What ``learn`` takes, between each two neighbouring cuts of an epoch's order."""
        return self.training.training(self.pipeline, epoch, order, cuts)

    def validation_views(self) -> Iterator[Tensor]:
        """The validation images, uint8 N C H W, in their order."""
        assert self.validation is not None
        return self.validation.views(self.recipe.view, self.test_batch)

    def whole(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """The scores (images, classes) of all validation images, given those of ``validation_views``."""
        return scores

    def learn(
        self, batch: Batch, at: tuple[int, int, int], rate: float, bias_rate: float | None = None
    ) -> tuple[Tensor, Tensor]:
        """One step at a learning rate; mean loss and number of right answers, as scalars on the device.

        batch: augmented pixels (uint8 N C H W) and labels; at: the step, the epoch, and the position in its order;
        bias_rate: that of biases with a schedule of their own.
        """
        images, labels = batch
        step, epoch, position = at
        self.seed(step)
        set_rate(self.optimizer, rate, bias_rate)
        labels = labels.to(self.compute.device)
        inputs, targets = self.inputs(images, labels, epoch, position)
        self.zero_grad()
        found = self.gradients(inputs, targets, labels)
        self.scaling.update(self.optimizer, self.clip)
        return found

    def inputs(self, images: Tensor, labels: Tensor, epoch: int, position: int) -> Batch:
        """The network's inputs for augmented pixels, and the targets of the loss."""
        return self.mix(self.shown(images, epoch, position), labels, epoch, position)

    def shown(self, images: Tensor, epoch: int, position: int) -> Tensor:
        """Augmented pixels, which begin at a position of the epoch's order, as the network's inputs, not mixed yet."""
        inputs = self.pipeline.statistics.normalise(images.to(self.compute.device))
        return self.pipeline.finish(inputs, epoch, position)

    @cached_property
    def mix(self) -> Callable[[Tensor, Tensor, int, int], Batch]:
        """Inputs and labels to inputs and targets, by the recipe's mixing."""
        value = self.recipe.mixing
        if value is None:
            return unmixed
        from lenext.data.mixing import mixed  # brings SciPy

        def mix(inputs: Tensor, labels: Tensor, epoch: int, position: int) -> Batch:
            return mixed(inputs, labels, self.classes, value, (self.pipeline.seed, epoch, position))

        return mix

    def sample(self, epoch: int, images: int) -> Iterator[Batch]:
        """Inputs and labels of ``images`` training images, another choice for each epoch, as training shows them."""
        length = len(self.training.part.labels)
        chosen = permutation(self.pipeline.seed, self.epochs + epoch, length)[:images]  # no order of an epoch
        cuts = batch_cuts(len(chosen), self.test_batch)
        batches = self.training.training(self.pipeline, epoch, chosen, cuts)
        for start, (pixels, labels) in zip(cuts, batches, strict=False):
            yield self.shown(pixels, epoch, start), labels.to(self.compute.device)

    def views_of_training(self, images: int) -> Iterator[Tensor]:
        """Inputs of ``images`` training images after the last epoch, for the statistics of batch normalisation."""
        return (inputs for inputs, _ in self.sample(self.epochs, images))


def nothing(*_when: int) -> None:
    """What a step or an epoch has to do beforehand where there is nothing to do."""


def unmixed(inputs: Tensor, labels: Tensor, _epoch: int, _position: int) -> Batch:
    return inputs, labels
