import numpy as np
import pytest

from vos.errors import InputError
from vos.evaluation.points.tap_vid import make_queries, mean_scores, score_tap_vid


@pytest.fixture
def truth():
    """Return three tracks (3, 8, 2), the last one never visible, and where they are occluded."""
    generator = np.random.default_rng(3)
    positions = generator.uniform(0, 256, (3, 8, 2))
    occluded = np.zeros((3, 8), bool)
    occluded[1, :6] = True
    occluded[2] = True
    return positions, occluded


def test_queries_first_and_strided(truth):
    positions, occluded = truth
    first = make_queries(positions, occluded, "first")
    assert first.points[:, 0].tolist() == [0, 6] and first.tracks.tolist() == [0, 1]
    np.testing.assert_array_equal(first.points[1, 1:], positions[1, 6, ::-1])
    assert first.counted.sum(1).tolist() == [7, 1]
    strided = make_queries(positions, occluded, "strided")
    assert strided.points[:, 0].tolist() == [0, 5] and strided.tracks.tolist() == [0, 0]
    assert strided.counted.sum(1).tolist() == [7, 7]
    assert len(make_queries(positions[2:], occluded[2:], "strided")) == 0


@pytest.mark.parametrize("mode", ["first", "strided"])
def test_the_truth_scores_1_and_a_shuffled_one_0(truth, mode):
    queries = make_queries(*truth, mode)
    right = score_tap_vid(queries, queries.target_points, queries.target_occluded)
    assert set(right.figures.values()) == {1.0}
    elsewhere = (queries.target_points + 128) % 256
    wrong = score_tap_vid(queries, elsewhere, ~queries.target_occluded).figures
    assert set(wrong.values()) == {0.0}


def test_thresholds_are_strict_and_false_positives_count(truth):
    positions, occluded = truth
    queries = make_queries(positions[:1], occluded[:1], "first")
    points, hidden = queries.target_points.copy(), queries.target_occluded.copy()
    points[0, 1] += (2, 0)
    points[0, 2] = np.nan
    hidden[0, 3] = True
    figures = score_tap_vid(queries, points, hidden).figures
    assert figures["occlusion_accuracy"] == pytest.approx(6 / 7)
    assert figures["pts_within_2"] == pytest.approx(5 / 7)
    assert figures["pts_within_4"] == pytest.approx(6 / 7)
    assert figures["jaccard_2"] == pytest.approx(4 / (7 + 2))
    assert figures["jaccard_4"] == pytest.approx(5 / (7 + 1))


def test_means_leave_out_what_has_nothing_to_score(truth):
    nan = float("nan")
    assert mean_scores([{"a": 0.5}, {"a": nan}, {"a": 1.0}]) == {"a": 0.75}
    assert np.isnan(mean_scores([{"a": nan}])["a"])
    queries = make_queries(truth[0][:, 7:], truth[1][:, 7:], "first")
    score = score_tap_vid(queries, queries.target_points, queries.target_occluded)
    assert np.isnan(score.figures["average_jaccard"])


def test_wrong_shapes(truth):
    queries = make_queries(*truth, "first")
    with pytest.raises(InputError, match=r"expected \(2, 8, 2\) and \(2, 8\)"):
        score_tap_vid(queries, queries.target_points[:1], queries.target_occluded)
