"""How well a confidence ranks frames."""

import numpy as np
import pytest

from vos.evaluation.ranking import Ranking, rank_frames, rank_objects
from vos.evaluation.scores import ObjectScore


def test_by_hand():
    j = np.array([0.9, 0.8, 0.7, 0.6, 0.55, 0.52, 0.51, 0.505, 0.4, 0.3])
    best = rank_frames([(j / 2, j)])
    assert best == Ranking(10, pytest.approx(1), pytest.approx(1), 2, 0.5, 0.5)
    worst = rank_frames([(-j, j)])
    assert (worst.rank_correlation, worst.poor_caught) == (pytest.approx(-1), 0)
    swapped = rank_frames([(np.array([1.0, 3, 2]), np.array([1.0, 2, 3]))])
    assert swapped.rank_correlation == pytest.approx(1 - 6 * 2 / (3 * 8))


def test_objects_by_themselves_and_together():
    """Each object's frames are in order, but the objects' confidences are not."""
    pairs = [
        (np.array([0.1, 0.2]), np.array([0.8, 0.9])),
        (np.array([0.8, 0.9]), np.array([0, 0.1])),
    ]
    ranking = rank_frames(pairs)
    assert ranking.within_objects == pytest.approx(1)
    assert ranking.rank_correlation == pytest.approx(1 - 6 * 16 / (4 * 15))
    assert (ranking.poor_frames, ranking.poor_caught, ranking.poor_catchable) == (2, 0, 0)


def test_nothing_to_rank():
    nothing = Ranking(0, None, None, 0, None, None)
    assert rank_frames([]) == nothing
    same = rank_frames([(np.ones(3), np.array([0.6, 0.7, 0.8]))])
    assert (same.frames, same.rank_correlation, same.within_objects) == (3, None, None)
    assert same.poor_caught is None


def test_frames_are_matched_by_object_and_name():
    j = np.array([0.9, 0.5, 0.1])
    score = ObjectScore("bear", 2, 2, None, ("a", "b", "c"), j, j)
    confidence = {("bear", 2, "a"): 0.8, ("bear", 2, "c"): 0.3, ("bear", 1, "b"): 1.0}
    ranking = rank_objects([score], confidence)
    assert (ranking.frames, ranking.rank_correlation) == (2, pytest.approx(1))
    assert rank_objects([score], {}).frames == 0
