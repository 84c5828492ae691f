"""Schedules against hand-made numbers."""

import numpy as np
import pytest

from pretrain.config.pretrain_config import PretrainConfig
from pretrain.training.schedules import build_schedules, cosine, linear_then_flat


def test_cosine_starts_at_the_first_value_and_halves_the_way_in_the_middle():
    np.testing.assert_allclose(cosine(1.0, 0.0, 4), [1.0, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5])


def test_warmup_includes_both_ends():
    np.testing.assert_allclose(cosine(3.0, 0.0, 5, warmup_steps=4), [0.0, 1.0, 2.0, 3.0, 3.0])


def test_warmup_may_fill_the_whole_run():
    np.testing.assert_allclose(cosine(1.0, 0.0, 3, warmup_steps=5), [0.0, 0.5, 1.0])


def test_temperature_rises_then_stays():
    np.testing.assert_allclose(linear_then_flat(0.04, 0.06, 5, 3), [0.04, 0.05, 0.06, 0.06, 0.06])
    np.testing.assert_allclose(linear_then_flat(0.04, 0.06, 2, 0), [0.06, 0.06])


def test_the_peak_is_scaled_by_the_batch_and_the_end_is_not():
    config = PretrainConfig(epochs=4, warmup_epochs=1.0, lr=0.0005, min_lr=1e-6)
    schedules = build_schedules(config, steps_per_epoch=100, total_batch=512)
    assert schedules.steps == 400
    assert schedules.lr.max() == pytest.approx(0.001)
    assert schedules.lr[0] == 0.0
    assert schedules.lr[-1] == pytest.approx(1e-6, abs=1e-7)
    assert schedules.weight_decay[[0, -1]] == pytest.approx([0.04, 0.4], rel=1e-3)
    assert schedules.momentum[[0, -1]] == pytest.approx([0.996, 1.0], abs=1e-6)


@pytest.mark.parametrize("teacher", ["student", "previous_epoch"])
def test_without_a_moving_average_the_momentum_is_0(teacher):
    config = PretrainConfig(epochs=10, teacher=teacher)
    assert not build_schedules(config, 2, 256).momentum.any()
