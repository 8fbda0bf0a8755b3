"""Every number is a pure function of seed, stream, epoch and position, and its bits are written down here."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenext.data.draws import AUGMENTATION, NOISE, ORDER, noise_seed, permutation, uniforms

SEEDS = st.integers(0, 2**63 - 1)
COUNTS = st.integers(0, 2**40)


class TestUniforms:
    def test_the_bits_never_change(self):
        """A resumed run on a newer numpy must go on with the same numbers."""
        assert [[f"{number:.17f}" for number in row] for row in uniforms((7, 2), 3, 5, 2, 3)] == UNIFORMS

    @given(SEEDS, COUNTS, COUNTS, st.integers(1, 9), st.integers(0, 90), st.integers(1, 10))
    def test_a_part_alone_equals_the_part_of_the_whole(self, seed, epoch, start, width, skipped, count):
        whole = uniforms((seed, 2), epoch, start, 100, width)
        assert whole.shape == (100, width)
        assert (uniforms((seed, 2), epoch, start + skipped, count, width) == whole[skipped : skipped + count]).all()

    def test_seed_stream_epoch_and_position_each_make_other_numbers(self):
        calls = [((1, 2), 3, 4), ((2, 2), 3, 4), ((1, 3), 3, 4), ((1, 2), 4, 4), ((1, 2), 3, 5), ((2, 1), 3, 4)]
        rows = [tuple(uniforms(key, epoch, start, 1, 4)[0]) for key, epoch, start in calls]
        assert len({number for row in rows for number in row}) == 4 * len(calls)

    def test_they_are_uniform_and_independent(self):
        from scipy.stats import chisquare

        numbers = uniforms((0, 2), 0, 0, 4000, 5)
        for column in numbers.T:
            assert chisquare(np.histogram(column, 20, (0, 1))[0]).pvalue > 0.001
        correlation = np.corrcoef(np.vstack([numbers.T, np.roll(numbers.T, 1, axis=1)])) - np.eye(10)
        assert np.abs(correlation).max() < 0.06  # 4 standard errors of 4000 draws

    def test_they_lie_in_the_half_open_interval(self):
        numbers = uniforms((3, 2), 1, 0, 100_000, 1)
        assert 0 <= numbers.min() < 1e-4
        assert 1 - 1e-4 < numbers.max() < 1

    def test_a_step_without_draws_gets_none(self):
        assert uniforms((0, 2), 0, 0, 5, 0).shape == (5, 0)


class TestPermutation:
    def test_the_order_never_changes(self):
        assert permutation(7, 3, 10).tolist() == ORDER_OF_TEN

    @given(SEEDS, COUNTS, st.integers(0, 200))
    def test_it_has_every_position_once(self, seed, epoch, length):
        order = permutation(seed, epoch, length)
        assert order.dtype == np.int64
        assert sorted(order) == list(range(length))

    def test_seeds_and_epochs_have_other_orders(self):
        orders = {tuple(permutation(seed, epoch, 20)) for seed in range(10) for epoch in range(10)}
        assert len(orders) == 100

    def test_every_image_comes_everywhere_alike(self):
        from scipy.stats import chisquare

        places = [permutation(0, epoch, 10).tolist().index(0) for epoch in range(2000)]
        assert chisquare(np.bincount(places, minlength=10)).pvalue > 0.001


class TestNoise:
    def test_the_seeds_never_change(self):
        assert [noise_seed(7, 11), noise_seed(7, 11, 1)] == NOISE_SEEDS

    def test_every_step_and_shard_has_its_own_that_torch_takes(self):
        seeds = {noise_seed(seed, step, shard) for seed in range(3) for step in range(100) for shard in range(3)}
        assert len(seeds) == 900
        assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_streams_do_not_touch():
    assert len({ORDER, NOISE, AUGMENTATION}) == 3
    assert max(ORDER, NOISE) < AUGMENTATION, "steps of augmentation count upwards from there"


@pytest.mark.parametrize("seed", [0, 2**32, 2**63 - 1])
def test_the_whole_range_of_seeds_works(seed):
    assert sorted(permutation(seed, 0, 5)) == [0, 1, 2, 3, 4]
    assert uniforms((seed, 2), 0, 0, 1, 1).shape == (1, 1)
    assert noise_seed(seed, 0) >= 0


UNIFORMS = [
    ["0.18886669918755106", "0.21061006712134833", "0.46305086678628804"],
    ["0.78057208615258411", "0.36578550626448858", "0.37141151130283589"],
]
ORDER_OF_TEN = [2, 8, 9, 4, 0, 6, 7, 5, 1, 3]
NOISE_SEEDS = [834547529101260663, 5172852101498278095]
