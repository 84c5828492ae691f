"""Average precision by the trapezoid rule, for retrieval and copy detection.

As in the evaluation of Oxford Buildings (J. Philbin et al., CVPR 2007) and INRIA Holidays
(H. Jegou et al., ECCV 2008), which Caron et al. 2021, section 4.2, score by.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def average_precision(ranks: Sequence[int] | NDArray[np.int64], positives: int) -> float:
    """Return the area under the precision-recall curve of one query.

    Each positive found adds a trapezoid: from the precision before it to the precision with it.
    The precision before the first place of the list is 1.

    Args:
        ranks: places of the positives that were found, from 0, ascending.
        positives: how many positives there are in all, found or not; at least 1.

    Raises:
        ValueError: more places than positives, or no positives.
    """
    places = np.asarray(ranks, dtype=np.float64)
    if positives < 1 or len(places) > positives:
        raise ValueError(f"{len(places)} places for {positives} positives")
    earlier = np.arange(len(places), dtype=np.float64)
    before = np.where(places > 0, earlier / np.maximum(places, 1), 1.0)
    after = (earlier + 1) / (places + 1)
    return float(((before + after) / 2).sum() / positives)
