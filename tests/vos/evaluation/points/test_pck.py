import numpy as np
import pytest

from vos.errors import InputError
from vos.evaluation.points.pck import VARIANTS, JointTracks, reference_lengths, score_pck

SQUARE = np.array([[10.0, 10], [40, 10], [10, 50], [40, 50]])  # a box of 30 x 40, diagonal 50


def tracks(*moves, frames=3, true=SQUARE):
    """Make a video whose predictions are off by (frame, joint, x, y)."""
    predicted = np.repeat(true[None], frames, 0)
    for t, joint, x, y in moves:
        predicted[t, joint] += (x, y)
    return JointTracks(np.repeat(true[None], frames, 0), predicted, (60, 60))


def test_a_right_track_scores_100_and_a_shuffled_one_0():
    score = score_pck([tracks()])
    np.testing.assert_array_equal(score.mean, 100)
    video = tracks()
    shuffled = JointTracks(video.true, video.true[:, [1, 2, 3, 0]], video.size)
    assert score_pck([shuffled], (0.1,)).mean.tolist() == [0]


def test_a_share_of_the_boxs_diagonal_and_no_first_frame():
    video = tracks((0, 0, 50, 0), (1, 0, 3, 0), (1, 1, 3.001, 0))
    np.testing.assert_allclose(reference_lengths(video), 30)
    score = score_pck([video], (0.1,))
    assert score.scored.tolist() == [2, 2, 2, 2]
    assert score.per_joint.tolist() == [[100, 50, 100, 100]]
    assert score.mean.tolist() == [87.5]


def test_joints_without_a_position_do_not_count_nor_make_the_box():
    nan = np.nan
    video = tracks((1, 0, nan, nan), (1, 1, nan, nan), (2, 3, nan, nan), (1, 3, nan, nan))
    score = score_pck([video], (0.1,))
    assert score.scored.tolist() == [1, 1, 2, 0]
    np.testing.assert_allclose(reference_lengths(video), [30, 0, 30])
    assert np.isnan(score.per_joint[0, 3])
    # the only joint of frame 1 has a box without length, so that it is not right
    assert score.per_joint[0, 2] == 50
    assert score.mean[0] == pytest.approx(250 / 3)


def test_named_variants():
    video = tracks((1, 0, 5, 0), (2, 0, 5, 0), (2, 1, 5, 0))

    def mean(name, videos=(video,), alpha=0.1):
        return score_pck(videos, (alpha,), VARIANTS[name]).mean[0]

    assert mean("label-propagation") == mean("pooled") == 62.5
    assert mean("tap-net") == 75
    assert mean("longer-side", alpha=0.125) == 100  # 5 of 40
    assert mean("longer-side", alpha=0.12) == 62.5
    partial = tracks((1, 0, np.nan, 0), (2, 0, 5, 0))
    assert mean("label-propagation", [partial]) == 75
    assert mean("pooled", [partial]) == pytest.approx(600 / 7)
    outside = tracks(true=np.add(SQUARE, (0, 15)))  # two joints at y = 65, outside of 60 pixels
    score = score_pck([outside], (0.1,), VARIANTS["tap-net"])
    assert score.scored.tolist() == [3, 3, 0, 0]
    np.testing.assert_allclose(reference_lengths(outside, VARIANTS["tap-net"]), 18)


def test_wrong_input():
    with pytest.raises(InputError, match="at least one"):
        score_pck([])
    with pytest.raises(InputError, match="expected one shape"):
        JointTracks(np.zeros((3, 4, 2)), np.zeros((2, 4, 2)), (60, 60))
