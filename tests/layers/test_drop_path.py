"""Stochastic depth: whole images lose their branch in training, the expectation stays, and a test is left alone."""

from __future__ import annotations

import torch

from lenext.layers.drop_path import DropPath


def test_an_image_is_dropped_as_a_whole_or_divided_by_its_survival() -> None:
    torch.manual_seed(0)
    x = torch.rand(64, 2, 3, 3) + 1
    factors = DropPath(0.25)(x) / x
    assert torch.allclose(factors, factors[:, :1, :1, :1].expand_as(factors))
    assert set(factors.flatten().mul(3).round().tolist()) == {0.0, 4.0}


def test_the_share_that_survives_is_the_asked_one() -> None:
    torch.manual_seed(0)
    kept = DropPath(0.2)(torch.ones(20_000, 1)).bool().float().mean().item()
    assert abs(kept - 0.8) < 0.02


def test_a_test_changes_nothing_and_draws_nothing() -> None:
    x = torch.randn(4, 3)
    for layer in (DropPath(0.5).eval(), DropPath(0.0).train()):
        state = torch.get_rng_state()
        assert layer(x) is x
        assert torch.equal(torch.get_rng_state(), state)


def test_the_same_seed_drops_the_same_images() -> None:
    x = torch.ones(32, 1)
    draws = []
    for _ in range(2):
        torch.manual_seed(7)
        draws.append(DropPath(0.5)(x))
    assert torch.equal(*draws)


def test_everything_can_be_dropped() -> None:
    assert torch.equal(DropPath(1.0)(torch.ones(4, 2, 1, 1)), torch.zeros(4, 2, 1, 1))


def test_other_precisions_keep_theirs() -> None:
    for precision in (torch.bfloat16, torch.float64):
        assert DropPath(0.5)(torch.ones(4, 1, dtype=precision)).dtype == precision
