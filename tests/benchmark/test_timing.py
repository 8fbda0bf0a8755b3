"""Times on a shared machine: which samples count, in which order they are taken, what follows."""

import random

import pytest

from lenext.benchmark.timing import (
    Sample,
    Timing,
    calls_of,
    foreign_seconds,
    in_turns,
    interleaved,
    ratios,
    sample,
    wait_for_quiet,
)


def timing(*pairs, by_clock=True):
    return Timing(tuple(Sample(seconds, foreign) for seconds, foreign in pairs), by_clock)


def test_of_the_clocks_samples_the_quiet_ones_count():
    found = timing((1.0, 0.0), (9.0, 0.9), (2.0, 0.1), (3.0, 0.05))
    assert (found.median, found.spread, found.quiet, found.disturbed) == (2.0, (1.0, 3.0), 3, False)


def test_without_three_quiet_samples_a_figure_is_marked_and_rests_on_the_calmest():
    found = timing((1.0, 0.5), (2.0, 0.9), (3.0, 0.6), (4.0, 0.3), (5.0, 0.05))
    assert (found.disturbed, found.quiet) == (True, 1)
    assert sorted(found.counted) == [1.0, 4.0, 5.0]


def test_cpu_time_counts_whatever_others_do():
    found = timing((1.0, 2.0), (2.0, 2.0), (3.0, 2.0), by_clock=False)
    assert (found.median, found.disturbed) == (2.0, False)


def test_where_the_system_says_nothing_every_sample_counts():
    assert timing((1.0, None), (3.0, None), (2.0, None)).counted == (1.0, 3.0, 2.0)


def test_a_ratio_has_the_spread_of_the_rounds_in_which_both_were_quiet():
    slow = timing((4.0, 0.0), (6.0, 0.0), (90.0, 0.5), (8.0, 0.0))
    fast = timing((2.0, 0.0), (2.0, 0.0), (2.0, 0.0), (2.0, 0.0))
    assert ratios(slow, fast) == (3.0, 2.0, 4.0)


def test_everybody_takes_a_turn_each_round_in_changing_order():
    order = []

    def sampler(name):
        return lambda: order.append(name) or Sample(1.0, 0.0)

    found = in_turns({name: sampler(name) for name in "abc"}, rounds=8, by_clock=False)
    rounds = ["".join(order[start : start + 3]) for start in range(0, 24, 3)]
    assert {"".join(sorted(one)) for one in rounds} == {"abc"}
    assert len(set(rounds)) > 1
    assert [len(one.samples) for one in found.values()] == [8, 8, 8]


def test_more_work_takes_longer():
    def work(size):
        return lambda: sorted(random.Random(0).sample(range(size), size))

    found = interleaved({"little": work(300), "much": work(30_000)}, rounds=2, threads=1)
    assert found["much"].median > 5 * found["little"].median
    assert calls_of(work(300), by_clock=False) > calls_of(work(30_000), by_clock=False)


def test_a_sample_says_what_others_used():
    if foreign_seconds() is None:
        pytest.skip("there is no /proc/stat")
    assert sample(lambda: None, 1, by_clock=True).foreign is not None


def test_where_nothing_is_known_of_others_nobody_waits(monkeypatch):
    monkeypatch.setattr("lenext.benchmark.timing.foreign_seconds", lambda: None)
    assert wait_for_quiet(100)
    assert sample(lambda: None, 1, by_clock=True).foreign is None
