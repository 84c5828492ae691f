"""A frame to compute features of."""

import numpy as np

FRAME = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
