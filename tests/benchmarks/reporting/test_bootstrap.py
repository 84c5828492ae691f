import numpy as np
import pytest

from benchmarks.reporting.bootstrap import paired_interval


def test_the_interval_of_equal_differences_is_that_difference():
    assert paired_interval([[0.2], [0.2, 0.2], [0.2]]) == pytest.approx((0.2, 0.2))


def test_the_interval_is_that_of_the_normal_law_for_many_sequences():
    draws = np.random.default_rng(1).normal(0.1, 0.5, 400)
    low, high = paired_interval([[d] for d in draws])
    half = 1.96 * draws.std() / np.sqrt(400)
    assert low == pytest.approx(draws.mean() - half, abs=0.005)
    assert high == pytest.approx(draws.mean() + half, abs=0.005)
    assert (low, high) == paired_interval([[d] for d in draws])


def test_objects_of_a_sequence_are_drawn_together():
    """Ten equal objects in one sequence are worth no more than one."""
    alone = paired_interval([[1.0], [0.0]])
    together = paired_interval([[1.0] * 10, [0.0] * 10])
    assert alone == together == (0.0, 1.0)


def test_a_higher_level_is_a_wider_interval():
    draws = [[d] for d in np.random.default_rng(2).normal(size=20)]
    narrow, wide = (paired_interval(draws, level=level) for level in (0.5, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]
    assert paired_interval([[0.1]]) is None
