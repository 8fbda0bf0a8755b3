"""What a step computes: the objective of all heads, gradients in passes, clipping, noise, what optimisers prepare."""

from dataclasses import replace

import pytest
import torch
from everything import EVERYTHING, PLAIN, network, task
from torch import nn

from lenext.errors import UsageError
from lenext.recipes import DiagonalLM
from lenext.training.gradients import passes
from lenext.training.loss import loss_of
from lenext.training.objective import objective_of

INPUTS = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(8) % 3


def gradient(job, targets=LABELS):
    job.zero_grad()
    loss, hits = job.gradients(INPUTS, targets, LABELS)
    return loss, hits, [p.grad.clone() for p in job.network.parameters() if p.grad is not None]


class TestPasses:
    @pytest.mark.parametrize(
        ("images", "most", "sizes"),
        [(8, None, [8]), (8, 8, [8]), (8, 3, [2, 3, 3]), (9, 4, [3, 3, 3]), (3, 1, [1] * 3)],
    )
    def test_are_nearly_equal(self, images, most, sizes):
        parts = passes(images, most)
        assert [part.stop - part.start for part in parts] == sizes
        assert (parts[0].start, parts[-1].stop) == (0, images)

    @pytest.mark.parametrize("micro_batch", [1, 3, 5])
    @pytest.mark.parametrize("soft", [False, True])
    def test_add_up_to_the_gradient_of_the_whole_batch(self, micro_batch, soft):
        targets = nn.functional.one_hot(LABELS, 3).float().roll(1, 0) * 0.4 if soft else LABELS
        net = network(noisy=False)
        recipe = replace(EVERYTHING, average=None)
        whole = gradient(task(recipe, net=net, micro_batch=None), targets)
        parts = gradient(task(recipe, net=net, micro_batch=micro_batch), targets)
        assert parts[0].item() == pytest.approx(whole[0].item(), rel=1e-5)
        assert parts[1].item() == whole[1].item()
        for one, other in zip(parts[2], whole[2], strict=True):
            assert torch.allclose(one, other, atol=1e-6)


class TestAuxiliaryHeads:
    def test_their_losses_are_added_by_weight(self):
        net = network().eval()
        logits, sides = net(INPUTS), net.auxiliary_logits(INPUTS)
        expected = loss_of(EVERYTHING.loss, logits, LABELS) + 0.3 * loss_of(EVERYTHING.loss, sides[0], LABELS)
        objective = objective_of(EVERYTHING, net)
        assert torch.allclose(objective(objective.heads(INPUTS), LABELS), expected)

    def test_without_a_weight_nobody_looks_at_them(self):
        job = task(PLAIN)
        gradient(job)
        assert all(parameter.grad is None for parameter in job.network.auxiliary.parameters())

    def test_a_weight_without_heads_is_refused(self):
        with pytest.raises(UsageError, match="weights auxiliary heads") as refused:
            objective_of(EVERYTHING, nn.Linear(1, 1))
        assert "auxiliary=0" in refused.value.remedy


def test_the_gradient_is_clipped_to_the_recipes_norm():
    job = task(replace(EVERYTHING, clip=0.01))
    _, _, before = gradient(job)
    job.clip()
    clipped = torch.cat([p.grad.flatten() for p in job.network.parameters() if p.grad is not None])
    assert torch.cat([one.flatten() for one in before]).norm() > 0.01
    assert clipped.norm().item() == pytest.approx(0.01, rel=1e-3)


class TestNoise:
    def test_a_step_has_its_own(self):
        job = task()
        job.network.train()
        losses = []
        for step in (3, 4, 3):
            job.seed(step)
            losses.append(gradient(job)[0].item())
        assert losses[0] == losses[2] != losses[1]

    def test_where_nothing_is_drawn_the_generator_is_left_alone(self):
        job = task(net=nn.Linear(2, 2))
        torch.manual_seed(0)
        expected = torch.rand(1)
        torch.manual_seed(0)
        job.seed(7)
        assert torch.rand(1).equal(expected)


class TestSamples:
    def test_are_training_images_another_choice_each_epoch(self):
        job = task()
        first, again, next_ = ([labels.tolist() for _, labels in job.sample(e, 20)] for e in (0, 0, 1))
        assert first == again != next_
        assert sum(map(len, first)) == 20
        assert sum(len(labels) for _, labels in job.sample(0, 500)) == 30, "there are no more"

    def test_an_optimiser_that_prepares_itself_is_asked_before_every_epoch(self):
        job = task(PLAIN)
        asked = []

        class Preparing:
            def begin_epoch(self, net, loss, batches):
                asked.append((net, loss, sum(len(labels) for _, labels in batches)))

        prepared = replace(job, recipe=replace(PLAIN, optimizer=DiagonalLM(lr=0.1, samples=12)), optimizer=Preparing())
        prepared.begin_epoch(0)
        job.begin_epoch(0)
        assert asked == [(job.network, PLAIN.loss, 12)]


def test_single_images_are_tested_many_at_once():
    assert task(replace(PLAIN, batch_size=1), micro_batch=None).test_batch == 64
    assert task(replace(PLAIN, batch_size=256), micro_batch=None).test_batch == 256
    assert task(replace(PLAIN, batch_size=256), micro_batch=16).test_batch == 16
