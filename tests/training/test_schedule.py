"""The learning rate of every step, against its formula; and when a plateau is met."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenext.recipes import Constant, Cosine, Decay, EpochRates, EpochSteps, Inverse, Plateau, Polynomial, Steps
from lenext.training.schedule import PlateauWatch, learning_rate

RATE = 0.4


def curve(schedule, total, drops=0, steps_per_epoch=1.0):
    return [learning_rate(schedule, RATE, step, total, drops, steps_per_epoch) for step in range(total)]


def test_a_constant_rate():
    assert curve(Constant(), 4) == [RATE] * 4


def test_steps_with_their_warm_up():
    schedule = Steps(at=(5, 8), factor=0.1, warmup_lr=0.01, warmup_iterations=2)
    assert curve(schedule, 10) == pytest.approx([0.01] * 2 + [0.4] * 3 + [0.04] * 3 + [0.004] * 2)


def test_steps_without_a_warm_up_start_with_the_rate():
    assert curve(Steps(at=(1,), factor=0.5), 3) == pytest.approx([0.4, 0.2, 0.2])


def test_each_plateau_multiplies_the_rate_once_more():
    assert [curve(Plateau(factor=0.1), 1, drops)[0] for drops in range(4)] == pytest.approx([0.4, 0.04, 0.004, 0.0004])


def test_epoch_steps_drop_when_an_epoch_or_a_part_of_one_is_over():
    rates = curve(EpochSteps(at=(1, 2.5), factor=0.1), 12, steps_per_epoch=4)
    assert rates == pytest.approx([0.4] * 4 + [0.04] * 6 + [0.004] * 2)


def test_a_table_of_rates_stands_for_the_optimisers_rate():
    rates = curve(EpochRates(until=(1, 3, 4), rates=(0.5, 0.2, 0.1)), 15, steps_per_epoch=3)
    assert rates == [0.5] * 3 + [0.2] * 6 + [0.1] * 6


def test_lenets_table():
    table = EpochRates(until=(2, 5, 8, 12, 20), rates=(5e-4, 2e-4, 1e-4, 5e-5, 1e-5))
    assert curve(table, 20) == [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8


def test_caffes_inv_is_what_its_readme_shows():
    """examples/mnist: "Iteration 100, lr = 0.00992565"."""
    assert f"{learning_rate(Inverse(gamma=1e-4, power=0.75), 0.01, 100, 10_000, 0, 938):.6g}" == "0.00992565"
    assert curve(Inverse(gamma=1, power=1), 4) == pytest.approx([0.4, 0.2, 0.4 / 3, 0.1])


def test_a_polynomial_goes_to_nothing():
    assert curve(Polynomial(power=1), 4) == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert curve(Polynomial(power=0.5), 100)[75] == pytest.approx(0.2)


class TestDecay:
    """TensorFlow's exponential decay in stairs, as EfficientNet and MobileNet use it."""

    def test_a_stair_ends_where_another_number_of_epochs_is_over(self):
        rates = curve(Decay(factor=0.97, every=2.4), 1000, steps_per_epoch=100)
        assert rates == pytest.approx([0.4 * 0.97 ** math.floor(step / 240) for step in range(1000)])

    def test_the_stairs_are_counted_from_the_start_and_the_warm_up_hides_the_first(self):
        rates = curve(Decay(factor=0.5, every=2, warmup=3), 60, steps_per_epoch=10)
        assert rates[:30] == pytest.approx([0.4 * step / 30 for step in range(30)])
        assert rates[30:] == pytest.approx([0.2] * 10 + [0.1] * 20)

    def test_epochs_that_hold_no_whole_number_of_steps(self):
        spe = 1281167 / 2048
        rates = curve(Decay(factor=0.97, every=2.4), 5000, steps_per_epoch=spe)
        first = [step for step in range(1, 5000) if rates[step] < rates[step - 1]]
        assert first == [math.ceil(2.4 * spe * number) for number in (1, 2, 3)]


class TestCosine:
    def test_it_rises_in_equal_parts_to_the_rate_and_falls_to_nothing(self):
        rates = curve(Cosine(warmup=0.2), 20)
        assert rates[:5] == pytest.approx([RATE * part / 5 for part in (1, 2, 3, 4, 5)])
        assert rates[4:] == pytest.approx([RATE * 0.5 * (1 + math.cos(math.pi * done / 16)) for done in range(16)])
        assert rates[-1] < 0.01 * RATE

    def test_half_way_down_it_has_half_of_the_way(self):
        assert curve(Cosine(final=0.2), 10)[5] == pytest.approx(RATE * (0.2 + 0.8 / 2))

    def test_final_is_where_it_ends(self):
        assert curve(Cosine(warmup=0.05, final=0.01), 10_000)[-1] == pytest.approx(0.01 * RATE, rel=1e-4)

    @given(st.integers(1, 300), st.floats(0, 1), st.floats(0, 1))
    def test_it_never_starts_at_zero_never_passes_the_rate_and_turns_once(self, total, warmup, final):
        rates = curve(Cosine(warmup=warmup, final=final), total)
        assert min(rates) > 0 or final == 0
        assert rates[0] > 0
        assert max(rates) <= RATE * (1 + 1e-12)
        top = rates.index(max(rates))
        assert rates[: top + 1] == sorted(rates[: top + 1])
        assert all(after <= before + 1e-12 for before, after in zip(rates[top:], rates[top + 1 :], strict=False))


def drops_after(schedule, accuracies):
    watch = PlateauWatch()
    counts = []
    for accuracy in accuracies:
        watch.see(schedule, accuracy)
        counts.append(watch.drops)
    return counts


class TestPlateau:
    SCHEDULE = Plateau(patience=2, times=2)

    def test_a_drop_comes_after_patience_epochs_without_a_better_one(self):
        assert drops_after(self.SCHEDULE, [0.1, 0.5, 0.4, 0.5, 0.6]) == [0, 0, 0, 1, 1]

    def test_as_good_is_not_better(self):
        assert drops_after(self.SCHEDULE, [0.5, 0.5, 0.5]) == [0, 0, 1]

    def test_after_a_drop_the_count_starts_anew(self):
        assert drops_after(self.SCHEDULE, [0.5, 0.4, 0.4, 0.4, 0.4]) == [0, 0, 1, 1, 2]

    def test_a_better_epoch_starts_the_count_anew(self):
        assert drops_after(self.SCHEDULE, [0.5, 0.4, 0.6, 0.5, 0.5]) == [0, 0, 0, 0, 1]

    def test_it_drops_so_many_times_and_no_more(self):
        assert drops_after(self.SCHEDULE, [0.5] * 9)[-1] == 2

    def test_the_first_epoch_is_better_than_nothing_even_at_zero(self):
        assert drops_after(Plateau(patience=1), [0.0, 0.0]) == [0, 1]

    def test_other_schedules_have_no_plateau(self):
        assert drops_after(Constant(), [0.5] * 9)[-1] == 0
