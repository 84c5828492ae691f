"""Fixtures that the tests of this wing share."""

import cv2
import numpy as np
import pytest


@pytest.fixture
def three():
    """Objects 1, 2 and 3 as discs on a 120x160 frame."""
    ids = np.zeros((120, 160), np.uint8)
    for object_id, centre in ((1, (40, 40)), (2, (110, 50)), (3, (80, 90))):
        cv2.circle(ids, centre, 22, object_id, -1)
    return ids


@pytest.fixture
def two():
    """Two squares, ids 1 and 2, on 80x100."""
    ids = np.zeros((80, 100), np.uint8)
    ids[10:40, 10:40] = 1
    ids[30:70, 60:90] = 2
    return ids
