import pytest

from benchmarks.retrieval.average_precision import average_precision


def test_ap_by_hand():
    # Positives at places 0 and 2 of three: trapezoids (1 + 1)/2 and (1/2 + 2/3)/2, over 2.
    assert average_precision([0, 2], 2) == pytest.approx((1 + 7 / 12) / 2)
    assert average_precision([], 4) == 0
    with pytest.raises(ValueError, match="2 places for 1"):
        average_precision([0, 1], 1)
