import numpy as np
import pytest

from benchmarks.retrieval.rankings import rank_database, score_rankings
from tests.data.landmarks import truth
from vos.errors import InputError


def test_protocols_by_hand():
    # One query; the database in rank order is 4 (junk), 2 (easy), 0 (nothing), 1 (hard), 3.
    ranking = np.array([[4], [2], [0], [1], [3]])
    wanted = [truth(easy=[2], hard=[1], junk=[4])]
    medium = score_rankings(ranking, wanted, "medium", (1, 2, 3, 10))
    # Without the junk: places 0 and 2 of 4.
    assert medium.mean_ap == pytest.approx((1 + 7 / 12) / 2)
    # mP@10 looks no further than the last positive, at the third place.
    assert medium.precision_at == pytest.approx({1: 1, 2: 1 / 2, 3: 2 / 3, 10: 2 / 3})
    hard = score_rankings(ranking, wanted, "hard", (1, 5))
    # Junk and easy go: the hard one is second, (0 + 1/2)/2.
    assert hard.mean_ap == pytest.approx(0.25)
    assert hard.precision_at == pytest.approx({1: 0, 5: 1 / 2})


def test_queries_without_positives_are_left_out():
    ranking = rank_database(np.array([[0.9, 0.1], [0.2, 0.8]], np.float32))
    score = score_rankings(ranking, [truth(easy=[0]), truth(hard=[1])], "hard")
    assert score.aps == [None, 1.0]
    assert score.mean_ap == 1
    with pytest.raises(InputError, match="no query has a positive"):
        score_rankings(ranking, [truth(easy=[0]), truth()], "hard")


def test_truth_that_does_not_fit():
    ranking = rank_database(np.zeros((2, 1), np.float32))
    with pytest.raises(InputError, match="the database of 2 lacks"):
        score_rankings(ranking, [truth(easy=[5])], "medium")
    with pytest.raises(InputError, match="1 queries were ranked"):
        score_rankings(ranking, [truth(), truth()], "medium")


def test_ties_keep_the_databases_order():
    assert rank_database(np.zeros((4, 1), np.float32))[:, 0].tolist() == [0, 1, 2, 3]
