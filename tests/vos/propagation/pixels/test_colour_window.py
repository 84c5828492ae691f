"""Fits of values to colours."""

import numpy as np

from vos.propagation.pixels.colour_window import ColourWindow


def test_values_that_are_a_function_of_the_colour_come_back():
    guide = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    values = guide @ np.array([0.5, -0.2, 0.3], np.float32) + np.float32(0.1)
    fit = ColourWindow(guide, 3).fit(values)
    assert fit.shape == (20, 30, 4)
    assert fit.dtype == np.float32
    again = (fit[..., :3] * guide).sum(-1) + fit[..., 3]
    np.testing.assert_allclose(again, values, atol=2e-3)


def test_values_of_a_flat_window_are_averaged():
    values = np.zeros((9, 9), np.float32)
    values[4, 4] = 1
    fit = ColourWindow(np.full((9, 9, 3), 0.5, np.float32), 1).fit(values)
    again = fit[..., :3].sum(-1) / 2 + fit[..., 3]
    assert 0.1 < again[4, 4] < 0.12  # a ninth, averaged over nine windows that hold it
    assert abs(float(again[0, 0])) < 1e-6
