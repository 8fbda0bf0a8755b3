"""A limit of time by a clock that a test turns: kept over kills, plans shortened, schedules that reach their end."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from everything import EVERYTHING, task

from lenext.errors import UsageError
from lenext.recipes import SGD, Cosine
from lenext.training.budget import Clock, Pace, Unlimited, budget_of, seconds_of
from lenext.training.checkpoint import Checkpoints, Progress
from lenext.training.log import MetricLog, read_log
from lenext.training.loop import Keeping, fit
from lenext.training.watch import Silent

RECIPE = replace(EVERYTHING, epochs=10, schedule=Cosine(warmup=0.0, final=0.0), optimizer=SGD(lr=0.1), average=None)


class Hand:
    """A time that moves when a test moves it."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Slow(Silent):
    """Every epoch takes ``seconds``."""

    def __init__(self, hand, seconds):
        self.hand, self.seconds, self.rows, self.said = hand, seconds, [], []

    def message(self, text):
        self.said.append(text)

    def epoch(self, row):
        self.hand.now += self.seconds
        self.rows.append(row)


class Stalls(Slow):
    """Every step that is shown takes half a minute."""

    def step(self, _):
        self.hand.now += 30


class Dies(Slow):
    """The process is killed in the third epoch."""

    def step(self, moment):
        if moment.epoch == 3:
            raise KeyboardInterrupt


def sit(folder, watcher, end):
    """One sitting of a run whose training must be over at ``end``; returns where it stands."""
    job, checkpoints = task(RECIPE), Checkpoints(folder / "checkpoints")
    checkpoints.folder.mkdir(parents=True, exist_ok=True)
    found, _ = checkpoints.restore_newest(job.network, job.optimizer)
    progress = found or Progress()
    log = MetricLog(folder / "metrics.jsonl", progress.log_bytes)
    budget = budget_of(Clock(folder / "seconds", now=watcher.hand), end)
    try:
        fit(job, progress, Keeping(checkpoints, log, 600.0, budget), watcher)
    finally:
        log.close()
    return progress


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), ("45", 45), (" 1.5H ", 5400)]
)
def test_times(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-3m", "0s", "m", "3x", "1h2", "inf", "nan", "30m m"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError) as refused:
        seconds_of(text)
    assert "30m" in refused.value.remedy


def test_the_clock_goes_on_where_a_killed_sitting_left_it(tmp_path):
    hand = Hand()
    clock = Clock(tmp_path / "seconds", now=hand)
    hand.now += 30
    assert clock.elapsed() == 30
    hand.now += 1000  # between the sittings
    again = Clock(tmp_path / "seconds", now=hand)
    hand.now += 5
    assert again.elapsed() == 35


def test_a_clock_counts_from_before_its_folder_was_there(tmp_path):
    hand = Hand()
    assert Clock(tmp_path / "seconds", began=hand.now - 7, now=hand).elapsed() == 7


def test_a_damaged_note_is_no_time(tmp_path):
    (tmp_path / "seconds").write_text("a lot")
    assert Clock(tmp_path / "seconds", now=Hand()).elapsed() == 0


def test_a_pace_is_the_plan_until_it_is_shortened():
    assert [Pace().step(step, 100) for step in (0, 40, 99)] == [0, 40, 99]
    pace = Pace().shortened(40, 20, 100)
    assert pace.steps(100) == 60
    assert [pace.step(step, 100) for step in (40, 50, 60)] == [40, 70, 100]
    again = pace.shortened(50, 5, 100)
    assert [again.step(step, 100) for step in (50, 55)] == [70, 100]


def test_unlimited_takes_all():
    assert not Unlimited().over()
    assert Unlimited().fitting(1000, 10) == 1000
    assert type(budget_of(None, None)) is Unlimited


def test_a_run_in_time_is_left_alone(tmp_path):
    watcher = Slow(Hand(), 1.0)
    progress = sit(tmp_path, watcher, end=100)
    assert (progress.epoch, progress.pace) == (10, Pace())
    assert not watcher.said


def test_a_run_that_proves_slow_is_shortened_and_its_cosine_still_ends(tmp_path):
    watcher = Slow(Hand(), 10.0)
    progress = sit(tmp_path, watcher, end=65)
    assert progress.finished
    assert 3 <= progress.epoch <= 6
    rates = [row["lr"] for row in watcher.rows]
    assert rates[-1] < 0.02
    assert all(before > after for before, after in pairwise(rates))
    assert any("Slower than planned" in line for line in watcher.said)


def test_a_shortened_run_is_resumed_by_the_same_plan(tmp_path):
    whole, hand = Slow(Hand(), 10.0), Hand()
    sit(tmp_path / "whole", whole, end=65)
    with pytest.raises(KeyboardInterrupt):
        sit(tmp_path / "killed", Dies(hand, 10.0), end=65)
    planned = sit(tmp_path / "killed", Slow(hand, 10.0), end=65).pace
    assert planned.total is not None
    assert (tmp_path / "killed" / "metrics.jsonl").read_text() == (tmp_path / "whole" / "metrics.jsonl").read_text()


def test_out_of_time_in_the_middle_of_an_epoch_it_stops_after_the_step(tmp_path):
    progress = sit(tmp_path, Stalls(Hand(), 0.0), end=40)
    assert progress.finished
    assert progress.step < 8
    assert math.isfinite(read_log(tmp_path / "metrics.jsonl")[-1]["val_loss"])
