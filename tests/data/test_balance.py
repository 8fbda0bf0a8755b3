"""Uneven classes: an order that shows them evenly, a function of seed and epoch; weights as computed by hand."""

import numpy as np
import pytest

from lenext.data.balance import BalancedOrder, class_weights, imbalance, shown
from lenext.recipes import BalancedSampling, ClassWeights

SIZES = np.array([50, 20, 7, 3])
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(4), SIZES))


def order(power=1.0, seed=0):
    return BalancedOrder(BalancedSampling(power=power), LABELS, seed)


def of_class(chosen):
    return np.bincount(LABELS[chosen], minlength=4).tolist()


def test_every_class_is_shown_equally_often_in_an_epoch_of_the_same_length():
    for epoch in range(5):
        assert of_class(order()(epoch)) == [20, 20, 20, 20]


def test_what_does_not_divide_is_rounded_and_nothing_is_lost():
    assert shown(np.array([5, 3, 2]), 1.0).tolist() == [4, 3, 3]
    assert shown(np.array([100, 0, 1]), 1.0).tolist() == [51, 0, 50]


def test_half_way_goes_by_square_roots():
    roots = np.sqrt(SIZES)
    assert shown(SIZES, 0.5).tolist() == pytest.approx((80 * roots / roots.sum()).tolist(), abs=1)
    assert shown(SIZES, 0.5).sum() == 80


def test_without_power_every_image_is_shown_once():
    assert sorted(order(power=0.0)(3)) == list(range(80))


def test_it_is_a_function_of_seed_and_epoch():
    assert order()(4).tolist() == order()(4).tolist()
    assert order()(4).tolist() != order()(5).tolist()
    assert order()(4).tolist() != order(seed=1)(4).tolist()


def test_images_of_a_large_class_take_turns_over_the_epochs():
    shuffled = order()
    seen = np.concatenate([shuffled(epoch) for epoch in range(5)])  # 100 draws of the 50 images of the first class
    times = np.bincount(seen, minlength=80)[LABELS == 0]
    assert times.tolist() == [2] * 50


def test_images_of_a_small_class_are_shown_about_equally_often():
    times = np.bincount(order()(0), minlength=80)[LABELS == 3]
    assert sorted(times) == [6, 7, 7]


def test_weights_by_hand():
    """Inverse sizes 1/6 and 1/2: the 8 images weigh 6 * 4/6 + 2 * 2 = 8 together."""
    assert class_weights(ClassWeights(), np.array([6, 2])).tolist() == pytest.approx([4 / 6, 2.0])
    roots = class_weights(ClassWeights(power=0.5), np.array([4, 1]))
    assert roots.tolist() == pytest.approx([5 / 6, 5 / 3])  # 1/2 and 1, times 5 / (4/2 + 1)


def test_weights_of_the_effective_number_by_hand():
    """Beta 0.5: effective numbers 2 (1 - 0.5^n) of 1 and 2 images are 1 and 1.5."""
    weights = class_weights(ClassWeights(beta=0.5), np.array([1, 2]))
    assert (weights[0] / weights[1]).item() == pytest.approx(1.5)
    assert weights @ [1, 2] == pytest.approx(3)


def test_a_class_without_images_weighs_nothing():
    assert class_weights(ClassWeights(), np.array([4, 0, 4])).tolist() == [1.0, 0.0, 1.0]


def test_beta_zero_counts_all_alike():
    assert class_weights(ClassWeights(beta=0.0), np.array([4, 1])).tolist() == [1.0, 1.0]


def test_imbalance_is_of_the_classes_that_have_images():
    assert imbalance(np.array([50, 0, 5])) == 10
    assert imbalance(np.array([0, 0])) == 1
