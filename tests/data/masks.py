"""Small masks."""

import numpy as np


def square(value=1, void=False):
    ids = np.zeros((64, 80), np.uint8)
    ids[16:48, 16:48] = value
    if void:
        ids[:8] = 255
    return ids
