import numpy as np
import pytest

from vos.errors import InputError
from vos.evaluation.points.pck_t import (
    SIZE,
    at_scored_size,
    right_joints,
    score_pck_t,
    scored_area,
)


def test_a_fifth_of_the_areas_root_strictly():
    true = np.zeros((3, 2, 2))
    visible = np.array([[True, True], [True, False], [True, True]])
    areas = np.array([0.0, 100, 400])
    predicted = true.copy()
    predicted[1] = (2, 0)  # 0.2 * 10: not closer
    predicted[2] = [(2, 3), (4, 0)]
    assert score_pck_t(predicted, true, visible, areas) == pytest.approx(100 / 3)
    assert right_joints(predicted, true, areas).tolist() == [
        [False, False], [False, False], [True, False],
    ]  # fmt: skip


def test_joints_that_were_not_visible_at_first_count():
    true = np.zeros((2, 2, 2))
    visible = np.array([[True, False], [True, True]])
    predicted = np.array([true[0], [(0, 0), (np.nan, np.nan)]])
    assert score_pck_t(predicted, true, visible, np.array([9.0, 9])) == 50
    assert np.isnan(score_pck_t(predicted, true, visible & False, np.array([9.0, 9])))


def test_positions_and_areas_at_the_scored_size():
    np.testing.assert_array_equal(
        at_scored_size(np.array([[1200, 540]]), (1920, 1080)), [[320, 160]]
    )
    half = np.zeros((240, 320), bool)
    half[:, :160] = True
    assert scored_area(half) == SIZE[0] * SIZE[1] // 2


def test_wrong_shapes():
    with pytest.raises(InputError, match=r"expected \(T, N, 2\) twice"):
        score_pck_t(np.zeros((2, 3, 2)), np.zeros((2, 3, 2)), np.zeros((2, 4), bool), np.zeros(2))
