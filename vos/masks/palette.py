"""The palette of DAVIS: the colour of each object id."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Color = tuple[int, int, int]


def _davis_palette() -> NDArray[np.uint8]:
    """Spread the bits of an id over three channels, the lowest bits to the highest places.

    Bit 3k + c of the id is bit 7 - k of channel c, so near ids get far colours.
    """
    ids = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        place, channel = divmod(bit, 3)
        palette[:, channel] |= (((ids >> bit) & 1) << (7 - place)).astype(np.uint8)
    palette.setflags(write=False)
    return palette


DAVIS_PALETTE = _davis_palette()
"""(256, 3) uint8 RGB: the colour of each id in DAVIS's own annotation files."""


PALETTE_IDS: dict[Color, int] = {(r, g, b): i for i, (r, g, b) in enumerate(DAVIS_PALETTE.tolist())}
